#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hook: writes the device filters of the container that its state is of to a file."""

import json
import sys
from pathlib import Path

import device_rules


def main():
    pid = json.load(sys.stdin)["pid"]
    path = Path(f"/proc/{pid}/cgroup").read_text().split("0::")[1].splitlines()[0]
    programs = device_rules.attached_programs(f"/sys/fs/cgroup{path}")
    Path(sys.argv[1]).write_text(json.dumps([device_rules.instructions_of(one) for one in programs]))


if __name__ == "__main__":
    main()
