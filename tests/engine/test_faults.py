# SPDX-License-Identifier: Apache-2.0
"""Every system call of `apply` made to fail in turn: the hook must say so in one line and take back what it did."""

import json
import re
import sys

from bundle import HOOK_ENV, Case, bundle, hook_words, run_in, traced_hook
from expect import ERROR_LINE, check_started
from harness import HERE, SETUP, check, check_equal, require_program, test

CALLS = (
    "pidfd_open open_tree mount_setattr fsopen fsconfig fsmount setns openat2 mkdirat fchownat fchown fchmod "
    "symlinkat move_mount write renameat2 bpf"
).split()
# What depends on the cgroup version comes at the end.
CALLS_BY_ENGINE = {"runc": CALLS, "runc-cgroup2": ["setns", "move_mount", "renameat2", "bpf"]}
DEVICES = "1"


def count_calls(directory):
    """How often the hook makes each call, from one run that succeeds."""
    trace = directory / "trace"
    case = Case(DEVICES, hook=traced_hook(trace, "-e", "trace=" + ",".join(CALLS)))
    with bundle(case) as made:
        check_started(run_in(made))
    names = re.findall(r"^(\w+)\(", trace.read_text(), re.MULTILINE)
    return {call: names.count(call) for call in CALLS}


def sweep(directory, faults):
    """Runs all faults, on as many containers as it takes. Returns the runs."""
    faults_file, record, runs = directory / "faults", directory / "runs.json", []
    faults_file.write_text("\n".join(faults))

    def use_fault_hook(config, made):
        files = [record, faults_file, made / "upper", SETUP.rootfs]
        command = [sys.executable, str(HERE / "fault_hook.py"), *map(str, files), *hook_words()]
        entry = {"path": command[0], "args": command, "env": HOOK_ENV}
        config["hooks"]["createRuntime"] = [entry]

    while faults_file.read_text():
        with bundle(Case(DEVICES, edit=use_fault_hook, command="true")) as made:
            outcome = run_in(made)
            check_equal(outcome.exit, 0, f"the container did not run: {outcome.errors}")
        runs += json.loads(record.read_text())
    return runs


@test("runc", "runc-cgroup2")
def a_failure_at_any_step_leaves_the_container_as_it_was():
    require_program("strace")
    directory = SETUP.work / "faults"
    directory.mkdir()
    counts = count_calls(directory)
    calls = CALLS_BY_ENGINE[SETUP.engine]
    faults = [f"{call} {number}" for call in calls for number in range(1, counts[call] + 1)]
    check(len(faults) > 20, f"the hook makes too few calls for this to be true: {counts}")
    runs = sweep(directory, faults)
    check_equal([run["fault"] for run in runs], faults, "faults tried")
    wrong = []
    for run in runs:
        if run["exit"] != 0 and not ERROR_LINE.fullmatch(run["stderr"]):
            wrong.append(f"{run['call']}: no single error line: {run['stderr']!r}")
        if run["exit"] != 0 and run["difference"]:
            wrong.append(f"{run['call']}: left behind {run['difference'][:4]}")
    check(not wrong, "\n".join(wrong[:20]) + f"\n({len(wrong)} of {len(runs)} faults)")
