# SPDX-License-Identifier: Apache-2.0
"""What hostile images, tenants and hosts do. The tests name what they cover; `run` counts.

`>` is what the hook must do: "refuse" is exit status not 0, one line, nothing done.
"""

CVES = {
    # the stack that this program replaces
    "CVE-2024-0132": "a mount of the tool's own changes what a path that it checked means",
    "CVE-2024-0133": "an image's link makes the tool create empty files on the host (firmware directory)",
    "CVE-2024-0134": "links are created through an image's link on the host",
    "CVE-2024-0135": "a program of the host that runs among container content can be written from inside",
    "CVE-2024-0136": "the image's ldconfig is executed, with the host's devices in reach",
    "CVE-2024-0137": "the image's ldconfig is executed, in the host's network namespace",
    "CVE-2025-23359": "0132 again: a file is swapped between check and mount",
    "CVE-2025-23266": "LD_PRELOAD of the image reaches the privileged hook",
    "CVE-2025-23267": "the loader cache is written through an image's link",
    "CVE-2026-24260": "the parent directory is swapped between check and use",
    # its fixes that have no number
    "toolkit-1.4.1-unprivileged": "accept-nvidia-visible-devices-envvar-when-unprivileged is obeyed",
    "toolkit-1.17.2-imex": "old images get no IMEX channel by default",
    "toolkit-1.18.2-none": "NVIDIA_VISIBLE_DEVICES=none brings no device node of a GPU",
    "toolkit-1.16.2-propagation": "with shared propagation no mount appears on the host",
    "toolkit-1.18.0-params": "the driver in the container is told not to make device nodes",
    "toolkit-mig-rights": "MIG configuration and monitoring are for CAP_SYS_ADMIN only",
    "libnvidia-container-filter-gap": "the device filter is replaced at once, never detached first",
    "libnvidia-container-cache-offsets": "a loader cache with wild offsets is no reason to read outside of it",
    # runc, crun and their like
    "CVE-2019-5736": "the executable of the tool is opened from inside for writing",
    "CVE-2019-16884": "the container's /proc is a link or a volume",
    "CVE-2021-30465": "a mount target is swapped for a link by a sibling",
    "CVE-2022-29162": "children get inheritable capabilities",
    "CVE-2023-25809": "the host's cgroup tree becomes writable",
    "CVE-2024-21626": "a descriptor of a host directory leaks",
    "CVE-2024-45310": "directories are created along a path that is swapped meanwhile",
    "CVE-2025-31133": "a mount source is taken from the container",
    "CVE-2025-52881": "a write that is meant for procfs goes elsewhere",
    "CVE-2026-41579": "/dev of the image is a link, before pivot_root",
    "CVE-2026-47766": "the same in crun",
    "CVE-2019-18837": "a link resolver of one's own misses a link",
    "CVE-2026-30892": "numbers with trailing garbage are taken",
}

CASES = {
    # container state
    1: "empty standard input > refuse",
    2: "state cut off at any byte > refuse",
    3: "bytes after the state > the first document counts, the log tells",
    4: "100 MiB of blanks, 10^6 brackets > refuse, bounded",
    5: "standard input never closed > refuse at the deadline",
    6: "standard input closed, a directory > refuse",
    7: "pid 0, 1, -1, 2^31, 2^63, text, 1e3, 3.5, missing > refuse",
    8: "pid of a thread, a zombie, a kernel thread > refuse",
    9: "pid of a process in the hook's own mount namespace > refuse",
    10: "duplicate keys > the last counts",
    11: "invalid UTF-8, lone surrogates, NUL in bundle > refuse",
    12: "bundle and bundlePath both, relative bundle > as NVIDIA's",
    # config.json
    13: "missing, unreadable, directory, FIFO, device, link to /dev/zero > refuse, without blocking",
    14: "200 MiB > refuse by the limit",
    15: "no root, no process, no ociVersion > refuse",
    16: "root.path relative > to the bundle",
    17: "root.path `/`, with `..`, the host's root > refuse",
    18: "10^5 variables, one of 8 MiB > works",
    19: "variables without `=`, without name, not UTF-8, with control characters > data, escaped in messages",
    20: "NVIDIA_VISIBLE_DEVICES twice > the last counts",
    21: "device lists with paths, formats, 10^6 commas > unknown device",
    22: "NVIDIA_IMEX_CHANNELS out of range, with paths > refuse",
    23: "unknown capability > refuse, listing the known",
    24: "capabilities as array (before 1.0.0-rc5) > read",
    25: "MIG configuration without CAP_SYS_ADMIN > refuse",
    26: "requirement of 1 MiB, nested, unknown operator > bounded, refuse",
    27: "volume mounts below /var/run/nvidia-container-devices with `..` > never a path",
    # the image
    28: "the tree of CVE-2024-0132 and its variants",
    29: "library directory is an absolute link to a host directory > made inside",
    30: "/lib is a link to usr/lib > works",
    31: "/usr/lib is a regular file > refuse, naming it",
    32: "link loop, chain of 41 links, components of 4095 bytes > refuse",
    33: "/dev is a link to a host directory > inside, or refuse; nothing on the host",
    34: "/dev is missing > made",
    35: "/dev/nvidia0 is there: file, FIFO, link, directory, another device > mounted over, or refuse",
    36: "/proc is a link, a tmpfs, the host's; /proc/driver is missing > refuse, or left out",
    37: "something is mounted over /proc/self/fd in the container > no effect",
    38: "/etc is missing > made",
    39: "/etc leads to /proc/self/cwd > refuse, or inside",
    40: "ld.so.cache: link, FIFO, socket, device, directory, hard link, immutable, empty, sparse, corrupt, foreign > never blocks, never writes through",
    41: "ld.so.conf with an include loop, of a FIFO > bounded",
    42: "empty left-over of another version's library > mounted over or left",
    43: "the image's own real libcuda.so.1 > covered, not changed",
    44: "setuid bit, xattr, owner of a target that is there > untouched",
    45: "target on a FUSE file system that hangs or fails > refuse, or ends by the runtime's limit",
    46: "target on a volume that a sibling shares > by descriptor, or refuse",
    47: "10^5 files in the library directory > not looked at",
    48: "names with newline, control characters, invalid UTF-8 > escaped",
    49: "compat directory with 10^5 files, directories, FIFOs, bogus ELF notes > bounded",
    50: "the root file system replaced by rename meanwhile > the opened one, or refuse",
    # state of file systems
    51: "root file system read-only > targets that exist are mounted over, else refuse, naming the path",
    52: "any system call fails > the invariants hold",
    53: "the hook's tmpfs is full > refuse",
    54: "shared propagation > nothing on the host",
    55: "nosuid, nodev, noexec root file system in a user namespace > works, or clear EPERM",
    56: "idmapped root file system, userns-remap > owner correct, or refuse",
    # processes and the kernel
    57: "SIGKILL at any system call > host as before, filter still closed",
    58: "SIGTERM, SIGPIPE, closed standard error > ends, nothing left",
    59: "container process dies meanwhile > refuse",
    60: "its number is taken by another process > refuse",
    61: "cgroup gone, cgroup v1 and v2, odd paths, bpf refused, no program, verifier refuses > text with remedy, never open",
    62: "new system calls refused (ENOSYS, EPERM) > all of it again by the fallback",
    63: "many hooks at once > none fails, no shared temporary name",
    64: "the clock jumps > no effect",
    65: "standard descriptors closed, few descriptors, little memory, no CAP_SYS_ADMIN, seccomp, user namespace > works or refuse",
    66: "hostile environment and working directory > no effect",
    67: "started at every stage > never touches process 1 of the host",
    # the driver
    68: "driver library cut off, lying ELF header, link out of the root, writable by others > left out, or refuse",
    69: "probe hangs, crashes, prints garbage, names 10^9 devices > refuse within the deadline",
    70: "driver upgraded meanwhile, versions mixed > refuse, saying so",
    71: "/proc/driver/nvidia absent, params unreadable > refuse, or the driver's default",
    72: "device node of another number, uvm missing, GPU off the bus > message about the device",
    73: "daemon sockets absent, FIFO, link into a user's directory > left out",
    74: "config.toml absent, huge, invalid, unknown keys, ldconfig without `@`, relative root > default, or refuse with line",
    75: "log file is a link in a directory of others > not followed, 0600",
}


def summary(lines):
    """What the PASS and FAIL lines say of CASES and CVES: [(title, passed, number of all, not passed)]."""
    result = []
    for title, names in (
        ("hostile cases", [f"case {number}" for number in CASES]),
        ("CVE tests", list(CVES)),
    ):
        told = {name: [line for line in lines if f" [{name}]" in line] for name in names}
        passed = [
            name
            for name, found in told.items()
            if any(line.startswith("PASS") for line in found)
            and not any(line.startswith("FAIL") for line in found)
        ]
        result.append((title, len(passed), len(names), [n for n in names if n not in passed]))
    return result
