# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia ps` beside what cgroups, mounts and descriptors say, with containers of four engines at once."""

import contextlib
import os
import re
import subprocess
from pathlib import Path

import test_command_docker
import test_command_podman
from bundle import Case, bundle
from command import GOOD, document
from docker_daemon import daemon
from gpu_users import hold, open_devices, openable_gpus, wait_for_users
from harness import CGROUP_NAME, HERE, MINORS, SETUP, check_equal, run, test
from test_podman import podman
from test_ps import users_of
from usual_places import usual_places

LONG, SHORT = 100, 8
RUNTIMES = {"runc": ["runc"], "crun": [str(HERE / "keep-memlock"), "crun", "--cgroup-manager=cgroupfs"]}
ENGINES = ("runc", "crun", "Podman", "Docker")


def gpus_of(number):
    """One or two GPUs, others than those of the container before."""
    return sorted({number % len(MINORS), number * 3 % len(MINORS)})


def inside(number):
    """Every second container uses its first GPU, and the others none."""
    return f"{hold(gpus_of(number)[0])} & exec sleep 1000" if number % 2 else "exec sleep 1000"


@contextlib.contextmanager
def of_runtime(name, number):
    """Of runc or crun itself. Its id."""
    request = ",".join(map(str, gpus_of(number)))
    with bundle(Case(request, args=["/bin/sh", "-c", inside(number)])) as directory:
        identity = f"{CGROUP_NAME}{directory.name}"
        with (directory / "log").open("w") as log:
            words = [*RUNTIMES[name], "run", "--detach", "--bundle", str(directory), identity]
            done = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        check_equal(done.returncode, 0, (directory / "log").read_text())
        try:
            yield identity
        finally:
            run([*RUNTIMES[name], "delete", "--force", identity], check=True)


@contextlib.contextmanager
def of_podman(number):
    request = ("-e", f"NVIDIA_VISIBLE_DEVICES={','.join(map(str, gpus_of(number)))}")
    with test_command_podman.container(f"podman{number}", request) as identity:
        run(podman("exec", "--detach", f"podman{number}", "sh", "-c", inside(number)), check=True)
        yield identity


@contextlib.contextmanager
def of_docker(number):
    request = ("--gpus", f'"device={",".join(map(str, gpus_of(number)))}"')
    with test_command_docker.container(f"docker{number}", request) as identity:
        command = ["docker", "-H", daemon(), "exec", "--detach", f"docker{number}", "sh", "-c", inside(number)]
        run(command, check=True)
        yield identity


def container(number):
    engine = ENGINES[number % len(ENGINES)]
    if engine == "Podman":
        return engine, of_podman(number)
    return engine, of_docker(number) if engine == "Docker" else of_runtime(engine, number)


def container_of(pid, identities):
    """The container in whose cgroup a process is, by the text of the kernel."""
    text = Path(f"/proc/{pid}/cgroup").read_text()
    return next((one for one in identities if re.search(rf"[/-]{one}(\.scope)?(/|$)", text, re.M)), None)


def mounted_gpus(pid):
    lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    minors = [re.fullmatch(r"/dev/nvidia(\d+)", line.split()[4]) for line in lines]
    return sorted(MINORS.index(int(one[1])) for one in minors if one)


def what_the_kernel_says(identities):
    """{container: (its GPUs, {process: GPUs that it has open})}"""
    found = {one: (None, {}) for one in identities}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            identity = container_of(pid, identities)
            if identity is None:
                continue
            users = found[identity][1]
            if minors := open_devices(pid):
                users[int(pid)] = {MINORS.index(minor) for minor in minors}
            found[identity] = (mounted_gpus(pid), users)
    return found


def what_ps_says(found):
    def gpus(one):
        return sorted(int(device["device"]) for device in one["devices"])

    return {one["id"]: (gpus(one), users_of({"containers": [one], "host_processes": []})) for one in found["containers"]}


@test("engines-cgroup2")
def ps_says_of_containers_of_four_engines_what_the_kernel_says():
    places = {**test_command_docker.LINKS, **test_command_podman.PLACES}
    count = LONG if SETUP.long else SHORT
    with openable_gpus(), contextlib.ExitStack() as stack:
        engines = {}
        for number in range(count):
            engine, one = container(number)
            engines[stack.enter_context(one)] = engine
        wait_for_users(count // 2)
        said = what_the_kernel_says(engines)
        expected = dict(zip(engines, map(gpus_of, range(count)), strict=True))
        check_equal({one: gpus for one, (gpus, _) in said.items()}, expected, "GPUs by the kernel")
        with usual_places(places):
            found = document("ps", status=GOOD)
        check_equal(what_ps_says(found), said, "GPUs and processes")
        check_equal({one["id"]: one["engine"] for one in found["containers"]}, engines, "engines")
        permissions = {device["permission"] for one in found["containers"] for device in one["devices"]}
        check_equal((permissions, found["host_processes"]), ({"allowed"}, []), "permissions and other processes")
