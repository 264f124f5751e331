# SPDX-License-Identifier: Apache-2.0
"""What the device permission costs: the hook with and without it, alternating in one run.

Run by `tests/engine/run --engine ENGINE --measure permission`. The times are the hook's own (its debug log), from its
start to its end; what differs is opening, reading, extending and replacing what restricts the container.
"""

import re
import statistics

import systemd_container
from bundle import Case, hook_words, run_container
from harness import SETUP, check, test

ROUNDS = 40


def microseconds(log):
    """The sum of the phases of the last run in the log."""
    text = log.read_text()
    last = text[text.rindex("version ") :]
    return sum(int(number) for number in re.findall(r" took (\d+)us", last))


def container_time(settings):
    log = SETUP.work / "hook.log"
    log.unlink(missing_ok=True)
    outcome = run_container(Case("0", command="true", settings=settings))
    check(outcome.exit == 0, outcome.errors)
    return microseconds(log)


def scope_time(settings):
    log = SETUP.work / "hook.log"
    log.unlink(missing_ok=True)
    config = SETUP.work / "measured.toml"
    config.write_text(SETUP.config.read_text() + settings)
    with systemd_container.started(hook=hook_words(config)):
        return microseconds(log)


def compare(hook_time):
    times = {"with": [], "without": []}
    for _ in range(ROUNDS):
        times["with"].append(hook_time(""))
        times["without"].append(hook_time("no-cgroups = true\n"))
    middle = {name: statistics.median(values) for name, values in times.items()}
    print(
        f"{SETUP.engine}: hook {middle['with']:.0f} us with device permission, {middle['without']:.0f} us without, "
        f"difference {middle['with'] - middle['without']:.0f} us, ratio {middle['with'] / middle['without']:.2f} "
        f"(medians of {ROUNDS} each, alternating)"
    )


@test("runc", "runc-cgroup2")
def permission():
    compare(container_time)


@test("systemd")
def permission_in_a_scope():
    compare(scope_time)
