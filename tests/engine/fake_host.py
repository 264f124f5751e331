# SPDX-License-Identifier: Apache-2.0
"""A healthy host as a directory tree, for `oci-nvidia --host-root`: the simulated kernel's texts and nodes, the driver's files, the hook
installed, Docker and Podman set up."""

import functools
import json
import os
import shutil
import stat
import time
from pathlib import Path

from harness import BUSES, MINORS, SETUP, run

USER = 20123  # an ordinary user
DOCKERD = 4242  # the process
NAMES = ["nvidia-container-runtime-hook", "nvidia-container-runtime", "nvidia-container-cli", "nvidia-container-toolkit"]
HOOKS = "usr/share/containers/oci/hooks.d"


@functools.cache
def place():
    """A directory that every user can enter; the simulated host's /run is the tests' own."""
    directory = Path("/run/oci-nvidia-doctor-tests")
    directory.mkdir(mode=0o755)
    return directory


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def program(path):
    write(path, "#!/bin/false\n", 0o755)


def copy_kernel(host):
    """What the simulated kernel shows of the driver, as plain files and nodes."""
    shutil.copytree("/proc/driver", host / "proc/driver")
    write(host / "proc/devices", Path("/proc/devices").read_text())
    for number, bus in enumerate(BUSES):
        device = host / f"sys/bus/pci/devices/0000:{bus}:00.0"
        write(device / "vendor", "0x10de\n")
        write(device / "class", "0x030200\n" if number else "0x030000\n")
        (device / "driver").symlink_to("../../../../bus/pci/drivers/nvidia")
    (host / "dev/char").mkdir(parents=True)
    for name in ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", *(f"nvidia{minor}" for minor in MINORS)]:
        number = os.stat(f"/dev/{name}").st_rdev
        os.mknod(host / "dev" / name, stat.S_IFCHR | 0o666, number)
        (host / "dev" / name).chmod(0o666)
        (host / f"dev/char/{os.major(number)}:{os.minor(number)}").symlink_to(f"../{name}")


def install_hook(host):
    shutil.copy(SETUP.hook, host / "usr/bin/oci-nvidia-hook")
    for name in NAMES:
        (host / "usr/bin" / name).symlink_to("oci-nvidia-hook")
    (host / HOOKS).mkdir(parents=True)
    shutil.copy(SETUP.hook_definition, host / HOOKS / "oci-nvidia-hook.json")


def start_dockerd(host, path="/usr/sbin:/usr/bin", started=None):
    """Its process as /proc shows it; it was started after the hook was installed."""
    process = host / f"proc/{DOCKERD}"
    write(process / "comm", "dockerd\n")
    write(process / "status", f"Name:\tdockerd\nNSpid:\t{DOCKERD}\n")
    write(process / "environ", f"LANG=C\0PATH={path}\0")
    write(host / "proc/stat", f"cpu 1 2 3\nbtime {int(started or time.time() + 60)}\n")
    write(process / "stat", f"{DOCKERD} (dockerd) S 1 {' 0' * 17} 100 0 0\n")


def make_host():
    host = place() / "healthy"
    shutil.copytree(SETUP.driver / "usr", host / "usr", symlinks=True)
    shutil.copytree(SETUP.driver / "etc", host / "etc", symlinks=True)
    copy_kernel(host)
    install_hook(host)
    for name in ("dockerd", "podman", "newuidmap"):
        program(host / "usr/bin" / name)
    start_dockerd(host)
    write(host / "etc/passwd", f"root:x:0:0::/root:/bin/sh\neva:x:{USER}:{USER}::/home/eva:/bin/sh\n")
    write(host / "etc/subuid", "eva:100000:65536\n")
    write(host / "etc/subgid", "eva:100000:65536\n")
    write(host / "etc/oci-nvidia-hook/config.toml", "[nvidia-container-cli]\nload-kmods = true\n")
    write(host / "sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
    (host / "run/systemd/system").mkdir(parents=True)
    write(host / "run/systemd/private", "")
    (host / f"run/user/{USER}").mkdir(parents=True)
    return host


@functools.cache
def healthy_host():
    return make_host()


def copy_host(name):
    """A copy of the healthy host, to be broken."""
    copy = place() / name
    run(["cp", "-a", healthy_host(), copy], check=True)
    # A copy is newer than what it is a copy of, and dockerd of the copy is to be newer than that.
    start_dockerd(copy)
    return copy


def specification(hook, kind="nvidia.com/gpu"):
    """One as NVIDIA's tools write it, whose hook is that program."""
    edits = {"hooks": [{"hookName": "createContainer", "path": hook, "args": [Path(hook).name, "update-ldcache"]}]}
    devices = [{"name": "all", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0"}]}}]
    return json.dumps({"cdiVersion": "0.5.0", "kind": kind, "containerEdits": edits, "devices": devices})
