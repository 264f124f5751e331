# SPDX-License-Identifier: Apache-2.0
"""The hook at every stage it may be registered at, at two of them, and beside CDI."""

import json
import subprocess
from pathlib import Path

from bundle import HOOK_ENV, Case, bundle, hook_words, run_container
from expect import LIBRARIES, check_gpus, check_loader, check_nodes, check_started
from harness import SETUP, check, check_equal, run, test

INSIDE = ("createContainer", "startContainer")


def plain(stage, *options, path=None):
    """A hook entry without the recorder, which looks its process up in /proc."""
    words = hook_words(stage=stage)
    return {"path": path or words[0], "args": [words[0], *options, *words[1:]], "env": HOOK_ENV}


def give_hook(config, directory, stage):
    """What starts at startContainer must be in the image."""
    target = directory / "rootfs/usr/local/bin/oci-nvidia-hook"
    target.write_bytes(SETUP.hook.read_bytes())
    target.chmod(0o755)
    inside = "/usr/local/bin/oci-nvidia-hook" if stage == "startContainer" else None
    entry = plain(stage, path=inside)
    if inside:
        entry["args"] = [inside, stage]
    config["hooks"][stage] = [entry]


def only_at(stage, edit=None):
    """A case whose hook is registered at `stage` alone."""

    def change(config, directory):
        give_hook(config, directory, stage)
        if edit:
            edit(config, directory)

    return change


def in_mounts(outcome):
    return [mount[0] for mount in outcome.view.mounts()]


def check_refused(outcome, code, exit_code):
    check(outcome.exit != 0, "the container started")
    check_equal(outcome.errors.count("NVH-"), 1, f"error codes in {outcome.errors!r}")
    for word in (code, f"exit status {exit_code}", "createRuntime"):
        check(word in outcome.errors, f"expected {word!r} in {outcome.errors!r}")


@test("runc")
def inside_the_container_the_hook_says_which_stage_to_use():
    init = Path("/proc/1/mountinfo").read_text()
    for stage in INSIDE:
        outcome = run_container(Case("0", hook=[], edit=only_at(stage)))
        check_refused(outcome, "NVH-0107", 11)
        made = [name for name, *_ in outcome.changes if "nv" in name and "oci-nvidia" not in name]
        check_equal(made, [], f"files after {stage}")
    check_equal(Path("/proc/1/mountinfo").read_text(), init, "mount table of the host's init")


@test("runc")
def inside_a_container_with_the_pid_namespace_of_the_host_it_says_so_too():
    """There `pid` is the number of a process that /proc knows."""

    def share(config, _):
        namespaces = config["linux"]["namespaces"]
        config["linux"]["namespaces"] = [each for each in namespaces if each["type"] != "pid"]

    for stage in INSIDE:
        outcome = run_container(Case("0", hook=[], edit=only_at(stage, share)))
        check(outcome.exit != 0 and outcome.errors.count("NVH-") == 1, outcome.errors)
    outcome = run_container(Case("0", hook=[], edit=only_at("createContainer", share)))
    check_refused(outcome, "NVH-0502", 15)


@test("runc")
def inside_a_container_that_joined_a_pid_namespace_no_process_of_the_host_is_touched():
    """There `pid` is a number > 1 of a namespace that /proc does not show: on the host it is somebody else's."""
    with bundle(Case(None, hook=[], command="sleep 60")) as other:
        name = f"joined-{other.name}"
        run_detached(other, name)
        try:
            pid = json.loads(runc("state", name).stdout)["pid"]

            def join(config, _):
                for each in config["linux"]["namespaces"]:
                    if each["type"] == "pid":
                        each["path"] = f"/proc/{pid}/ns/pid"

            outcome = run_container(Case("0", hook=[], edit=only_at("createContainer", join)))
            check_refused(outcome, "NVH-0107", 11)
        finally:
            runc("delete", "--force", name)


def runc(*words):
    return run(["runc", *words])


def run_detached(directory, name):
    subprocess.run(
        ["runc", "run", "--detach", "--bundle", directory, name],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@test("crun-cgroup2")
def inside_the_container_the_exit_code_tells():
    outcome = run_container(Case("0", hook=[], edit=only_at("createContainer")))
    check(outcome.exit != 0, "the container started")
    check("exit code: 11" in outcome.errors, outcome.errors)


@test("runc", "crun-cgroup2")
def inside_the_container_a_container_without_a_request_starts():
    for devices in (None, "void"):
        check_started(run_container(Case(devices, hook=[], edit=only_at("createContainer"))))


@test("runc")
def a_hostile_image_cannot_name_the_configuration_of_a_hook_inside():
    """runc 1.1 gives hooks at createContainer that have no environment the image's."""

    def hostile(config, directory):
        (directory / "rootfs/evil.toml").write_text(
            f'[nvidia-container-cli]\ndebug = "{SETUP.work}/evil.log"\n'
        )
        config["process"]["env"].append("NVIDIA_CTK_CONFIG_FILE_PATH=evil.toml")
        config["hooks"]["createContainer"] = [
            {"path": str(SETUP.hook), "args": ["oci-nvidia-hook", *options, "createContainer"]}
        ]

    # Named by the administrator, too, the file is the image's.
    for options in ([], ["-config=/evil.toml"], ["-config=evil.toml"]):
        outcome = run_container(Case("0", hook=[], edit=hostile))
        check("NVH-0107" in outcome.errors, f"{options}: {outcome.errors}")
        check(not (SETUP.work / "evil.log").exists(), "the image's configuration was used")


@test("runc", "crun-cgroup2")
def a_second_hook_inside_leaves_what_the_first_did():
    once = run_container(Case("0"))
    for stage in INSIDE if SETUP.engine == "runc" else ("createContainer",):
        outcome = run_container(Case("0", edit=only_at(stage)))
        check_started(outcome)
        check_gpus(outcome.view, [0])
        check_equal(in_mounts(outcome), in_mounts(once), f"mounts with a hook at {stage} as well")


@test("runc", "crun-cgroup2")
def a_second_hook_inside_says_why_it_does_nothing():
    log = SETUP.work / "inside.log"

    def tell(config, directory):
        give_hook(config, directory, "createContainer")
        entry = config["hooks"]["createContainer"][0]
        command = f"exec {entry['path']} --debug {entry['args'][1]} createContainer 2>{log}"
        entry.update(path="/bin/sh", args=["sh", "-c", command])

    check_started(run_container(Case("0", edit=tell)))
    for words in ("nothing to do: an earlier stage", "not read: the hook runs inside the container"):
        check(words in log.read_text(), log.read_text())


@test("runc", "runc-cgroup2", "crun-cgroup2")
def prestart_and_create_runtime_together_do_the_work_once():
    log = SETUP.work / "twice.log"
    log.unlink(missing_ok=True)
    text = f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\ndebug = "{log}"\n'

    def twice(config, directory):
        entry = config["hooks"]["createRuntime"][0]
        first = dict(entry, args=[word.replace("record.json", "first.json") for word in entry["args"]])
        config["hooks"]["prestart"].append(first)

    once = run_container(Case("0"))
    outcome = run_container(Case("0", config=text, edit=twice))
    check_started(outcome)
    check_gpus(outcome.view, [0])
    check_loader(outcome.view)
    check_equal(in_mounts(outcome), in_mounts(once), "mount points")
    check_equal(outcome.record["after"], outcome.record["before"], "container around the second run")
    check("an earlier hook" in log.read_text(), "the log does not say why nothing was done")


@test("runc")
def a_second_hook_that_has_more_to_do_does_it():
    """The first was told to leave the GPU's libraries out: the second must not take that for everything."""

    def less_first(config, directory):
        root = directory / "less"
        entry = config["hooks"]["createRuntime"][0]
        text = f'supported-driver-capabilities = "utility"\n[nvidia-container-cli]\nroot = "{SETUP.driver}"\n'
        root.write_text(text)
        first = plain("prestart")
        first["args"][1] = f"-config={root}"
        config["hooks"]["prestart"].append(first)
        check(entry["args"][-1] == "createRuntime", "the hook under test")

    outcome = run_container(Case("0", edit=less_first))
    check_started(outcome)
    check_nodes(outcome.view, [0])
    check_loader(outcome.view)


def by_cdi(config, _):
    """What a CDI specification adds to config.json."""
    config["linux"]["devices"] = [{"path": "/dev/nvidiactl", "type": "c", "major": 195, "minor": 255}]
    library = f"{LIBRARIES}/libcuda.so.{SETUP.version}"
    source = f"{SETUP.driver}{library}"
    config["mounts"].append(
        {"destination": library, "type": "bind", "source": source, "options": ["bind", "ro"]}
    )


@test("runc")
def a_container_that_has_the_driver_by_cdi_is_left_alone():
    with_hook = run_container(Case("0", edit=by_cdi))
    without = run_container(Case("0", edit=by_cdi, hook=[]))
    check_started(with_hook)
    check_equal(with_hook.view["nodes"], without.view["nodes"], "device nodes")
    check_equal(in_mounts(with_hook), in_mounts(without), "mount points")
    check_equal(with_hook.record["after"], with_hook.record["before"], "container around the hook")


@test("runc")
def a_device_node_by_hand_is_no_cdi():
    """`--privileged --gpus all` and `--device /dev/nvidiactl --gpus all` must still get the libraries."""

    def node(config, directory):
        by_cdi(config, directory)
        config["mounts"].pop()

    outcome = run_container(Case("0", edit=node))
    check_started(outcome)
    check_loader(outcome.view)
    check(SETUP.version in "\n".join(in_mounts(outcome)), "no driver file was mounted")
