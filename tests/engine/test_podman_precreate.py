# SPDX-License-Identifier: Apache-2.0
"""Podman's precreate stage: the definition that is installed as an example, in the place of the usual one."""

import shutil
from pathlib import Path

from expect import check_foreign_nodes, check_gpus, check_loader, check_params
from harness import SETUP, UUID, check, check_equal, fail_text, run, test
from observe import WITH_FILES
from test_podman import RUN_OPTIONS, hooks_directory, image, podman, run_podman, view_of
from test_precreate import SAME, flags_of
from test_setup import instead_of


def example():
    return SETUP.hook_definition.parent / "oci-nvidia-hook-precreate.json"


def run_precreate(devices, *options, **more):
    return run_podman(devices, *options, definition=example(), **more)


def named(lines):
    """Without the file whose size is that of the container's random name."""
    return [line for line in lines if not line.startswith("/etc/hosts ")]


def check_same(devices, *options):
    """What the container sees is what the hook makes it see."""
    usual = view_of(run_podman(devices, *options, command=WITH_FILES))
    seen = view_of(run_precreate(devices, *options, command=WITH_FILES))
    for section in SAME:
        check_equal(named(seen[section]), named(usual[section]), f"section {section}")
    check_equal(flags_of(seen), flags_of(usual), "mounts of the driver")
    nodes = [mount[0] for mount in seen.mounts() if mount[0].startswith("/dev/nvidia")]
    check_equal(nodes, [], "nodes that are mounts: the hook did the work, not the runtime")
    return seen


@test("podman")
def one_gpu_by_precreate_is_there_and_no_other():
    view = check_same("1")
    check_gpus(view, [1])
    check_foreign_nodes(view, [1])


@test("podman")
def all_gpus_by_precreate_and_the_loader_finds_the_driver():
    view = check_same("all", "-e", "NVIDIA_DRIVER_CAPABILITIES=all")
    check_loader(view)
    check_params(view)


@test("podman")
def a_read_only_container_by_precreate_has_its_gpu():
    check_gpus(check_same("0", "--read-only"), [0])


@test("podman")
def a_container_without_a_request_is_the_same_with_precreate():
    view = view_of(run_precreate(None))
    check_equal(view.nodes(), {}, "device nodes")
    check("libcuda.so.1" not in view.loader(), "libcuda.so.1 is in the loader cache")
    check_foreign_nodes(view, [])


@test("podman")
def an_unknown_device_by_precreate_stops_the_container():
    """Podman shows no standard error of a precreate hook, only its exit code; the line is where every failure is."""
    done = run_precreate("99")
    check(done.returncode != 0, "the container started")
    check("12" in done.stderr, f"no exit code 12 in {done.stderr!r}")


@test("podman")
def a_container_by_precreate_has_its_gpu_at_each_start():
    """Podman makes config.json anew at each, and asks the filter again."""
    name = "oci-nvidia-test-restart"
    options = [word for word in RUN_OPTIONS if word != "--rm"]
    request = ["-e", "NVIDIA_VISIBLE_DEVICES=1", "--name", name]

    def succeed(*words):
        done = run(podman(*words, definition=example()))
        check_equal(done.returncode, 0, fail_text(f"podman {words[0]}", done))
        return done.stdout

    succeed("create", *options, *request, image(), "sh", "-c", "nvidia-smi -L")
    try:
        for _ in range(2):
            check(f"{UUID}1" in succeed("start", "--attach", name), "the GPU is not there")
    finally:
        succeed("rm", name)


@test("podman")
def podman_reads_the_definition_of_the_administrator_after_setup():
    """As docs/engines.md says: a copy in /etc, which Podman does not read by itself, and `setup podman`."""
    own = Path("/etc/containers/oci/hooks.d")
    drop_in = Path("/etc/containers/containers.conf.d/99-oci-nvidia.conf")
    line = [word for word in podman("run", *RUN_OPTIONS, "-e", "NVIDIA_VISIBLE_DEVICES=1", image()) if word]
    at = line.index("--hooks-dir")
    del line[at : at + 2]
    line += ["sh", "-c", "nvidia-smi -L && { grep -c /dev/nvidia /proc/self/mountinfo || true; }"]
    kept = {path.name: path.read_text() for path in Path("/etc/containers").iterdir() if path.is_file()}
    with instead_of("/etc/containers", kept):
        shutil.copytree(hooks_directory(example()), own)
        check(run(line).returncode != 0, "Podman reads the directory without being told")
        done = run([SETUP.hook.parent / "oci-nvidia", "setup", "podman"])
        check(str(own) in drop_in.read_text(), fail_text("setup podman", done))
        done = run(line)
        check(f"{UUID}1" in done.stdout, fail_text("podman run", done))
        check_equal(done.stdout.splitlines()[-1], "0", "nodes that are mounts: the hook did the work, not the runtime")
        run([SETUP.hook.parent / "oci-nvidia", "setup", "podman", "--undo"])
        check(not drop_in.exists(), "--undo left the file")
