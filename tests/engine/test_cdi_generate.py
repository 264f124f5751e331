# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia cdi generate` and `cdi transform`: YAML, other devices than GPUs, calls of NVIDIA's hooks, other roots."""

import json

import observe
import test_mig
from cdi import CDI_SCHEMA, SPEC_DIR, generate, installed, oci_nvidia, podman_run, run_cdi, validate
from expect import check_gpus
from harness import SETUP, check, check_equal, fail_text, run, test
from test_features import CHANNELS, FEATURES, IMEX_MAJOR, host_nodes
from test_nvidia_cdi_hook import check_same_inside, program
from test_nvidia_cdi_hook import installed as specification_file

USAGE, DRIVER = 2, 14
NVIDIAS = "/usr/bin/nvidia-cdi-hook"
CALLS = ["create-symlinks", "enable-cuda-compat", "update-ldcache", "disable-device-node-modification"]


def refused(status, word, *options):
    done = oci_nvidia("cdi", "generate", "--config", SETUP.config, *options)
    check_equal((done.returncode, done.stdout), (status, ""), f"{options}: {done.stderr}")
    check(word in done.stderr and done.stderr.count("\n") == 1, f"{options}: {done.stderr!r}")


def written(*options, name):
    """The specification, as a file for engines."""
    SPEC_DIR.mkdir(exist_ok=True)
    path = SPEC_DIR / name
    words = ["--config", SETUP.config, "--hook", SETUP.hook, "--output", path, *options]
    done = oci_nvidia("cdi", "generate", *words)
    check_equal((done.returncode, done.stdout), (0, ""), fail_text("cdi generate", done))
    return path


def nodes_in(spec, name="all"):
    (device,) = [device for device in spec["devices"] if device["name"] == name]
    return [node["path"] for node in device["containerEdits"]["deviceNodes"]]


@test("cdi")
def podman_reads_yaml_as_it_reads_json():
    path = written("--mode", "thin", "--capabilities", "compute,utility", name="nvidia.com-gpu.yaml")
    try:
        done = run(podman_run(["1"]))
        check_equal(done.returncode, 0, fail_text("podman", done))
        check_gpus(observe.View(done.stdout), [1])
        check_equal(oci_nvidia("cdi", "check", "--config", SETUP.config).stdout, f"/var{path}: fits\n", "cdi check")
    finally:
        path.unlink()


@test("cdi")
def devices_beside_the_gpus_have_specifications_of_their_own():
    for feature, nodes in FEATURES.items():
        mode = feature.removeprefix("NVIDIA_").lower()
        refused(DRIVER, f"discovery mode {mode} found nothing", "--discovery-mode", mode)
        with host_nodes(nodes):
            path = written("--discovery-mode", mode, name=f"nvidia.com-{mode}.json")
            try:
                check_equal(set(nodes_in(validate(path.read_text(), CDI_SCHEMA))), set(nodes), mode)
                with installed(generate("--mode", "thin")):
                    done = run(podman_run(["0"], "--device", f"nvidia.com/{mode}=all", command=f"ls -l {' '.join(nodes)}"))
                check_equal(done.returncode, 0, fail_text(f"a container with {mode}", done))
            finally:
                path.unlink()


@test("cdi")
def imex_channels_are_named_by_their_numbers():
    refused(DRIVER, "discovery mode imex found nothing", "--discovery-mode", "imex")
    with host_nodes({f"{CHANNELS}/channel{number}": (IMEX_MAJOR, number) for number in (0, 3, 10)}):
        spec = validate(generate("--discovery-mode", "imex"), CDI_SCHEMA)
        check_equal(spec["kind"], "nvidia.com/imex-channel", "kind")
        check_equal([device["name"] for device in spec["devices"]], ["0", "3", "10", "all"], "names")
        check_equal(nodes_in(spec, "3"), [f"{CHANNELS}/channel3"], "nodes of 3")
        spec = json.loads(generate("--discovery-mode", "imex", "--device", "channel3", "--no-all-device"))
        check_equal([device["name"] for device in spec["devices"]], ["3"], "names")


@test("cdi")
def management_has_every_node_of_the_driver():
    spec = validate(generate("--discovery-mode", "management", host=test_mig.HOST), CDI_SCHEMA)
    check_equal((spec["kind"], len(spec["devices"])), ("management.nvidia.com/gpu", 1), "kind and devices")
    found = set(nodes_in(spec))
    expected = {f"/dev/nvidia{number}" for number in range(4)} | {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-modeset"}
    check(expected <= found, f"nodes that are missing: {expected - found}")
    check({f"/dev/nvidia-caps/nvidia-cap{number}" for number in (1, 2)} <= found, f"nodes of MIG: {found}")
    with host_nodes({"/dev/nvidia-fs0": (505, 0), "/dev/nvidia-nvswitch0": (508, 0), "/dev/nvidia-nvlink": (509, 0)}):
        spec = json.loads(generate("--discovery-mode", "management"))
    others = [path for path in nodes_in(spec) if path.startswith(("/dev/nvidia-fs", "/dev/nvidia-nv"))]
    check_equal(others, [], "nodes of others")


@test("cdi")
def a_hook_of_nvidias_name_is_called_as_nvidias_is():
    for path, first in ((NVIDIAS, ["nvidia-cdi-hook"]), ("/usr/bin/nvidia-ctk", ["nvidia-ctk", "hook"])):
        words = ["--config", SETUP.config, "--capabilities", "compute,utility", "--hook", path]
        done = oci_nvidia("cdi", "generate", *words)
        spec = validate(done.stdout, CDI_SCHEMA)
        calls = [hook["args"] for hook in spec["containerEdits"]["hooks"]]
        check_equal([call[: len(first)] for call in calls], [first] * len(calls), "programs")
        check_equal([call[len(first)] for call in calls], CALLS, "calls")
        check_equal({hook["path"] for hook in spec["containerEdits"]["hooks"]}, {path}, "path")
    refused(USAGE, "--mode thin needs oci-nvidia-hook", "--hook", NVIDIAS, "--mode", "thin")
    refused(USAGE, "--disable-hook is one of all,", "--disable-hook", "x")
    refused(USAGE, "not supported", "--discovery-mode", "csv")
    refused(USAGE, "takes the root of its configuration", "--driver-root", "/elsewhere")
    refused(USAGE, "`0` twice", "--device", "0", "--device", "0")
    refused(USAGE, "without any other device", "--device", "none", "--device", "0")


@test("cdi")
def a_container_by_nvidias_calls_has_what_one_by_our_hook_has():
    """Both specifications are of this program, and in both cases this program serves the hooks."""
    own = run_cdi(generate("--capabilities", "compute,utility"), ["1"])
    for name in ("nvidia-cdi-hook", "nvidia-ctk"):
        words = ["--config", SETUP.config, "--capabilities", "compute,utility", "--hook", program(name)]
        done = oci_nvidia("cdi", "generate", "--format", "yaml", *words)
        check_equal((done.returncode, done.stderr), (0, ""), fail_text("cdi generate", done))
        with specification_file(done.stdout, "yaml"):
            done = run(podman_run(["1"]))
            check_equal(done.returncode, 0, fail_text(f"a container by {name}", done))
        check_gpus(observe.View(done.stdout), [1])
        check_same_inside(observe.View(done.stdout), own.view)


@test("cdi")
def a_driver_root_and_a_root_of_dev_are_taken_from_the_options():
    config = SETUP.work / "no-root.toml"
    config.write_text("")
    words = ["--config", config, "--hook", NVIDIAS, "--driver-root", SETUP.driver, "--dev-root", "/"]
    done = oci_nvidia("cdi", "generate", *words)
    check_equal(done.returncode, 0, fail_text("cdi generate", done))
    edits = json.loads(done.stdout)["containerEdits"]
    check(edits["mounts"] and all(mount["hostPath"].startswith(f"{SETUP.driver}/") for mount in edits["mounts"]), "mounts")
    check_equal([node for node in edits["deviceNodes"] if "hostPath" in node], [], "nodes of another root than /dev")
    done = oci_nvidia("cdi", "generate", *words[:-1], "/nowhere")
    check_equal(done.returncode, DRIVER, done.stderr)
    check("`/nowhere/dev/nvidiactl` is no device node" in done.stderr, done.stderr)


@test("cdi")
def a_specification_is_moved_to_another_root_and_back():
    source, there, back = (SETUP.work / name for name in ("source.yaml", "there.json", "back.yaml"))
    source.write_text(generate("--format", "yaml", "--dev-root", "/"))
    words = ["cdi", "transform", "root"]
    done = oci_nvidia(*words, "--from", "/", "--to", "/host", "--input", source, "--output", there)
    check_equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "to another root")
    spec = validate(there.read_text(), CDI_SCHEMA)
    paths = [mount["hostPath"] for mount in spec["containerEdits"]["mounts"]]
    paths += [node["hostPath"] for node in spec["containerEdits"]["deviceNodes"]]
    check_equal([path for path in paths if not path.startswith("/host/")], [], "paths of the host that did not move")
    done = run([SETUP.hook.parent / "oci-nvidia", *words, "--from", "/host", "--to", "/"], input=there.read_text())
    check_equal(done.returncode, 0, done.stderr)
    moved = json.loads(done.stdout)
    for edits in (moved["containerEdits"], *(device["containerEdits"] for device in moved["devices"])):
        for node in edits.get("deviceNodes", []):
            check_equal(node.pop("hostPath"), node["path"], "node that is back")
    check_equal(moved, json.loads(generate("--dev-root", "/")), "what came back")
    for options, word in (
        (["--from", "/a"], "--to is missing"),
        (["--from", "a", "--to", "/b"], "--from is an absolute path"),
        (["--from", "/a", "--to", "/b", "--output", back.with_suffix(".txt")], "--output is `-` or a file"),
    ):
        done = oci_nvidia(*words, *options, "--input", source)
        check_equal(done.returncode, USAGE, done.stderr)
        check(word in done.stderr, done.stderr)
    check_equal(oci_nvidia("cdi", "transform").returncode, USAGE, "without the word root")


@test("cdi")
def bombs_of_yaml_end_in_one_line():
    """Each would take minutes or all of the memory if it were expanded."""
    size = 4 << 20
    bombs = {
        "aliases": "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"{n}: &{n} [{','.join(['*' + m] * 10)}]\n" for m, n in zip("abcdefgh", "bcdefghi")),
        "depth": "[" * size,
        "keys": "? " * size,
        "dashes": "- " * size,
        "anchors": "".join(f"- &a{number} x\n" for number in range(size // 16)),
        "size": "a: " + "x" * (17 << 20),
    }
    for name, text in bombs.items():
        file = SETUP.work / f"{name}.yaml"
        file.write_text(text)
        done = run(["timeout", "60", SETUP.hook.parent / "oci-nvidia", "cdi", "check", "--config", SETUP.config, file])
        said = done.stdout + done.stderr
        check(done.returncode in (3, 11), f"{name}: {done.returncode} {said[:300]}")
        check(len(said) < 600, f"{name}: {said[:600]}")
        file.unlink()
