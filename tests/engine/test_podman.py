# SPDX-License-Identifier: Apache-2.0
"""Podman as root with runc: the hook is found through a hooks.d directory, by the definition that is installed."""

import functools
import json
import subprocess

import observe
from bundle import foreign_nodes
from expect import check_foreign_nodes, check_gpus, check_loader, check_mount_flags
from harness import PROCFS_HOOK, SETUP, check, check_equal, fail_text, run, test
from leases import holder, switched_on

IMAGE = "oci-nvidia-test"
RUNROOT = "/run/podman-test"  # of the simulated host; Podman refuses more than 50 characters
# The limits are there because a machine without CAP_SYS_RESOURCE may not raise them to Podman's defaults.
RUN_OPTIONS = (
    "--rm --network none --runtime runc --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --pids-limit -1"
).split()


def hooks_directory(definition):
    """An installed definition, with the configuration of the tests; before it, the hook that stands for the kernel module."""
    directory = SETUP.work / definition.stem
    if not directory.exists():
        directory.mkdir()
        ours = json.loads(definition.read_text())
        ours["hook"]["path"] = str(SETUP.hook)
        ours["hook"]["args"].insert(1, f"-config={SETUP.config}")
        (directory / "oci-nvidia-hook.json").write_text(json.dumps(ours))
        ours["hook"].update(path=str(PROCFS_HOOK), args=["procfs-hook"])
        ours["stages"] = ["createRuntime"]
        (directory / "00-procfs.json").write_text(json.dumps(ours))
    return directory


def podman(*words, definition=None):
    return [
        "podman",
        "--root",
        SETUP.disk / "podman",
        "--runroot",
        RUNROOT,
        "--cgroup-manager",
        "cgroupfs",
        "--events-backend",
        "file",
        "--hooks-dir",
        hooks_directory(definition or SETUP.hook_definition),
        *words,
    ]


@functools.cache
def image():
    with subprocess.Popen(["tar", "-C", SETUP.rootfs, "-c", "."], stdout=subprocess.PIPE) as tar:
        done = run(podman("import", "-", IMAGE), stdin=tar.stdout)
    check_equal(done.returncode, 0, fail_text("podman import", done))
    return IMAGE


def run_podman(devices, *options, command=observe.SCRIPT, definition=None):
    foreign = foreign_nodes()["source"]
    env = [] if devices is None else ["-e", f"NVIDIA_VISIBLE_DEVICES={devices}"]
    return run(
        podman(
            "run",
            *RUN_OPTIONS,
            "-v",
            f"{foreign}:/foreign:dev",
            *env,
            *options,
            image(),
            "sh",
            "-c",
            command,
            definition=definition,
        )
    )


def view_of(done):
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, fail_text("podman run", done))
    return view


@test("podman")
def one_gpu_is_there_and_no_other():
    view = view_of(run_podman("1"))
    check_gpus(view, [1])
    check_foreign_nodes(view, [1])


@test("podman")
def all_gpus_and_the_loader_finds_the_driver():
    view = view_of(run_podman("all"))
    check_gpus(view, range(8))
    check_loader(view)
    check_mount_flags(view)


@test("podman")
def free_gpus_are_those_that_no_container_has():
    with switched_on(SETUP.config), holder("exclusive:0-1", config=SETUP.config.read_text()):
        check_gpus(view_of(run_podman("any:2")), [2, 3])
        done = run_podman("1")
        check(done.returncode != 0 and "NVH-0206" in done.stderr, done.stderr)


@test("podman")
def a_container_without_a_request_has_nothing_of_the_driver():
    view = view_of(run_podman(None))
    check_equal(view.nodes(), {}, "device nodes")
    check("libcuda.so.1" not in view.loader(), "libcuda.so.1 is in the loader cache")
    check_foreign_nodes(view, [])


@test("podman")
def an_unknown_device_stops_the_container_with_one_line():
    done = run_podman("99")
    check(done.returncode != 0, "the container started")
    check_equal(done.stderr.count("NVH-"), 1, f"error codes in {done.stderr!r}")
    check("NVH-0202" in done.stderr, done.stderr)
