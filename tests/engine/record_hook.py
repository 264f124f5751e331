#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands between the OCI runtime and the hook under test, and writes down what the hook did.

record_hook.py RECORD HOOK [ARGUMENT...]
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from device_rules import rules_of

PR_SET_CHILD_SUBREAPER = 36
DEADLINE = 60  # seconds; the hook's own longest wait is 10


def container_state(pid):
    """The container as the kernel describes it."""
    mounts = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    return {"mounts": mounts, "devices": rules_of(pid)}


def children():
    """The processes that the hook left to us: we are the reaper of what it orphaned."""
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids]


def run_hook(command, text, deadline=DEADLINE, stdin=subprocess.PIPE, **more):
    """Bytes that are no UTF-8 stay visible as surrogates. With a `stdin` of its own the hook gets no `text`."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    options = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    options |= {"text": True, "errors": "surrogateescape"} | more
    late = False
    with subprocess.Popen(command, **options) as child:
        try:
            output, errors = child.communicate(text, timeout=deadline)
        except subprocess.TimeoutExpired:
            late = True
            child.send_signal(signal.SIGKILL)
            output, errors = child.communicate()
    return {
        "exit": child.returncode,
        "stdout": output,
        "stderr": errors,
        "late": late,
        "left processes": children(),
    }


def main():
    record_file, command = Path(sys.argv[1]), sys.argv[2:]
    text = sys.stdin.read()
    pid = json.loads(text)["pid"]
    host = Path("/proc/self/mountinfo").read_text().splitlines()
    record = {"state": json.loads(text), "host": host, "before": container_state(pid)}
    record.update(run_hook(command, text))
    record["after"] = container_state(pid)
    record_file.write_text(json.dumps(record))
    sys.stderr.write(record["stderr"].encode(errors="replace").decode())
    sys.exit(record["exit"] if record["exit"] >= 0 else 128 - record["exit"])


if __name__ == "__main__":
    main()
