# SPDX-License-Identifier: Apache-2.0
"""Containers of a user without rights: runc in a user namespace, and Podman."""

import functools
import json
import os
import shutil
from pathlib import Path

import observe
import rootless
from expect import check_gpus, check_loader, check_mount_flags, check_params, check_started
from attach_cycle import GPU, NODE
from command import GOOD, WARNING, document
from harness import MINORS, SETUP, Skip, check, check_equal, fail_text, run, test
from nvidia_spec import RELEASES, specification, text_of

rootless.make_user()


def started(devices, **options):
    outcome = rootless.run_runc(devices, **options)
    check_started(outcome)
    return outcome


def without_record():
    """The places of the failure record, emptied."""
    for directory in ("/run/oci-nvidia-hook", f"{rootless.RUNTIME_DIRECTORY}/oci-nvidia-hook"):
        shutil.rmtree(directory, ignore_errors=True)
    return Path(rootless.RUNTIME_DIRECTORY, "oci-nvidia-hook/last-failure")


@test("rootless")
def one_gpu_is_there_and_the_loader_finds_the_driver():
    rootless.write_config()
    view = started("1").view
    check_gpus(view, [1])
    check_loader(view)
    check_params(view)
    check_mount_flags(view)


@test("rootless")
def the_log_says_that_device_rules_are_skipped():
    rootless.write_config()
    started("1")
    check("device rules skipped: in a user namespace" in rootless.log(), rootless.log())


@test("rootless")
def what_the_hook_makes_belongs_to_root_of_the_container():
    rootless.write_config()
    outcome = started("0")
    rows = [line for line in outcome.view["tree"] if SETUP.version in line]
    check(rows, "no placeholder was made")
    for name in ("/usr/bin/nvidia-smi", "/etc/ld.so.cache"):
        status = os.stat(f"{outcome.directory}.rootfs{name}")
        check_equal((status.st_uid, status.st_gid), (rootless.USER,) * 2, f"owner of {name}")


@test("rootless")
def a_container_without_a_request_is_untouched():
    rootless.write_config()
    view = started(None).view
    check_equal(view.nodes(), {}, "device nodes")
    check("libcuda.so.1" not in view.loader(), "libcuda.so.1 is in the loader cache")


@test("rootless")
def sources_on_mounts_with_locked_flags_keep_them():
    """In a user namespace no flag that the host set can be taken away: trying to is EPERM."""
    rootless.write_config()
    library = f"usr/lib/x86_64-linux-gnu/libcuda.so.{SETUP.version}"
    flags = "remount,bind,ro,nosuid,nodev,noexec,noatime"
    source = SETUP.driver / library
    rootless.mount("--bind", source, source)
    try:
        rootless.mount("-o", flags, source)
        outcome = started("0")
    finally:
        run(["umount", source], check=True)
    seen = {mount[0]: mount[2] for mount in outcome.view.mounts()}[f"/{library}"]
    check({"ro", "nosuid", "nodev", "noexec", "noatime"} <= seen, f"flags: {seen}")


@test("rootless")
def a_failure_is_recorded_where_the_user_can_write():
    rootless.write_config()
    for env in ((), (f"XDG_RUNTIME_DIR={rootless.RUNTIME_DIRECTORY}",)):
        record = without_record()
        entry = rootless.hook_entry(f"-config={rootless.CONFIG}", env=env)
        outcome = rootless.run_runc("99", entry=entry)
        check("NVH-0202" in outcome.errors, outcome.errors)
        check(record.exists(), f"no {record} with {env}")
        check("NVH-0202" in record.read_text(), record.read_text())
        check_equal(record.stat().st_uid, rootless.USER, "owner of the record")
        check(not Path("/run/oci-nvidia-hook").exists(), "something was made in /run")


@test("rootless")
def no_record_goes_into_a_directory_of_somebody_else():
    rootless.write_config()
    without_record()
    foreign = Path(rootless.HOME, "foreign")
    foreign.mkdir(exist_ok=True)
    foreign.chmod(0o777)
    env = (f"XDG_RUNTIME_DIR={foreign}",)
    rootless.run_runc("99", entry=rootless.hook_entry(f"-config={rootless.CONFIG}", env=env))
    check_equal(list(foreign.iterdir()), [], "files")


@test("rootless")
def a_log_that_cannot_be_written_costs_nothing():
    rootless.write_config('debug = "/var/log/oci-nvidia-hook-test.log"\n')
    check_gpus(started("0").view, [0])
    check(not Path("/var/log/oci-nvidia-hook-test.log").exists(), "the log was made")


def user_config(directory, text):
    path = Path(directory, "oci-nvidia-hook/config.toml")
    rootless.as_user("mkdir", "-p", path.parent, check=True)
    path.write_text(text)
    return path


@test("rootless")
def the_user_has_a_configuration_of_her_own():
    """Podman gives the hook the environment of its definition, in which nothing tells of the user."""
    home = f"{rootless.HOME}/home/.config"
    text = f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\n'
    for directory, env in (
        (home, ()),
        (home, (f"HOME={rootless.HOME}/home",)),
        (f"{rootless.HOME}/home/xdg", (f"XDG_CONFIG_HOME={rootless.HOME}/home/xdg",)),
    ):
        path = user_config(directory, text)
        try:
            check_gpus(started("0", entry=rootless.hook_entry(env=env)).view, [0])
        finally:
            path.unlink()
    outcome = rootless.run_runc("0", entry=rootless.hook_entry())
    check("NVH-04" in outcome.errors, f"the driver was found without it: {outcome.errors}")


@test("rootless")
def a_missing_node_is_told_with_what_to_run_on_the_host():
    rootless.write_config()
    node, aside = Path("/dev/nvidiactl"), Path("/dev/nvidiactl.aside")
    node.rename(aside)
    try:
        outcome = rootless.run_runc("0")
    finally:
        aside.rename(node)
    for words in ("NVH-0404", "missing device node `/dev/nvidiactl`", "oci-nvidia-hook create-device-nodes", "host"):
        check(words in outcome.errors, f"expected {words!r} in {outcome.errors}")
    check("not possible in a user namespace" in rootless.log(), rootless.log())


@test("rootless")
def what_only_nvml_knows_is_asked_in_the_user_namespace_too():
    rootless.write_config()
    asked = []
    for expected in ("8.0", "9.9"):

        def require(config, wanted=expected):
            config["process"]["env"].append(f"NVIDIA_REQUIRE_ARCH=arch>={wanted}")

        asked.append(rootless.run_runc("0", edit=require))
    check_started(asked[0])
    check_gpus(asked[0].view, [0])
    check("NVH-0302" in asked[1].errors, asked[1].errors)


def nested(config):
    """As Podman's --userns=auto: the container has a user namespace of its own in the user's."""
    mapping = [{"containerID": 0, "hostID": 1, "size": 1024}]
    config["linux"]["namespaces"].append({"type": "user"})
    config["linux"].update(uidMappings=mapping, gidMappings=mapping)


@test("rootless")
def a_runtime_that_is_not_in_the_user_namespace_gets_a_message():
    """runc of an ordinary user makes the namespace itself; its hooks are outside of it, without any right."""
    rootless.write_config()

    def own(config):
        nested(config)
        one = [{"containerID": 0, "hostID": rootless.USER, "size": 1}]
        config["linux"].update(uidMappings=one, gidMappings=one)
        config["hooks"]["prestart"] = []

    outcome = rootless.run_runc("0", edit=own, launch=rootless.as_user)
    check_equal(outcome.errors.count("NVH-"), 1, outcome.errors)
    for words in ("NVH-0508", "user namespace"):
        check(words in outcome.errors, f"expected {words!r} in {outcome.errors}")


# ---- Podman

IMAGE = "oci-nvidia-test"


def hooks_directory(definition):
    directory = Path(rootless.HOME, f"{definition.stem}.d")
    if not directory.exists():
        directory.mkdir()
        ours = json.loads(definition.read_text())
        ours["hook"]["path"] = rootless.HOOK
        ours["hook"]["args"].insert(1, f"-config={rootless.CONFIG}")
        (directory / "oci-nvidia-hook.json").write_text(json.dumps(ours))
        ours["hook"].update(path=rootless.PROCFS_ENTRY["path"], args=["procfs-hook"])
        ours["stages"] = ["createRuntime"]
        (directory / "00-procfs.json").write_text(json.dumps(ours))
    return directory


def podman(*words, definition=None, **options):
    hooks = hooks_directory(definition or SETUP.hook_definition)
    command = ["podman", "--root", f"{rootless.HOME}/home/storage"]
    command += ["--runroot", f"{rootless.RUNTIME_DIRECTORY}/podman", "--cgroup-manager", "cgroupfs"]
    command += ["--events-backend", "file", "--hooks-dir", hooks]
    return rootless.as_user(*command, *words, **options)


@functools.cache
def podman_image():
    rootless.tree()
    done = podman("import", f"{rootless.HOME}/image.tar", IMAGE)
    if done.returncode != 0:
        raise Skip(fail_text("podman import", done))
    return IMAGE


def run_podman(devices, *options, definition=None):
    rootless.write_config()
    image = podman_image()
    limits = "--rm --network none --runtime runc --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --pids-limit -1"
    environment = ["-e", f"NVIDIA_VISIBLE_DEVICES={devices}"] if devices else []
    command = [*limits.split(), *environment, *options, image, "sh", "-c", observe.WITH_FILES]
    done = podman("run", *command, definition=definition)
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, fail_text("podman run", done))
    return view


@test("rootless")
def podman_gives_a_container_its_gpu():
    view = run_podman("1")
    check_gpus(view, [1])
    check_loader(view)
    check("device rules skipped" in rootless.log(), rootless.log())


@test("rootless")
def podman_gives_its_gpu_in_every_user_namespace_mode():
    for mode in ("keep-id", "nomap", "auto"):
        view = run_podman("0", f"--userns={mode}", "--user", "0:0")
        check_gpus(view, [0])
        check_loader(view)
        rows = [line.split() for line in view["tree"]]
        cache = [row[-2] for row in rows if row[0] == "/etc/ld.so.cache"]
        check_equal(cache, ["0:0"], f"owner of the loader cache with {mode}")


@test("rootless")
def podman_as_the_user_herself_with_keep_id():
    view = run_podman("0", "--userns=keep-id")
    check_gpus(view, [0])


@test("rootless")
def podman_leaves_a_container_without_a_request_alone():
    view = run_podman(None)
    check_equal(view.nodes(), {}, "device nodes")


@test("rootless")
def podman_gives_a_container_its_gpu_by_precreate():
    """The runtime mounts the host's nodes, because it can make none there, and the hook does the rest."""
    example = SETUP.hook_definition.parent / "oci-nvidia-hook-precreate.json"
    for mode in ("host", "auto"):
        view = run_podman("1", f"--userns={mode}", definition=example)
        check_gpus(view, [1])
        check_loader(view)
        targets = [mount[0] for mount in view.mounts() if "nvidia" in mount[0] or SETUP.version in mount[0]]
        check_equal(sorted(targets), sorted(set(targets)), "mount points of the driver, each once")
    check("editing config.json" in rootless.log(), rootless.log())


@test("rootless")
def podman_serves_specifications_of_nvidias_form():
    """Their hooks run in the user namespace, and are ours."""
    directory = Path("/run/cdi")
    directory.mkdir(exist_ok=True)
    podman_image()
    for release in ("1.17", "device plugin 0.20"):
        program = Path(rootless.HOME, RELEASES[release].program)
        if not program.exists():
            program.symlink_to(rootless.HOOK)
        file = directory / f"nvidia.{'yaml' if RELEASES[release].yaml else 'json'}"
        file.write_text(text_of(specification(str(program), release), release))
        try:
            for mode in ("host", "auto"):
                view = run_podman(None, "--device", "nvidia.com/gpu=1", f"--userns={mode}", "--user", "0:0")
                check_loader(view)
                check(f"/dev/nvidia{MINORS[1]}" in view.nodes(), f"{release}, {mode}: {view.nodes()}")
        finally:
            file.unlink()


def podman_in_usual_places(*words):
    """Where `oci-nvidia` looks for the containers of a user."""
    command = ["podman", "--root", f"{rootless.HOME}/home/.local/share/containers/storage"]
    command += ["--runroot", f"{rootless.RUNTIME_DIRECTORY}/containers", "--cgroup-manager", "cgroupfs"]
    command += ["--events-backend", "file", "--hooks-dir", hooks_directory(SETUP.hook_definition)]
    return rootless.as_user(*command, *words)


@test("rootless")
def a_container_of_a_user_gets_a_gpu_from_root_and_loses_it():
    rootless.tree()
    rootless.write_config()
    done = podman_in_usual_places("import", f"{rootless.HOME}/image.tar", IMAGE)
    check_equal(done.returncode, 0, fail_text("podman import", done))
    limits = "--detach --name web --network none --runtime runc --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --pids-limit -1"
    done = podman_in_usual_places("run", *limits.split(), IMAGE, "sleep", "1000")
    check_equal(done.returncode, 0, fail_text("podman run", done))

    def opened():
        return podman_in_usual_places("exec", "web", "inspect", "open", NODE).stdout.split()[1]

    try:
        check_equal(opened(), "ENOENT", "before")
        word = f"{rootless.USER}:web"
        check_equal(document("attach", word, str(GPU), status=GOOD)["result"], "attached", "attach")
        check_equal(opened(), "ENXIO", "after attach")
        owner = podman_in_usual_places("exec", "web", "stat", "-c", "%u", "/etc/ld.so.cache").stdout.strip()
        check_equal(owner, "0", "owner of the loader cache")
        check_equal(document("detach", word, str(GPU), status=WARNING)["result"], "detached", "detach")
        check_equal(opened(), "ENOENT", "after detach")
    finally:
        podman_in_usual_places("rm", "--force", "--time", "0", "web")
