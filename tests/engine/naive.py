#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How not to do it: a hook that looks names of the image up once, keeps the strings, and uses the strings later.

naive.py ROOTFS OPERATION ARGUMENT...        the container's state on standard input

It works where the real hook does: before pivot_root, in the container's mount namespace, where every path reaches the host. The tests
show with it that an image is an attack at all. Operations, on names of the container:

compat DIRECTORY          mounts what matches /usr/local/cuda/compat/lib*.so.* at DIRECTORY (CVE-2024-0132)
create PATH               an empty file, whose last component is no link (CVE-2024-0133)
mkdir PATH                (CVE-2024-45310)
symlink PATH              a link (CVE-2024-0134)
write PATH                replaces the content of a file (CVE-2025-23267, CVE-2025-52881)
node PATH                 a device node that is /dev/null (CVE-2026-41579)
mount SOURCE TARGET       a file of the host over one of the container (CVE-2021-30465)
take SOURCE TARGET        a file of the container over another one (CVE-2025-31133)
execute FILE [ARGUMENT]   a program of the host, without capabilities (CVE-2019-5736)
detach                    the device programs of its cgroup v2, and no new ones: as if it were killed between the two
"""

import ctypes
import glob
import json
import os
import platform
import stat
import struct
import sys
import time
from pathlib import Path

from device_rules import BPF_CGROUP_DEVICE, SYS_BPF, attached_programs

BPF_PROG_DETACH = 9
BPF_PROG_GET_FD_BY_ID = 13
CGROUPS = []  # of the container's process
MS_BIND = 4096
CLONE_NEWNS = 0x20000
PR_CAPBSET_DROP = 24
MAX_LINKS = 40
WINDOW = 0.005  # seconds

libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def enter(pid):
    fd = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    checked(libc.setns(fd, CLONE_NEWNS))
    os.close(fd)


def bind(source, target):
    checked(libc.mount(source.encode(), target.encode(), None, MS_BIND, None))


def resolve(rootfs, path):
    """What `path` is without links, as if `rootfs` were `/`: correct at this moment, and a string."""
    done, rest, links = [], path.split("/"), 0
    while rest:
        name = rest.pop(0)
        if name in ("", "."):
            continue
        if name == "..":
            done = done[:-1]
            continue
        here = "/".join([rootfs, *done, name])
        if not os.path.islink(here):
            done.append(name)
            continue
        links += 1
        if links > MAX_LINKS:
            raise OSError(f"too many links: {path}")
        target = os.readlink(here)
        done, rest = ([] if target.startswith("/") else done), target.split("/") + rest
    return "/" + "/".join(done)


def resolve_for_use(rootfs, path):
    """Checked here, used by the caller; whatever the scheduler does in between. Without the wait the races are lost as well, later."""
    found = rootfs + resolve(rootfs, path)
    time.sleep(WINDOW)
    return found


def make_placeholder(path, is_directory):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        return
    if is_directory:
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_NOFOLLOW | os.O_WRONLY, 0o644))


def compat(rootfs, directory):
    found = sorted(glob.glob(f"{rootfs}/usr/local/cuda/compat/lib*.so.*"))
    sources = [resolve(rootfs, name.removeprefix(rootfs)) for name in found]
    target = resolve_for_use(rootfs, directory)
    for source in sources:
        place = f"{target}/{os.path.basename(source)}"
        make_placeholder(place, stat.S_ISDIR(os.stat(rootfs + source).st_mode))
        bind(rootfs + source, place)


def create(rootfs, path):
    make_placeholder(rootfs + path, False)


def mkdir(rootfs, path):
    os.makedirs(resolve_for_use(rootfs, path), exist_ok=True)


def symlink(rootfs, path):
    os.makedirs(os.path.dirname(rootfs + path), exist_ok=True)
    os.symlink("libcuda.so.1", rootfs + path)


def write(rootfs, path):
    with open(rootfs + path, "w", encoding="utf-8") as file:
        file.write("of the hook\n")


def node(rootfs, path):
    os.makedirs(os.path.dirname(rootfs + path), exist_ok=True)
    os.mknod(rootfs + path, 0o20666, os.makedev(1, 3))


def mount(rootfs, source, path):
    target = resolve_for_use(rootfs, path)
    make_placeholder(target, False)
    bind(source, target)


def take(rootfs, source, path):
    bind(rootfs + source, resolve_for_use(rootfs, path))


def execute(_rootfs, file, *arguments):
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.execv(file, [file, *arguments])


def bpf(command, attribute):
    buffer = ctypes.create_string_buffer(attribute, 128)
    result = libc.syscall(SYS_BPF[platform.machine()], command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return result


def detach(_rootfs):
    line = next(text for text in CGROUPS if text.startswith("0::"))
    directory = f"/sys/fs/cgroup{line[3:]}"
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    for number in attached_programs(directory):
        program = bpf(BPF_PROG_GET_FD_BY_ID, struct.pack("=I", number))
        bpf(BPF_PROG_DETACH, struct.pack("=IIII", fd, program, BPF_CGROUP_DEVICE, 0))


def main():
    rootfs, operation, *arguments = sys.argv[1:]
    pid = json.load(sys.stdin)["pid"]
    CGROUPS.extend(Path(f"/proc/{pid}/cgroup").read_text().splitlines())
    enter(pid)
    globals()[operation](rootfs, *arguments)


if __name__ == "__main__":
    main()
