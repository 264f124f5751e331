# SPDX-License-Identifier: Apache-2.0
"""Counts that do not depend on how busy a machine is: instructions, system calls, processes, opened
GPUs and memory, for the typical cases.

They are compared with guard.json. strace counts system calls, on the path that the hook takes on
this kernel. valgrind counts instructions. It knows only some of the newer system calls, depending
on its version, so all of them are refused: the hook then always takes the path of older kernels,
which differs only in walking paths and attaching mounts.
"""

import collections
import json
import re
import shutil

import programs
import table
from containers import Place
from harness import SETUP, check, check_equal

CASES = ("no request", "2 of 8 GPUs", "everything")
TOLERANCE = 0.10  # for instructions: compilers and libraries differ a little between updates
MAX_RSS = 8 * 1024  # KiB
NEWER_CALLS = "openat2,open_tree,move_mount,fsopen,fsconfig,fsmount,mount_setattr,pidfd_open,close_range"
RECORDED = programs.HERE / "guard.json"
GPU_NODE = re.compile(r'^open[a-z0-9]*\(.*"[^"]*dev/nvidia\d+"')
STARTS = re.compile(r"^(clone3?|fork|vfork|execve|execveat)\(")
TEXT = re.compile(r"^\d+ +(?P<call>[a-z_0-9]+\(.*)$")


def opens_gpu(line):
    """A line of strace. A descriptor that only names a node (O_PATH) does not wake the GPU."""
    return bool(GPU_NODE.search(line)) and "O_PATH" not in line


def traced(place, directory):
    """Returns strace's lines for one run, without process numbers."""
    trace = directory / "trace"
    check_equal(place.measure(["strace", "-f", "-qq", "-o", trace, *programs.hook()]).status, 0, "exit status")
    matches = map(TEXT.match, trace.read_text(errors="replace").splitlines())
    return [match["call"] for match in matches if match]


def instructions(place, directory):
    refuse = programs.compiled("refuse", "../engine/refuse.c")
    log = directory / "callgrind"
    command = [refuse, "/dev/null", "ENOSYS", NEWER_CALLS, "--", "valgrind", "--tool=callgrind", f"--log-file={log}"]
    command += ["--callgrind-out-file=/dev/null", *programs.hook()]
    # Twice, because valgrind's own executable is another program, for which the first run fills the
    # host cache.
    check_equal([place.measure(command).status for _ in range(2)], [0, 0], "exit status under valgrind")
    return int(re.search(r"Collected : (\d+)", log.read_text())[1])


def measure_case(case):
    """Returns {what: value}; `calls` is by name."""
    directory = SETUP.work / "guard"
    directory.mkdir(exist_ok=True)
    place = Place(f"guard-{len(list(SETUP.work.iterdir()))}", table.CASES[case])
    if case != "no request":
        place.warm_up()
    runs = [place.measure(programs.hook()) for _ in range(3)]
    check_equal([figures.status for figures in runs], [0] * len(runs), "exit status")
    lines = traced(place, directory)
    found = {
        "memory": max(figures.rss for figures in runs),
        "processes": sum(bool(STARTS.match(line)) for line in lines) - 1,  # not its own
        "opened GPUs": sum(map(opens_gpu, lines)),
        "calls": dict(sorted(collections.Counter(line.split("(")[0] for line in lines).items())),
    }
    if shutil.which("valgrind"):
        found["instructions"] = instructions(place, directory)
    return found


def problems(case, found, recorded):
    """Returns what is worse than allowed, one line each."""
    if found["memory"] > MAX_RSS:
        yield f"peak memory {found['memory']} KiB, more than {MAX_RSS}"
    if found["processes"]:
        yield f"{found['processes']} processes started"
    if found["opened GPUs"]:
        yield f"{found['opened GPUs']} GPU nodes opened"
    if case not in recorded:
        yield f"nothing is recorded in {RECORDED.name}; tests/bench/run --record does it"
        return
    old = recorded[case]
    calls, limit = sum(found["calls"].values()), sum(old["calls"].values())
    if calls > limit:
        names = [f"{name} {n} (was {old['calls'].get(name, 0)})" for name, n in found["calls"].items() if n > old["calls"].get(name, 0)]
        yield f"{calls} system calls, {limit} recorded: {', '.join(names)}"
    if "instructions" in found and found["instructions"] > old["instructions"] * (1 + TOLERANCE):
        yield f"{found['instructions']} instructions, {old['instructions']} recorded"


def compare(all_found):
    """Prints a line for each case. Returns True if nothing is worse."""
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    good = True
    for case, found in all_found.items():
        wrong = list(problems(case, found, recorded))
        good = good and not wrong
        count = found.get("instructions", "not counted (valgrind is not installed; apt-get install valgrind)")
        facts = f"{sum(found['calls'].values())} system calls, {found['memory']} KiB, instructions: {count}"
        print(f"{'FAIL' if wrong else 'PASS'} {case}: {facts}" + "".join(f"\n     {line}" for line in wrong), flush=True)
    return good


def record(all_found):
    check(all("instructions" in found for found in all_found.values()), "valgrind is needed to record: apt-get install valgrind")
    kept = {case: {"instructions": found["instructions"], "calls": found["calls"]} for case, found in all_found.items()}
    RECORDED.write_text(json.dumps(kept, indent=1) + "\n")
