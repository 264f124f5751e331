# SPDX-License-Identifier: Apache-2.0
"""Devices by CDI without an engine that knows CDI, and NVIDIA's specifications beside every door of ours."""

import os

import observe
import shim
from bundle import HOOK_ENV, Case, bind, bundle, foreign_nodes, run_in
from command import document
from expect import ERROR_LINE, check_foreign_nodes, check_gpus, check_loader
from harness import CGROUP_NAME, SETUP, check, check_equal, run, test

RUNTIME = "nvidia-container-runtime"
CDI_WORDS = "config.json has hooks of NVIDIA's CDI specifications"
NOTHING_WORDS = "nothing to do: config.json has the driver already"


def case(devices=None, capabilities="compute,utility", **options):
    env = {"NVIDIA_DRIVER_CAPABILITIES": capabilities} if capabilities else {}
    return Case(devices, env, hook=[], mounts=[foreign_nodes()], **options)


def annotated(names, key="cdi.k8s.io/test"):
    def edit(config, _directory):
        config["annotations"] = {key: names}

    return edit


def run_shim(directory, program=RUNTIME, settings=""):
    """`settings` are of the table nvidia-container-runtime."""
    env = shim.environment()
    if settings:
        file = directory / "shim.toml"
        file.write_text(shim.config().read_text() + settings)
        env["NVIDIA_CTK_CONFIG_FILE_PATH"] = str(file)
    words = [shim.program(program), "run", "--bundle", directory, f"{CGROUP_NAME}{directory.name}"]
    return run(words, env=env)


def view_of(made, *arguments):
    with bundle(made) as directory:
        done = run_shim(directory, *arguments)
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, f"no container: {done.stderr} {done.stdout[-300:]}")
    return view


@test("runc")
def a_name_by_cdi_in_the_variable_is_its_gpu():
    view = view_of(case("nvidia.com/gpu=1,runtime.nvidia.com/gpu=gpu4"))
    check_gpus(view, [1, 4])
    check_foreign_nodes(view, [1, 4])
    check_loader(view)


@test("runc")
def an_annotation_counts_in_the_mode_cdi_and_before_the_variable():
    """That the completing hook reads it, too, is seen by the loader's cache."""
    edit = annotated("nvidia.com/gpu=1,vendor.com/net=eth0")
    for program, settings in ((f"{RUNTIME}.cdi", ""), (RUNTIME, 'mode = "cdi"\n')):
        view = view_of(case("4", edit=edit), program, settings)
        check_gpus(view, [1])
        check_foreign_nodes(view, [1])
        check_loader(view)


@test("runc")
def an_annotation_does_not_count_in_another_mode():
    edit = annotated("nvidia.com/gpu=1")
    for program, settings in (
        (RUNTIME, ""),
        (f"{RUNTIME}.legacy", 'mode = "cdi"\n'),
        (RUNTIME, 'mode = "jit-cdi"\n'),
    ):
        check_gpus(view_of(case("4", edit=edit), program, settings), [4])


@test("runc")
def a_mode_by_cdi_gives_what_a_container_does_not_ask_for():
    def has_display(*arguments, capabilities=None):
        with bundle(case("0", capabilities, command="ls /dev")) as directory:
            done = run_shim(directory, *arguments)
        check_equal(done.returncode, 0, done.stderr)
        return "nvidia-modeset" in done.stdout

    check_equal(has_display(), False, "default")
    check_equal(has_display(f"{RUNTIME}.cdi"), True, "mode cdi")
    check_equal(has_display(f"{RUNTIME}.cdi", capabilities="utility"), False, "asked for less")


@test("runc")
def a_device_of_others_is_refused_with_what_to_do():
    with bundle(case("vendor.com/net=eth0")) as directory:
        before = (directory / "config.json").read_bytes()
        done = run_shim(directory)
        check(done.returncode != 0 and ERROR_LINE.fullmatch(done.stderr), done.stderr)
        for word in ("NVH-0202", "vendor.com/net=eth0", "--device"):
            check(word in done.stderr, f"expected {word!r} in {done.stderr!r}")
        check_equal((directory / "config.json").read_bytes(), before, "config.json")


@test("runc")
def the_mode_of_a_tegra_is_refused():
    with bundle(case("0")) as directory:
        done = run_shim(directory, RUNTIME, 'mode = "csv"\n')
    check(done.returncode != 0 and "NVH-0102" in done.stderr and "Tegra" in done.stderr, done.stderr)
    with bundle(case(None, command="echo started")) as directory:
        done = run_shim(directory, RUNTIME, 'mode = "csv"\n')
    check_equal((done.returncode, done.stdout), (0, "started\n"), done.stderr)


# ---- never twice


def node_element(path):
    number = os.stat(path).st_rdev
    return {"path": path, "type": "c", "major": os.major(number), "minor": os.minor(number), "fileMode": 0o666}


def add_nvidias_edits(config, library=True):
    """What an engine makes of a specification of NVIDIA's for GPU 0; its hooks are programs that do nothing."""
    for path in ("/dev/nvidiactl", "/dev/nvidia2"):
        config["linux"].setdefault("devices", []).append(node_element(path))
    if library:
        target = f"/usr/lib/x86_64-linux-gnu/libcuda.so.{SETUP.version}"
        config["mounts"].append(bind(f"{SETUP.driver}{target}", target, "ro"))
    program = SETUP.work / "toolkit" / "nvidia-cdi-hook"
    program.parent.mkdir(exist_ok=True)
    if not program.is_symlink():
        program.symlink_to("/bin/true")
    for words in (["create-symlinks", "--link", "a::/b"], ["update-ldcache", "--folder", "/usr/lib"]):
        entry = {"path": str(program), "args": [program.name, *words], "env": HOOK_ENV}
        config["hooks"].setdefault("createContainer", []).append(entry)


def nvidias(config, _directory):
    add_nvidias_edits(config)


def nvidias_without_a_library(config, _directory):
    """As where the names of the libraries say nothing."""
    add_nvidias_edits(config, library=False)


def nvidias_beside_the_gpus_option(config, _directory):
    add_nvidias_edits(config)
    env = [*HOOK_ENV, f"NVIDIA_CTK_CONFIG_FILE_PATH={SETUP.config}"]
    args = ["nvidia-container-runtime-hook", "prestart"]
    config["hooks"]["prestart"].append({"path": str(SETUP.hook), "args": args, "env": env})


def log_size():
    log = SETUP.work / "hook.log"
    return log.stat().st_size if log.exists() else 0


def check_said(size):
    log = (SETUP.work / "hook.log").read_text()[size:]
    for words in (CDI_WORDS, "create-symlinks, update-ldcache at createContainer", NOTHING_WORDS):
        check(words in log, f"expected {words!r} in the log:\n{log}")


def check_nothing_of_ours(view, libraries):
    targets = [mount[0] for mount in view.mounts()]
    ours = sorted(target for target in targets if SETUP.version in target or "nvidia" in target)
    check_equal(len(ours), libraries, f"mounts: {ours}")


@test("runc")
def the_hook_stays_out_of_a_container_of_nvidias_specification():
    for edit, libraries in ((nvidias, 1), (nvidias_without_a_library, 0)):
        size = log_size()
        with bundle(Case("all", edit=edit)) as directory:
            found = document("explain", "--bundle", str(directory))
            outcome = run_in(directory, judged=False)
        check_equal(outcome.exit, 0, outcome.errors)
        check_nothing_of_ours(outcome.view, libraries)
        check_said(size)
        check_equal(found["duty"], "engine", "who gives the driver")
        check_equal([hook["writer"] for hook in found["given"]["hooks"]], ["nvidia", "nvidia"], "hooks")
        check_equal(found["given"]["devices"], ["/dev/nvidiactl", "/dev/nvidia2"], "devices")
        check(any(CDI_WORDS in note for note in found["notes"]), found["notes"])


@test("runc")
def the_hook_of_dockers_gpus_option_stays_out_of_it():
    size = log_size()
    with bundle(Case("all", hook=[], edit=nvidias_beside_the_gpus_option)) as directory:
        outcome = run_in(directory)
    check_equal(outcome.exit, 0, outcome.errors)
    check_nothing_of_ours(outcome.view, 1)
    check_said(size)


@test("runc")
def the_shim_stays_out_of_it_also_if_an_annotation_asks():
    def edit(config, directory):
        nvidias(config, directory)
        annotated("nvidia.com/gpu=0")(config, directory)

    for program in (RUNTIME, f"{RUNTIME}.cdi"):
        with bundle(Case("all", hook=[], edit=edit)) as directory:
            before = (directory / "config.json").read_bytes()
            done = run_shim(directory, program)
            check_equal((directory / "config.json").read_bytes(), before, "config.json")
        check_equal(done.returncode, 0, done.stderr)
        check_nothing_of_ours(observe.View(done.stdout), 1)


@test("runc")
def precreate_stays_out_of_it():
    size = log_size()
    with bundle(Case("all", hook=[], edit=nvidias)) as directory:
        text = (directory / "config.json").read_text()
        done = run([SETUP.hook, f"-config={SETUP.config}", "precreate"], input=text)
    check_equal((done.returncode, done.stdout), (0, text), done.stderr)
    check_said(size)


@test("runc")
def hooks_of_another_specification_are_no_driver():
    def edit(config, directory):
        nvidias_without_a_library(config, directory)
        for hook in config["hooks"]["createContainer"]:
            hook["args"] = [hook["args"][0], "chmod", "--mode", "755"]
        config["linux"]["devices"] = []

    with bundle(Case("0", edit=edit)) as directory:
        outcome = run_in(directory)
    check_equal(outcome.exit, 0, outcome.errors)
    check_gpus(outcome.view, [0])
    check_loader(outcome.view)
