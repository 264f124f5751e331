# SPDX-License-Identifier: Apache-2.0
"""The main table: the hook beside programs that bound it, measured in turns in one run, each in a
container of its own."""

import contextlib
import dataclasses
import math
import statistics
import sys

import calls
import programs
import steps
from bundle import Case
from containers import Place, mounts, new_files, nothing_kept, other_cache
from harness import SETUP, check, check_equal, run

CASES = {
    "no request": Case(None, hook=[]),
    "2 of 8 GPUs": Case("0,1", {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}, hook=[]),
    "everything": Case("all", {"NVIDIA_DRIVER_CAPABILITIES": "all"}, hook=[]),
}
# Cases on another host than the usual one, with the options of `simulate`.
HOSTS = {"2 of 64 GPUs": ["--gpus", "64"]}
CASES["2 of 64 GPUs"] = CASES["2 of 8 GPUs"]


NOTHING_KEPT = "hook, cold"
PREPARED = "floor, one tree"
BESIDE = "beside"


@dataclasses.dataclass
class Row:
    """Of one program in one case, in microseconds and KiB. Times that the kernel samples are means.
    """

    case: str
    program: str
    runs: int
    median: float
    p99: float
    least: float
    user: float
    system: float
    rss: int
    minor: float
    major: float
    calls: int
    to_nothing: float = 0
    to_floor: float = 0
    to_calls: float = 0


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def program_words(place, directory, beside):
    """Returns the programs by name, each as a command."""
    with place.container([programs.compiled("nothing")]):
        plan = programs.plan(place.directory)
    words = {"nothing": [programs.compiled("nothing")], "hook": programs.hook()}
    if beside:
        words[BESIDE] = [beside.resolve(), *programs.hook()[1:]]
    if plan["steps"]:
        place.warm_up()
        words[NOTHING_KEPT] = programs.hook()
        if not is_cgroup2():  # calls.py does not support bpf()
            words["same calls"] = replay_words(place, directory)
        words["floor"] = floor_words(place, directory, plan)
        words[PREPARED] = prepared_words(place, directory, plan)
        words["ldconfig -r"] = ["/sbin/ldconfig", "-r", place.rootfs]
        if programs.nvidia_hook():
            words["NVIDIA's hook"] = programs.nvidia_hook()
    return words


def is_cgroup2():
    return SETUP.engine.endswith("cgroup2")


def floor_words(place, directory, plan):
    """Returns the floor for this plan, which must leave a container in the same state as the hook.
    """
    path = directory / "floor.list"
    with place.container(programs.hook()) as (figures, process):
        check_equal(figures.status, 0, "exit status of the hook")
        path.write_bytes(steps.Steps(plan, SETUP.driver, place.image, process / "root", is_cgroup2()).text())
    words = [programs.compiled("floor"), path, place.rootfs, place.cgroup]
    check_same_as_hook(place, "floor", words)
    return words


def prepared_words(place, directory, plan):
    """Returns the floor of a hook that keeps the driver's libraries mounted in one directory of the host. Its container differs from
    the hook's in where they are."""
    tree = directory / "prepared"
    tree.mkdir()
    libraries = steps.libraries_of(plan)
    check(libraries, "no library in the plan")
    run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", tree], check=True)
    for name, source in libraries.items():
        (tree / name).touch()
        run(["mount", "--bind", source, tree / name], check=True)
        run(["mount", "-o", "remount,bind,ro,nosuid,nodev", tree / name], check=True)
    path = directory / "prepared.list"
    with place.container(programs.hook()) as (figures, process):
        check_equal(figures.status, 0, "exit status of the hook")
        plan = steps.with_prepared_tree(plan, tree)
        path.write_bytes(steps.Steps(plan, SETUP.driver, place.image, process / "root", is_cgroup2()).text())
    words = [programs.compiled("floor"), path, place.rootfs, place.cgroup]
    with place.container(words) as (figures, process):
        check_equal(figures.status, 0, f"exit status of {PREPARED}")
        shown = {target.rpartition("/")[2] for target, *_ in mounts(process) if "/usr/lib/nvidia-driver/" in target}
        check_equal(shown, set(libraries), "libraries in the prepared tree")
    return words


def replay_words(place, directory):
    """Returns the program that repeats the hook's own system calls."""
    path = directory / "calls.list"
    trace = calls.record(programs.hook(), directory / "hook.trace", place.measure)
    path.write_bytes(calls.Calls(trace, place).content())
    words = [programs.compiled("replay"), path, place.rootfs, place.cgroup]
    check_same_as_hook(place, "same calls", words)
    return words


def check_same_as_hook(place, name, words):
    """Ends the benchmark if the program does not leave the same state as the hook."""
    with place.container(programs.hook()) as (_, process):
        wanted = mounts(process), new_files(process, place)
    with place.container(words) as (figures, process):
        check_equal(figures.status, 0, f"exit status of {name}")
        check_equal(mounts(process), wanted[0], f"mounts of {name}, beside the hook's")
        check_equal(new_files(process, place), wanted[1], f"files of {name}, beside the hook's")


def count_calls(place, command, directory):
    """Counts the system calls of one run, including its children."""
    trace = directory / "calls"
    place.measure(["strace", "-f", "-qq", "-o", trace, *command])
    lines = trace.read_text(errors="replace").splitlines()
    return sum("resumed>" not in line and "+++" not in line and "---" not in line for line in lines)


def measure_case(name, rounds, beside=None):
    directory = SETUP.work / f"case-{len(list(SETUP.work.iterdir()))}"
    directory.mkdir()
    place = Place(f"bench-{directory.name}", CASES[name])
    words = program_words(place, directory, beside)
    found = {program: [] for program in words}
    order = list(words)
    for turn in range(-2, rounds):  # the first to run finds other caches, so each is first in turn
        for program in order[turn % len(order) :] + order[: turn % len(order)]:
            figures = measure_program(place, program, words[program])
            check_equal(figures.status, 0, f"exit status of {program}")
            if turn >= 0:
                found[program].append(figures)
        if sys.stderr.isatty():
            print(f"\r{name}: {turn + 1}/{rounds} ", end="", file=sys.stderr, flush=True)
    rows = [make_row(name, program, figures) for program, figures in found.items()]
    for row in rows:
        with cache_of(row.program):
            row.calls = count_calls(place, words[row.program], directory)
    add_ratios(rows)
    return rows


def measure_program(place, program, command):
    """One run."""
    with cache_of(program):
        return place.measure(command)


def cache_of(program):
    """What the host cache saves is the difference to a run in which nothing is kept."""
    if program == NOTHING_KEPT:
        return nothing_kept()
    return other_cache(BESIDE) if program == BESIDE else contextlib.nullcontext()


def make_row(case, program, found):
    def all_of(field):
        return [getattr(figures, field) for figures in found]

    wall = all_of("wall")
    return Row(
        case,
        program,
        len(found),
        statistics.median(wall),
        percentile(wall, 0.99),
        min(wall),
        statistics.mean(all_of("user")),
        statistics.mean(all_of("system")),
        max(all_of("rss")),
        statistics.median(all_of("minor")),
        statistics.mean(all_of("major")),
        0,
    )


def add_ratios(rows):
    median = {row.program: row.median for row in rows}
    for row in rows:
        row.to_nothing = row.median / median["nothing"]
        row.to_floor = row.median / median.get("floor", math.inf)
        row.to_calls = row.median / median.get("same calls", math.inf)


TITLES = ("program", "median us", "p99", "min", "user", "system", "RSS KiB", "faults", "major", "calls", "/nothing", "/same calls", "/floor")


def cells(row):
    times = [f"{value:.0f}" for value in (row.median, row.p99, row.least, row.user, row.system)]
    rest = [str(row.rss), f"{row.minor:.0f}", f"{row.major:.1f}", str(row.calls), f"{row.to_nothing:.2f}"]
    return [row.program, *times, *rest, *(f"{ratio:.2f}" if ratio else "-" for ratio in (row.to_calls, row.to_floor))]


def as_text(rows, engine):
    lines = []
    for case in dict.fromkeys(row.case for row in rows):
        own = [row for row in rows if row.case == case]
        table = [TITLES, *map(cells, own)]
        widths = [max(len(line[i]) for line in table) for i in range(len(TITLES))]
        lines.append(f"{case} ({engine}, medians of {own[0].runs}, interleaved)")
        for line in table:
            words = [line[0].ljust(widths[0])] + [word.rjust(width) for word, width in zip(line[1:], widths[1:])]
            lines.append("  " + "  ".join(words))
    return "\n".join(lines)
