# SPDX-License-Identifier: Apache-2.0
"""What the runtime shim costs: a command by it and by runc itself, alternating in one run.

Run by `tests/engine/run --engine runc --measure shim`.
"""

import shutil
import statistics
import time

import shim
from bundle import Case, bundle
from harness import CGROUP_NAME, check_equal, run, test

ROUNDS = 200


def time_of(command, env):
    started = time.perf_counter()
    done = run(command, env=env)
    elapsed = time.perf_counter() - started
    check_equal(done.returncode, 0, done.stderr)
    return elapsed * 1000


def compare(title, *words):
    programs = {"shim": shim.program(), "runc": shutil.which("runc")}
    times = {name: [] for name in programs}
    env = shim.environment()
    for turn in range(ROUNDS):
        # What comes after the other finds other caches: each is first as often as second.
        for name in sorted(programs, reverse=turn % 2 == 0):
            times[name].append(time_of([programs[name], *words], env))
    pairs = statistics.median(a - b for a, b in zip(times["shim"], times["runc"]))
    middle = {name: statistics.median(values) for name, values in times.items()}
    print(
        f"{title}: {middle['shim']:.2f} ms by the shim, {middle['runc']:.2f} ms by runc (medians of {ROUNDS} each, "
        f"alternating); median of the differences {pairs:.2f} ms"
    )


@test("runc")
def a_command_that_makes_no_container():
    compare("`state --help`", "state", "--help")


@test("runc")
def a_container_without_a_request():
    with bundle(Case(None, hook=[], command="true")) as directory:
        compare("container without a request", "run", "--bundle", directory, f"{CGROUP_NAME}{directory.name}")
