# SPDX-License-Identifier: Apache-2.0
"""Calls of the hook made to fail in turn, by strace, where the hook itself is run by another program (`outer`)."""

import json
import re
import sys

from bundle import HOOK_ENV, Case, bundle, hook_words, run_in, traced_hook
from expect import ERROR_LINE, check_started
from harness import HERE, SETUP, check, check_equal

DEVICES = "1"


def count_calls(directory, calls, outer=()):
    """How often the hook makes each call, from one run that succeeds. `outer` is a command that runs it."""
    trace = directory / "trace"
    case = Case(DEVICES, hook=[*outer, *traced_hook(trace, "-e", "trace=" + ",".join(calls))])
    with bundle(case) as made:
        check_started(run_in(made))
    names = re.findall(r"^(\w+)\(", trace.read_text(), re.MULTILINE)
    return {call: names.count(call) for call in calls}


def sweep(directory, faults, outer=()):
    """Runs all faults, on as many containers as it takes. Returns the runs."""
    faults_file, record, runs = directory / "faults", directory / "runs.json", []
    faults_file.write_text("\n".join(faults))

    def use_fault_hook(config, made):
        files = [record, faults_file, made / "upper", SETUP.rootfs]
        command = [*outer, sys.executable, str(HERE / "fault_hook.py"), *map(str, files), *hook_words()]
        entry = {"path": command[0], "args": command, "env": HOOK_ENV}
        config["hooks"]["createRuntime"] = [entry]

    while faults_file.read_text():
        with bundle(Case(DEVICES, edit=use_fault_hook, command="true")) as made:
            outcome = run_in(made)
            check_equal(outcome.exit, 0, f"the container did not run: {outcome.errors}")
        runs += json.loads(record.read_text())
    return runs


def check_faults(directory, faults, outer=()):
    """Each of them is told in one line and leaves the container as it was, or does no harm."""
    runs = sweep(directory, faults, outer)
    check_equal([run["fault"] for run in runs], faults, "faults tried")
    wrong = []
    for run in runs:
        if run["exit"] != 0 and not ERROR_LINE.fullmatch(run["stderr"]):
            wrong.append(f"{run['call']}: no single error line: {run['stderr']!r}")
        if run["exit"] != 0 and run["difference"]:
            wrong.append(f"{run['call']}: left behind {run['difference'][:4]}")
    check(not wrong, "\n".join(wrong[:20]) + f"\n({len(wrong)} of {len(runs)} faults)")
