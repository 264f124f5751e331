#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands between the OCI runtime and the hook under test, and writes down what the hook did.

record_hook.py RECORD HOOK [ARGUMENT...]
"""

import json
import subprocess
import sys
from pathlib import Path

from device_rules import rules_of


def container_state(pid):
    """The container as the kernel describes it."""
    mounts = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    return {"mounts": mounts, "devices": rules_of(pid)}


def run_hook(command, text):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return {"exit": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def main():
    record_file, command = Path(sys.argv[1]), sys.argv[2:]
    text = sys.stdin.read()
    pid = json.loads(text)["pid"]
    record = {"state": json.loads(text), "before": container_state(pid)}
    record.update(run_hook(command, text))
    record["after"] = container_state(pid)
    record_file.write_text(json.dumps(record))
    sys.stderr.write(record["stderr"])
    sys.exit(record["exit"])


if __name__ == "__main__":
    main()
