# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia cdi check` and `cdi list`: what they say of specifications that fit, and of each that no longer does."""

import json

import test_mig
from cdi import WITH_SPEC, generate, installed, oci_nvidia, on_host, validate
from harness import HERE, SETUP, UUID, check, check_equal, fail_text, run, test
from upgrade import NEW_VERSION, upgraded_driver

SCHEMAS = HERE.parents[1] / "docs/schemas"
GOOD, WARNING, BROKEN = 0, 1, 3
MODES = ("full", "thin")
# As NVIDIA's tool writes it.
NVIDIAS = """---
cdiVersion: 0.5.0
containerEdits:
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  deviceNodes:
  - path: /dev/nvidiactl
  hooks:
  - args: [nvidia-cdi-hook, update-ldcache, --folder, /usr/lib64]
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
  mounts:
  - containerPath: /usr/lib64/libcuda.so.520.61.05
    hostPath: /usr/lib64/libcuda.so.520.61.05
    options: [ro, nosuid, nodev, bind]
devices:
- containerEdits: {deviceNodes: [{path: /dev/nvidia0}]}
  name: "0"
- containerEdits: {deviceNodes: [{path: /dev/nvidia0}]}
  name: all
kind: nvidia.com/gpu
"""


def check_words(words, status, host=None, config=None, driver=None, spec=None):
    """What `cdi check` prints on a host: people's text, and the document."""
    line = [SETUP.hook.parent / "oci-nvidia", "cdi", "check", "--config", config or SETUP.config]
    line = ["sh", "-c", WITH_SPEC, spec, *line] if spec else line
    said = run(on_host(host, line, driver))
    check_equal(said.returncode, status, fail_text("cdi check", said))
    for word in words:
        check(word in said.stdout, f"expected {word!r} in {said.stdout!r}")
    document = run(on_host(host, [*line, "--json"], driver))
    check_equal(document.returncode, status, "exit status with --json")
    return validate(document.stdout, SCHEMAS / "cdi-check-1.schema.json")


def check_text(text, words, status, **more):
    spec = SETUP.work / "checked.json"
    spec.write_text(text)
    return check_words(words, status, spec=spec, host=more.pop("host", []), **more)


@test("cdi")
def a_specification_of_today_fits():
    for mode in MODES:
        document = check_text(generate("--mode", mode), [": fits"], GOOD)
        check_equal(document["files"][0]["findings"], [], "findings")
    mig = generate(host=test_mig.HOST)
    check_text(mig, [": fits"], GOOD, host=test_mig.HOST)


@test("cdi")
def an_upgraded_driver_makes_a_full_specification_stale_and_a_thin_one_not():
    with upgraded_driver() as (config, upgrade):
        full, thin = (generate("--mode", mode, config=config) for mode in MODES)
        remedy = f"oci-nvidia cdi generate --config {config} --hook {SETUP.hook} --output /var/run/cdi/nvidia.com-gpu.json"
        where = {"host": ["--driver-version", NEW_VERSION], "config": config, "driver": upgrade()}
        words = [": stale", "gone from the host: ", f"of driver {SETUP.version}, and {NEW_VERSION} is loaded"]
        check_text(full, [*words, remedy], BROKEN, **where)
        check_text(thin, [": fits"], GOOD, **where)


@test("cdi")
def gpus_that_are_gone_are_named():
    words = [": stale", f"gone from the host: device node `{SETUP.driver}/dev/nvidia5`", "`7` is gone: this host has no such GPU"]
    words += [f"`{UUID}7` is gone", f"oci-nvidia cdi generate --config {SETUP.config} --hook {SETUP.hook} --mode thin --output"]
    check_text(generate("--mode", "thin"), words, BROKEN, host=["--gpus", "7"])


@test("cdi")
def gpus_that_have_come_are_named():
    words = [": incomplete", f"GPU 7 ({UUID}7) has no name in it", "`all` lacks /dev/nvidia5"]
    check_text(generate(host=["--gpus", "7"]), words, WARNING)


@test("cdi")
def a_node_with_another_number_is_named():
    """Ours say no numbers; others may, and the major number of nvidia-uvm is not the same after each boot."""
    spec = json.loads(generate())
    for node in spec["containerEdits"]["deviceNodes"]:
        if node["path"] == "/dev/nvidia-uvm":
            node.update(type="c", major=510, minor=0)
    check_text(json.dumps(spec), [": stale", "`/dev/nvidia-uvm` is device 510:0 there, and 511:0 now"], BROKEN)
    words = [": stale", f"`{SETUP.driver}/dev/nvidia-uvm` on the host is device 510:0, and the driver's is 511:0"]
    check_text(generate(), words, BROKEN, host=["--node-number", "nvidia-uvm=510:0"])


@test("cdi")
def changed_mig_devices_are_named():
    mig = generate("--device-names", "index", host=test_mig.HOST)
    words = [": stale", "`1:0` is gone: this host has no such MIG device"]
    check_text(mig, words, BROKEN, host=["--gpus", "4"])
    plain = generate(host=["--gpus", "4"])
    words = [": incomplete", f"MIG device MIG 0 ({test_mig.mig_uuid(1, 7)}", "has no name in it"]
    check_text(plain, words, WARNING, host=test_mig.HOST)


@test("cdi")
def a_hook_that_is_gone_is_named():
    text = generate().replace(str(SETUP.hook), "/usr/bin/gone/oci-nvidia-hook")
    check_text(text, [": stale", "gone from the host: hook `/usr/bin/gone/oci-nvidia-hook`"], BROKEN)


@test("cdi")
def a_specification_of_nvidias_tool_is_checked_too():
    words = [": stale", "gone from the host: `/usr/lib64/libcuda.so.520.61.05`", "hook `/usr/bin/nvidia-cdi-hook`"]
    words += [f"of driver 520.61.05, and {SETUP.version} is loaded", "`0` gives /dev/nvidia0, and its node is /dev/nvidia2 now"]
    words.append("Try: install the package oci-nvidia-cdi-hook, then oci-nvidia cdi generate --hook /usr/bin/nvidia-cdi-hook --")
    file = SETUP.work / "nvidia.yaml"
    file.write_text(NVIDIAS)
    done = oci_nvidia("cdi", "check", "--config", SETUP.config, file)
    check_equal(done.returncode, BROKEN, done.stderr)
    for word in words:
        check(word in done.stdout, f"expected {word!r} in {done.stdout!r}")


@test("cdi")
def files_that_are_no_specifications_are_told_with_the_reason():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join(['*' + last] * 10)}]\n" for last, name in zip("abcdefgh", "bcdefghi")
    )
    for name, text, word in (
        ("broken.json", "{", "not one whole object"),
        ("broken.yaml", "a: [", "line 1, column"),
        ("list.json", "[]", "not one whole object"),
        ("kind.yaml", "cdiVersion: 0.5.0\nkind: gpu\ndevices: [{name: a}]\n", "`gpu` is no kind"),
        ("twice.json", '{"cdiVersion":"0.5.0","kind":"a.b/c","devices":[{"name":"x"},{"name":"x"}]}', "two devices `x`"),
        ("bomb.yaml", bomb, "more than 16 MiB"),
        ("deep.json", "[" * 100000, "not one whole object"),
        ("deep.yaml", "[" * 100000, "no YAML"),
    ):
        file = SETUP.work / name
        file.write_text(text)
        done = oci_nvidia("cdi", "check", "--config", SETUP.config, file)
        check_equal(done.returncode, BROKEN, f"{name}: {done.stdout} {done.stderr}")
        check("engines skip it: " in done.stdout and word in done.stdout, f"{name}: {done.stdout!r}")
    done = oci_nvidia("cdi", "check", "--config", SETUP.config, SETUP.work / "absent.json")
    check_equal((done.returncode, "NVH-0101" in done.stderr), (11, True), done.stderr)


@test("cdi")
def names_are_listed_with_their_files_and_conflicts():
    text = generate("--device-names", "index")
    with installed(text):
        done = oci_nvidia("cdi", "list")
        check_equal((done.returncode, done.stderr), (GOOD, ""), "cdi list")
        names = [line.split()[0] for line in done.stdout.splitlines()[1:]]
        check_equal(names, [f"nvidia.com/gpu={name}" for name in [*range(8), "all"]], "names")
    with installed(text, text.replace('"name": "0"', '"name": "zero"')):
        done = oci_nvidia("cdi", "list", "--json")
        check_equal(done.returncode, WARNING, done.stderr)
        document = validate(done.stdout, SCHEMAS / "cdi-list-1.schema.json")
        states = {one["name"]: one["state"] for one in document["devices"]}
        check_equal(states["nvidia.com/gpu=0"], "usable", "a name in one file")
        check_equal(states["nvidia.com/gpu=1"], "conflict", "a name in two files")
        check_words(["`nvidia.com/gpu=1` is also in", "engines refuse it"], BROKEN)
    done = oci_nvidia("cdi", "list")
    check_equal((done.returncode, done.stdout), (GOOD, ""), "cdi list without specifications")
    check("no CDI device on this host" in done.stderr, done.stderr)


@test("cdi")
def builds_that_are_allowed_stay_allowed():
    """`cdi check` knows the annotation, and the command that it prints writes it again."""
    allowed = generate("--mode", "thin", "--allow-in-builds")
    check_equal(
        (json.loads(allowed)["annotations"], json.loads(allowed)["cdiVersion"]),
        ({"org.mobyproject.buildkit.device.autoallow": "true"}, "0.6.0"),
        "annotations and version",
    )
    check_text(allowed, [": fits"], GOOD)
    check_text(allowed.replace('"0.6.0"', '"0.5.0"'), ["needs 0.6.0", "--mode thin --allow-in-builds --output"], BROKEN)


@test("cdi")
def the_device_plugins_file_is_left_to_the_plugin():
    """It writes the file again when it starts, and a file of ours with its kind would be hidden by it."""
    kind = "k8s.device-plugin.nvidia.com"
    words = ["--config", SETUP.config, "--kind", f"{kind}/gpu", "--device-names", "uuid"]
    plugins = oci_nvidia("cdi", "generate", *words, "--hook", "/usr/bin/nvidia-ctk").stdout
    with installed(plugins, name=f"{kind}-gpu") as (file,):
        check_words(["hook `/usr/bin/nvidia-ctk`", "Try: install the package oci-nvidia-hook\n"], BROKEN)
        directory = SETUP.work / "etc-cdi"
        directory.mkdir()
        hidden = directory / "ours.json"
        hidden.write_text(oci_nvidia("cdi", "generate", *words).stdout)
        done = oci_nvidia("cdi", "check", "--config", SETUP.config, "--spec-dir", directory, "--spec-dir", file.parent)
        check_equal(done.returncode, BROKEN, done.stderr)
        check(f"Try: remove {hidden}, which engines do not use beside {file}\n" in done.stdout, done.stdout)
    with installed(plugins.replace("/usr/bin/nvidia-ctk", str(SETUP.hook)), name=f"{kind}-gpu"):
        check_words([": fits"], GOOD)
