# SPDX-License-Identifier: Apache-2.0
"""Nodes that only root and a group can open (SUSE, Gentoo, NVreg_DeviceFileGID), for processes of another user: Docker and CDI."""

import contextlib
import json
import os
from pathlib import Path

from harness import Skip, check, check_equal, fail_text, run, test

GROUP = 44
FIRST_PODMAN = 5  # that reads CDI 0.7
USER = ("--user", "1000:1000")
TRY = "id -G; inspect open /dev/nvidiactl /dev/nvidia3"
OPENED = "/dev/nvidiactl ENXIO\n/dev/nvidia3 ENXIO\n"
REFUSED = "/dev/nvidiactl EACCES\n/dev/nvidia3 EACCES\n"


@contextlib.contextmanager
def nodes_of_a_group():
    nodes = [node for node in Path("/dev").glob("nvidia*") if node.is_char_device()]
    try:
        for node in nodes:
            os.chown(node, 0, GROUP)
            os.chmod(node, 0o660)
        yield
    finally:
        for node in nodes:
            os.chown(node, 0, 0)
            os.chmod(node, 0o666)


def docker(*options):
    # Only where there is Docker: its modules start a daemon.
    from docker_daemon import run_docker  # pylint: disable=import-outside-toplevel

    with nodes_of_a_group():
        done = run_docker(*USER, *options, command=TRY)
    check_equal(done.returncode, 0, fail_text("docker run", done))
    return done.stdout


@test("docker")
def the_runtime_gives_the_process_the_group_of_the_nodes():
    for devices in ("1", "nvidia.com/gpu=1"):
        seen = docker("--runtime", "nvidia", "-e", f"NVIDIA_VISIBLE_DEVICES={devices}")
        check_equal(seen, f"1000 {GROUP}\n{OPENED}", devices)


@test("docker")
def a_group_that_docker_adds_is_there_once():
    runtime = ("--runtime", "nvidia", "-e", "NVIDIA_VISIBLE_DEVICES=1")
    check_equal(docker("--group-add", str(GROUP), *runtime), f"1000 {GROUP}\n{OPENED}", "with the runtime")
    check_equal(docker("--group-add", str(GROUP), "--gpus", "device=1"), f"1000 {GROUP}\n{OPENED}", "with the hook")


@test("docker")
def the_hook_alone_gives_no_group():
    """As docs/device-nodes.md says: a hook cannot change the process."""
    check_equal(docker("--gpus", "device=1"), f"1000\n{REFUSED}", "groups and nodes")


@test("docker")
def open_nodes_bring_no_group():
    from docker_daemon import run_docker  # pylint: disable=import-outside-toplevel

    done = run_docker(*USER, "--runtime", "nvidia", "-e", "NVIDIA_VISIBLE_DEVICES=1", command=TRY)
    check_equal(done.stdout, f"1000\n{OPENED}", "groups and nodes")


@test("cdi")
def a_process_gets_the_group_by_cdi():
    from cdi import generate, run_cdi  # pylint: disable=import-outside-toplevel

    with nodes_of_a_group():
        text = generate()
        check_equal(json.loads(text)["cdiVersion"], "0.7.0", "version of a specification with groups")
        version = run(["podman", "--version"]).stdout.split()[-1]
        if int(version.split(".")[0]) < FIRST_PODMAN:
            raise Skip(f"Podman {version} reads no CDI 0.7; tests/engine/run --today has one that does")
        outcome = run_cdi(text, ["1"], *USER, command=TRY)
    check_equal(outcome.exit, 0, f"podman run: {outcome.errors}; exit code")
    check_equal(outcome.output, f"1000 {GROUP}\n{OPENED}", "groups and nodes")


@test("cdi")
def a_specification_without_groups_is_for_older_engines():
    from cdi import generate, run_cdi  # pylint: disable=import-outside-toplevel

    with nodes_of_a_group():
        text = generate("--no-groups")
        outcome = run_cdi(text, ["1"], *USER, "--group-add", str(GROUP), command=TRY)
    check("additionalGids" not in text, "the specification has groups")
    check_equal(outcome.output, f"1000 {GROUP}\n{OPENED}", f"groups and nodes ({outcome.errors})")
