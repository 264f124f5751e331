# SPDX-License-Identifier: Apache-2.0
"""The device rules in force for a process: the list of cgroup v1, the attached programs of cgroup v2."""

import ctypes
import os
import platform
import struct
from pathlib import Path

SYS_BPF = {"x86_64": 321, "aarch64": 280}
BPF_PROG_QUERY = 16
BPF_CGROUP_DEVICE = 6
MAX_PROGRAMS = 64

libc = ctypes.CDLL(None, use_errno=True)


def attached_programs(directory):
    """The ids of the device programs that are attached to a cgroup v2 directory."""
    ids = (ctypes.c_uint32 * MAX_PROGRAMS)()
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        query = struct.pack(
            "=IIIIQI", fd, BPF_CGROUP_DEVICE, 0, 0, ctypes.addressof(ids), MAX_PROGRAMS
        )
        attribute = ctypes.create_string_buffer(query, 128)
        result = libc.syscall(SYS_BPF[platform.machine()], BPF_PROG_QUERY, attribute, 128)
        if result != 0:
            raise OSError(ctypes.get_errno(), "BPF_PROG_QUERY")
        return list(ids[: struct.unpack_from("=I", attribute, 24)[0]])
    finally:
        os.close(fd)


def rules_of(pid):
    rules = []
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        devices = Path(f"/sys/fs/cgroup/devices{path}/devices.list")
        if controllers == "devices" and devices.exists():
            rules += sorted(devices.read_text().splitlines())
        unified = Path(f"/sys/fs/cgroup{path}")
        if controllers == "" and (unified / "cgroup.procs").exists():
            rules += [f"program {number}" for number in attached_programs(unified)]
    return rules
