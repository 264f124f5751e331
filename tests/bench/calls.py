# SPDX-License-Identifier: Apache-2.0
"""Writes the file that replay.c executes: the system calls of one run of the hook, from strace's
output."""

import os
import re
import struct
import subprocess

NUMBER, BYTES, TEXT, FILTER, OUTPUT, PID = range(6)  # enum kind in replay.c
# Left out: what the C library does before main(), which replay.c does as well; memory, which it has
# itself; and the end of the process.
OWN = {"execve", "brk", "mmap", "munmap", "mprotect", "exit_group"}
FIRST = "fcntl"  # the first call of main()
DESCRIPTORS = {"openat", "openat2", "open_tree", "fsopen", "fsmount", "pidfd_open"}
# For each call the kinds of its arguments: n number, t text, b bytes, o output, p the container's
# pid, - none. Other calls have a function below.
ARGUMENTS = {
    "bpf": ("n", "query", "n"),
    "capget": ("header", "o"),
    "capset": ("header", "capabilities"),
    "chdir": "t",
    "close": "n",
    "close_range": "nnn",
    "fchmod": "nn",
    "fchown": "nnn",
    "fcntl": "nnn",
    "fsconfig": "nnttn",
    "fsmount": "nnn",
    "fsopen": "tn",
    "fstatfs": "no",
    "getdents64": "non",
    "geteuid": "",
    "getpid": "",
    "getrandom": "onn",
    "linkat": "ntntn",
    "lseek": "nnn",
    "mkdirat": "ntn",
    "mount_setattr": ("n", "t", "n", "attributes", "n"),
    "move_mount": "ntntn",
    "newfstatat": "nton",
    "open_tree": "ntn",
    "openat": "ntnn",
    "openat2": ("n", "t", "how", "n"),
    "pidfd_open": "pn",
    "poll": ("poll", "n", "n"),
    "prctl": ("n", "n", "filter", "n", "n"),
    "prlimit64": ("n", "n", "limit", "o"),
    "read": "non",
    "pread64": "nonn",
    "readlink": "ton",
    "readlinkat": "nton",
    "renameat2": "ntntn",
    "rt_sigaction": ("n", "action", "n", "n"),
    "setns": "nn",
    "statx": "ntnno",
    "symlinkat": "tnt",
    "umask": "n",
    "uname": "o",
    "unlinkat": "ntn",
    "write": "nbn",
}


def record(command, trace, measure):
    """Runs the hook under strace. `measure(command)` runs a command on a container."""
    options = ["-qq", "-X", "raw", "-xx", "-v", "-s", "1000000", "-o", trace]
    figures = measure(["strace", *options, *command])
    if figures.status != 0:
        raise AssertionError(f"the hook under strace: exit status {figures.status}")
    return trace.read_text()


def call_numbers():
    """Returns {name: number} on this machine, from the C headers."""
    done = subprocess.run(["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"], capture_output=True, text=True, check=True)
    return {name: int(value) for name, value in re.findall(r"#define __NR_(\w+) (\d+)", done.stdout)}


def split_arguments(text):
    """Splits `1, {a=2, b=[3]}` into its parts."""
    parts, depth, begin = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "{[(") - (letter in "}])")
        if letter == "," and depth == 0:
            parts.append(text[begin:at].strip())
            begin = at + 1
    rest = text[begin:].strip()
    return [*parts, rest] if rest else parts


def number(text):
    text = text.lstrip("|")
    if text == "NULL":
        return 0
    if "|" in text:
        return sum(map(number, text.split("|")))
    return int(text, 8 if re.fullmatch("0[0-7]+", text) else 0)


def letters(text):
    return bytes.fromhex(text.strip('"').replace("\\x", ""))


def field(text, name):
    return number(re.search(rf"\b{name}=([^,}}\]]+)", text)[1])


def words64(text, *names):
    return struct.pack(f"={len(names)}Q", *(field(text, name) for name in names))


def capabilities(text):
    """strace prints the lower and the upper half of each set."""
    halves = []
    for name in ("effective", "permitted", "inheritable"):
        lower, _, upper = re.search(rf"{name}=([^,}}]+)", text)[1].partition("|")
        halves.append((int(lower, 0), int(upper or "0", 0)))
    return struct.pack("=6I", *(half[0] for half in halves), *(half[1] for half in halves))


def seccomp_filter(text):
    instructions = b""
    for values in re.findall(r"BPF_(?:STMT|JUMP)\(([^)]*)\)", text):
        code, value, *jumps = map(number, values.split(","))
        instructions += struct.pack("=HBBI", code, *(jumps or (0, 0)), value)
    return struct.pack("=HHI", len(instructions) // 8, 0, 0) + instructions


STRUCTURES = {
    "action": lambda text: struct.pack("=4Q", field(text, "sa_handler"), field(text, "sa_flags"), 0, 0),
    "attributes": lambda text: words64(text, "attr_set", "attr_clr", "propagation", "userns_fd"),
    "capabilities": capabilities,
    "header": lambda text: struct.pack("=Ii", field(text, "version"), field(text, "pid")),
    "how": lambda text: struct.pack(
        "=3Q", field(text, "flags"), field(text, "mode") if "mode=" in text else 0, field(text, "resolve")
    ),
    "limit": lambda text: words64(text, "rlim_cur", "rlim_max"),
    # BPF_PROG_QUERY, which counts the programs of a cgroup.
    "query": lambda text: struct.pack("=II136x", field(text, "target_fd"), field(text, "attach_type")),
    "poll": lambda text: struct.pack("=ihh", field(text, "fd"), field(text, "events"), 0),
}


class Calls:
    """`marks` maps texts in the trace to the marks that replay.c replaces in each container."""

    def __init__(self, trace, place):
        self.blob, self.entries, self.known = b"", [], {}
        numbers = call_numbers()
        pid = re.search(r"pidfd_open\((\d+)", trace)
        self.marks = [(f"proc/{pid[1]}", "proc/\1")] if pid else []
        self.marks += [(str(place.rootfs), "\2"), (str(place.cgroup), "\3")]
        lines = trace.splitlines()
        begin = next(i for i, line in enumerate(lines) if line.startswith(FIRST))
        for line in lines[begin:]:
            if line.startswith("---"):  # a signal
                continue
            name, arguments, result = re.fullmatch(r"(\w+)\((.*)\) += (\S+).*", line).groups()
            if name not in OWN:
                self._add(name, numbers[name], split_arguments(arguments), result)

    def content(self):
        return struct.pack("=Q", len(self.entries)) + b"".join(self.entries) + self.blob

    def _add(self, name, call, arguments, result):
        pairs = [self._argument(kind, text) for kind, text in zip(self._kinds(name, arguments), arguments)]
        pairs += [(NUMBER, 0)] * (6 - len(pairs))
        kinds, values = zip(*pairs)
        gives = name in DESCRIPTORS or name == "fcntl" and number(arguments[1]) == 1030  # F_DUPFD_CLOEXEC
        self.entries.append(struct.pack("=ii7BB6q", call, number(result), *kinds, 0, gives, *values))

    @staticmethod
    def _kinds(name, arguments):
        if name not in ARGUMENTS:
            raise AssertionError(f"a call that calls.py does not know: {name}({', '.join(arguments)})")
        if name == "prctl" and len(arguments) > 2 and not arguments[2].startswith("{"):
            return "nnnnn"
        return ARGUMENTS[name]

    def _argument(self, kind, text):
        if kind == "n" or text == "NULL":
            return NUMBER, number(text)
        if kind == "o":
            return OUTPUT, 0
        if kind == "p":
            return PID, 0
        if kind == "filter":
            return FILTER, self._keep(seccomp_filter(text))
        if kind == "t":
            old = shown = os.fsdecode(letters(text))
            for name, mark in self.marks:
                shown = shown.replace(name, mark)
            return BYTES if shown == old else TEXT, self._keep(os.fsencode(shown) + b"\0")
        return BYTES, self._keep(letters(text) if kind == "b" else STRUCTURES[kind](text))

    def _keep(self, content):
        content += b"\0" * (-len(content) % 8)
        if content not in self.known:
            self.known[content] = len(self.blob)
            self.blob += content
        return self.known[content]
