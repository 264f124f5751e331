#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for the hook under test and runs it once for each of a list of faults, on the same container.

fault_hook.py RECORD FAULTS UPPER LOWER HOOK [ARGUMENT...]

FAULTS holds one `SYSCALL N` per line: the Nth call of that name fails with EIO. A run that fails must leave the container as it
was. After one that succeeds the container is changed, so the rest is left in FAULTS for the next container.
"""

import json
import sys
from pathlib import Path

import overlay
from record_hook import container_state, run_hook


def run_with_fault(fault, command, text, trace):
    call, number = fault.split()
    strace = [
        "strace",
        "-qq",
        "-o",
        str(trace),
        "-e",
        f"trace={call}",
        "-e",
        f"inject={call}:error=EIO:when={number}",
    ]
    run = {"fault": fault, **run_hook(strace + command, text)}
    lines = trace.read_text(errors="replace").splitlines()
    run["call"] = next((line for line in lines if "(INJECTED)" in line), "")
    return run


def main():
    record_file, faults_file, upper, lower = map(Path, sys.argv[1:5])
    text = sys.stdin.read()
    pid = json.loads(text)["pid"]
    faults = faults_file.read_text().splitlines()
    runs = []
    while faults:
        before = container_state(pid), overlay.changes(upper, lower)
        run = run_with_fault(faults.pop(0), sys.argv[5:], text, Path(f"{faults_file}.trace"))
        after = container_state(pid), overlay.changes(upper, lower)
        run["difference"] = [] if after == before else difference(before, after)
        runs.append(run)
        if run["exit"] == 0:
            break
    faults_file.write_text("\n".join(faults))
    record_file.write_text(json.dumps(runs))


def difference(before, after):
    old, new = set(map(str, flat(before))), set(map(str, flat(after)))
    return sorted(f"- {row}" for row in old - new) + sorted(f"+ {row}" for row in new - old)


def flat(state):
    return state[0]["mounts"] + state[0]["devices"] + state[1]


if __name__ == "__main__":
    main()
