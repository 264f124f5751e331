# SPDX-License-Identifier: Apache-2.0
"""Processes that hold a GPU's node open, and what the kernel says about them.

No driver stands behind the nodes of the simulated host, so that nothing can open them. Here the driver says that its
major number is that of the virtual consoles, whose nodes can be opened.
"""

import contextlib
import fcntl
import os
import stat
import subprocess
import time
from pathlib import Path

from harness import MINORS, SETUP, Skip, check

MAJOR = 4


def hold(index):
    """A shell command that keeps GPU `index` open. It is no session leader, so that it gets no terminal."""
    return f"(exec 3<>/dev/nvidia{MINORS[index]}; exec sleep 1000)"


def held_in_container(index, then="sleep 1000"):
    return ["/bin/sh", "-c", f"{hold(index)} & exec {then}"]


@contextlib.contextmanager
def openable_gpus():
    """The nodes of all GPUs are such that can be opened. One engine after the other: the numbers are the whole machine's."""
    # A directory that all engines have, and that those in a tree of their own cannot write.
    lock = os.open(SETUP.rootfs.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with openable_gpus_of_this_host():
            yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def openable_gpus_of_this_host():
    place = SETUP.work / "openable"
    place.mkdir()
    mounted = []

    def cover(source, target):
        subprocess.run(["mount", "--bind", source, target], check=True)
        mounted.append(target)

    try:
        lines = Path("/proc/devices").read_text().splitlines()
        replaced = [line.replace("195 nvidia", f"{MAJOR} nvidia") for line in lines if not line.startswith(f"  {MAJOR} ")]
        (place / "devices").write_text("\n".join(replaced) + "\n")
        cover(place / "devices", "/proc/devices")
        for minor, name in [*((minor, f"nvidia{minor}") for minor in MINORS), (255, "nvidiactl"), (254, "nvidia-modeset")]:
            os.mknod(place / name, 0o20666, os.makedev(MAJOR, minor))
            os.chmod(place / name, 0o666)
            for top in ("/", SETUP.driver):
                cover(place / name, f"{top}/dev/{name}")
        try:
            os.close(os.open(f"/dev/nvidia{MINORS[0]}", os.O_RDWR | os.O_NOCTTY))
        except OSError as error:
            raise Skip(f"this kernel has no virtual consoles ({error}); boot one with CONFIG_VT") from error
        yield
    finally:
        for target in reversed(mounted):
            subprocess.run(["umount", target], check=True)
        for path in place.iterdir():
            path.unlink()
        place.rmdir()


def open_devices(pid):
    """The minors of GPUs that a process has open, as the kernel says."""
    minors = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                status = os.stat(f"/proc/{pid}/fd/{name}")
                if stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) == MAJOR:
                    minors.add(os.minor(status.st_rdev))
    return minors & set(MINORS)


def all_users():
    """{process: indices of GPUs that it has open}, as the kernel says."""
    found = {int(name): open_devices(name) for name in os.listdir("/proc") if name.isdigit()}
    return {pid: {MINORS.index(minor) for minor in minors} for pid, minors in found.items() if minors}


def wait_for_users(count):
    """Until so many processes have a GPU open."""
    end = time.monotonic() + 60
    while len(all_users()) != count:
        check(time.monotonic() < end, f"{all_users()} and not {count} processes have a GPU open")
        time.sleep(0.05)
    return all_users()
