# SPDX-License-Identifier: Apache-2.0
"""Live races: while the hook works on a container, another process on another CPU exchanges names in its root file system.

For speed no runtime is started. The container is a process in a mount namespace of its own; its root file system is a small tree on a
tmpfs, made anew for each run, that the racer reaches by the link `current`: as a sibling reaches a shared volume.
"""

import collections
import contextlib
import ctypes
import dataclasses
import functools
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import images
import oracle
from attack import EVERYTHING, REFUSALS, prey
from expect import LIBRARIES
from harness import HERE, SETUP, canary, canary_state, check, check_equal, mount_table, require_program, run, tree_state

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
TRACED = 2  # of so many runs one is watched, which is slower
MAX_NAIVE_RUNS = 200  # the naive hook as a rule loses within a few
FIRMWARE = f"usr/lib/firmware/nvidia/{SETUP.version}"
COMPAT = "usr/local/cuda/compat"
SMI = "usr/bin/nvidia-smi"
CHANGES = ("move_mount", "mkdirat", "symlinkat", "linkat", "renameat2", "unlinkat", "fchownat")
REPORT = ("/run", "/run/oci-nvidia-hook")  # where the hook leaves its last failure
NODES = ("dev/nvidiactl", "dev/nvidia2", "dev/nvidia-uvm")

libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


def must(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@dataclasses.dataclass
class Race:
    """`pairs` of names below the bundle, of which the first is what the hook finds and the second what `trap` put beside it."""

    pairs: list
    naive: list  # what a naive hook does that loses this race
    trap: object  # trap(bundle, aim) makes the second names
    volume: str = ""  # a directory of the root file system that is a mount of bundle/volume/shared
    command: list = None  # in the place of our hook at createRuntime


@dataclasses.dataclass
class Result:
    record: dict
    bundle: Path
    targets: list  # of the mounts that the hook made
    parents: set  # the numbers of the mounts that they are on


def make_tree(root):
    for name in (LIBRARIES[1:], "usr/bin", "usr/lib64", FIRMWARE, COMPAT, "etc/nvidia", "proc", "dev", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    shutil.copyfile(f"{SETUP.rootfs}/etc/ld.so.cache", root / "etc/ld.so.cache")
    for name in ("etc/debian_version", SMI, *NODES, f"{COMPAT}/libcuda.so.1", f"{COMPAT}/libcuda.so.999.9"):
        (root / name).touch()
    (root / LIBRARIES[1:] / f"libcuda.so.{SETUP.version}").touch()
    (root / LIBRARIES[1:] / "libc.so.6").touch()


@functools.cache
def compiled_racer():
    program = SETUP.work / "racer"
    images.compile_program(program, "race.c", "-pthread", "-D_GNU_SOURCE")
    return program


class Arena:
    """Where the races of one test are run."""

    def __init__(self):
        self.top = SETUP.work / "race"
        self.top.mkdir()
        self.config = self.top / "config.toml"
        self.config.write_text(SETUP.config.read_text() + "no-cgroups = true\n")
        run(["runc", "spec"], cwd=self.top, check=True)
        spec = json.loads((self.top / "config.json").read_text())
        env = {"NVIDIA_VISIBLE_DEVICES": "0", **EVERYTHING}
        spec["process"]["env"] += [f"{name}={value}" for name, value in env.items()]
        spec["root"]["readonly"] = False  # or a plain directory is not the container's own
        self.spec = json.dumps(spec)

    @contextlib.contextmanager
    def bundle(self, race, aim):
        """A new root file system."""
        directory = self.top / str(next(_numbers))
        directory.mkdir()
        (directory / "config.json").write_text(self.spec)
        make_tree(directory / "rootfs")
        race.trap(directory, aim)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)  # the racer may be in it once more
            shutil.rmtree(directory, ignore_errors=True)

    @contextlib.contextmanager
    def raced(self, directory):
        """The racer is let at it, by the name `current`."""
        link = self.top / "current"
        link.symlink_to(directory.name)
        try:
            yield
        finally:
            link.unlink()

    @contextlib.contextmanager
    def racing(self, race):
        """The racer, on the last CPU, and this process and its children on the others. Yields a list that gets the number of swaps."""
        cpus = sorted(os.sched_getaffinity(0))
        names = [str(self.top / "current" / name) for pair in race.pairs for name in pair]
        command = [str(compiled_racer()), str(cpus[-1]), *names]
        swaps = []
        os.sched_setaffinity(0, cpus[:-1] or cpus)
        try:
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as racer:
                yield swaps
                swaps.append(int(racer.communicate()[0]))
        finally:
            os.sched_setaffinity(0, cpus)


def enter_container(rootfs, volume):
    must(libc.unshare(CLONE_NEWNS))
    must(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    if volume:
        shared = os.fsencode(rootfs.parent / "volume/shared")
        must(libc.mount(shared, os.fsencode(rootfs / volume), None, MS_BIND, None))
    must(libc.mount(os.fsencode(rootfs), os.fsencode(rootfs), None, MS_BIND | MS_REC, None))
    proc = os.fsencode(rootfs / "proc")
    must(libc.mount(b"proc", proc, b"proc", 0, None))
    must(libc.mount(b"/proc/driver", proc + b"/driver", None, MS_BIND, None))


@contextlib.contextmanager
def container(directory, volume=""):
    """The number of a process that waits in a mount namespace of its own, with the mounts that a runtime makes."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            enter_container(directory / "rootfs", volume)
            os.write(writer, b"1")
            signal.pause()
        finally:
            os._exit(1)
    os.close(writer)
    try:
        check(os.read(reader, 1) == b"1", "the container's mounts cannot be made")
        yield pid
    finally:
        os.close(reader)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def mounts_of(pid):
    """A root file system that is renamed takes its mounts with it: it counts as the same."""
    text = Path(f"/proc/{pid}/mountinfo").read_text()
    return text.replace("/rootfs.swap", "/rootfs").splitlines()


def run_once(arena, directory, command, volume=""):
    """One hook on one container, which the racer is at from the moment when it has its mounts."""
    with container(directory, volume) as pid:
        state = {"ociVersion": "1.0.2", "id": "race", "pid": pid, "bundle": str(directory)}
        record = {"state": state, "host": mount_table(), "left processes": [], "late": False}
        record["before"] = {"mounts": mounts_of(pid)}
        with arena.raced(directory):
            done = run(command, input=json.dumps(state))
        record |= {"exit": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
        record["after"] = {"mounts": mounts_of(pid)}
    keys = {line.split()[0] for line in record["before"]["mounts"]}
    new = [line.split() for line in record["after"]["mounts"] if line.split()[0] not in keys]
    return Result(record, directory, [row[4] for row in new], {row[1] for row in new})


def traced(trace, words):
    """The hook under strace, which tells of every change where it was made."""
    calls = ",".join(["setns", "openat2", *CHANGES])
    options = ["-qq", "-f", "--seccomp-bpf", "-y", "-s", "4096", "-o", trace, "-e", f"trace={calls}"]
    return ["strace", *options, *words]


def places_of_changes(trace):
    """The directories and files that the hook changed or mounted over once it was in the container, even if it took that back."""
    lines = trace.read_text(errors="replace").splitlines()
    entered = next((at for at, line in enumerate(lines) if " setns(" in line), len(lines))
    for line in lines[entered + 1 :]:
        call = line.split("(")[0].split()[-1]
        paths = re.findall(r"\d+<([^>]*)>", line)
        if paths and (call in CHANGES or "O_CREAT" in line):
            yield paths[-1] if call == "move_mount" else paths[0]


def judge_trace(trace, directory):
    places = list(places_of_changes(trace))
    good = (f"{directory}/rootfs", f"{directory}/volume")
    outside = [path for path in places if not path.startswith(good) and path not in REPORT]
    check_equal(outside, [], "changes outside of the root file system")
    return len(places)


def judge(result, before):
    """The invariants after one run of our hook."""
    code = result.record["exit"]
    check(code == 0 or code in REFUSALS, f"exit status {code}: {result.record['stderr']}")
    oracle.check_record(result.record)
    outside = [path for path in result.targets if not path.startswith(f"{result.bundle}/")]
    check_equal(outside, [], "mounts outside of the root file system")
    check_equal(canary_state(), before, "the host's directory")
    check_equal(mount_table(), result.record["host"], "the host's mount table")


def is_harmed(result, aim, before):
    """Whether a naive hook reached the host: with a file, with a mount, or with a source."""
    outside = [path for path in result.targets if not path.startswith(f"{result.bundle}/")]
    shown = any(f"{aim.name}/secret" in line.split()[3] for line in result.record["after"]["mounts"])
    return bool(outside) or shown or tree_state(aim) != before


def naive_loses(arena, race):
    """After how many runs a naive hook has lost the race; None if never."""
    with prey() as aim, arena.racing(race):
        before = tree_state(aim)
        for number in range(1, MAX_NAIVE_RUNS + 1):
            with arena.bundle(race, aim) as directory:
                words = [sys.executable, HERE / "naive.py", directory / "rootfs", *race.naive]
                if is_harmed(run_once(arena, directory, words, race.volume), aim, before):
                    return number
    return None


def run_races(name, race, also=None):
    """The naive hook loses the race; ours, SETUP.races times, does not. Prints how it went."""
    require_program("strace")
    arena = Arena()
    try:
        changes, lost = 0, naive_loses(arena, race)
        check(lost, f"no race: the naive hook never lost it in {MAX_NAIVE_RUNS} runs")
        before, codes, mounts, refusals = canary_state(), [], [], collections.Counter()
        with arena.racing(race) as swaps:
            for number in range(SETUP.races):
                with arena.bundle(race, canary()) as directory:
                    words = race.command or [SETUP.hook, f"-config={arena.config}", "createRuntime"]
                    watched = number % TRACED == 0 and not race.volume
                    trace = directory / "trace" if watched else None
                    words = traced(trace, words) if trace else words
                    result = run_once(arena, directory, words, race.volume)
                    judge(result, before)
                    changes += judge_trace(trace, directory) if trace else 0
                    if also:
                        also(result)
                codes.append(result.record["exit"])
                mounts.append(len(result.targets))
                refusals.update(re.findall(r"NVH-\d{4}", result.record["stderr"])[:1])
        good = codes.count(0)
        fewer = sum(code == 0 and count < max(mounts) for code, count in zip(codes, mounts))
        text = f"{len(codes)} runs, {good} succeeded ({fewer} left something out)"
        text += f", {len(codes) - good} refused {dict(refusals) or ''}; {swaps[0]} exchanges"
        print(f"race {name}: {text}; naive hook lost run {lost}", flush=True)
        # What a sibling moves out of the shared part of a volume has no path that strace could show.
        check(changes or race.volume, "strace has seen no change")
        check(swaps[0] > len(codes), f"the racer did next to nothing: {swaps[0]} exchanges")
    finally:
        shutil.rmtree(arena.top)
