# SPDX-License-Identifier: Apache-2.0
"""The device rules in force for a process: the list of cgroup v1, the attached programs of cgroup v2.

Like record_hook it imports little: it runs once for each container.
"""

import contextlib
import ctypes
import os
import struct

SYS_BPF = {"x86_64": 321, "aarch64": 280}
BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD, BPF_PROG_QUERY = 8, 9, 13, 15, 16
BPF_F_ALLOW_MULTI = 2
BPF_CGROUP_DEVICE = 6
MAX_PROGRAMS = 64
MAX_INSTRUCTIONS = 65536
INFO_SIZE = 232  # of struct bpf_prog_info, as far as it is needed

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, values):
    """bpf(2). Returns its result and what it left in the request."""
    request = ctypes.create_string_buffer(values, 128)
    result = libc.syscall(SYS_BPF[os.uname().machine], command, request, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return result, request


@contextlib.contextmanager
def opened(directory):
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


def attached_programs(directory):
    """The ids of the device programs that are attached to a cgroup v2 directory."""
    ids = (ctypes.c_uint32 * MAX_PROGRAMS)()
    with opened(directory) as fd:
        query = struct.pack("=IIIIQI", fd, BPF_CGROUP_DEVICE, 0, 0, ctypes.addressof(ids), MAX_PROGRAMS)
        _, request = bpf(BPF_PROG_QUERY, query)
    return list(ids[: struct.unpack_from("=I", request, 24)[0]])


def open_program(number):
    return bpf(BPF_PROG_GET_FD_BY_ID, struct.pack("=I", number))[0]


def instructions_of(number):
    """The instructions of a program in hexadecimal, 16 digits each; none if the kernel hides them."""
    program = open_program(number)
    try:
        space = ctypes.create_string_buffer(MAX_INSTRUCTIONS * 8)
        info = ctypes.create_string_buffer(INFO_SIZE)
        struct.pack_into("=I", info, 20, len(space))
        struct.pack_into("=Q", info, 32, ctypes.addressof(space))
        bpf(BPF_OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", program, INFO_SIZE, ctypes.addressof(info)))
        length, shown = struct.unpack_from("=I", info, 20)[0], struct.unpack_from("=Q", info, 32)[0]
        return [space.raw[at : at + 8].hex() for at in range(0, length if shown else 0, 8)]
    finally:
        os.close(program)


def attach_program(directory, program):
    with opened(directory) as fd:
        bpf(BPF_PROG_ATTACH, struct.pack("=IIII", fd, program, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI))


def detach_program(directory, program):
    with opened(directory) as fd:
        bpf(BPF_PROG_DETACH, struct.pack("=IIII", fd, program, BPF_CGROUP_DEVICE, 0))


def lines_of(path):
    with open(path) as file:
        return file.read().splitlines()


def rules_of(pid):
    rules = []
    for line in lines_of(f"/proc/{pid}/cgroup"):
        _, controllers, path = line.split(":", 2)
        devices = f"/sys/fs/cgroup/devices{path}/devices.list"
        if controllers == "devices" and os.path.exists(devices):
            rules += sorted(lines_of(devices))
        unified = f"/sys/fs/cgroup{path}"
        if controllers == "" and os.path.exists(f"{unified}/cgroup.procs"):
            rules += [f"program {number}" for number in attached_programs(unified)]
    return rules
