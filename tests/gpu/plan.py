# SPDX-License-Identifier: Apache-2.0
"""Checks the hook's plan if no container can be started: less than a container shows, but with the
real driver."""

import collections
import json
from pathlib import Path

from checks import SETS
from containers import Request


def check_plans(report, launcher):
    for name in SETS:
        outcome = launcher.run(Request("all", name))
        what = f"{name}: the hook makes a plan"
        try:
            steps = json.loads(outcome.output)["steps"]
        except (ValueError, KeyError):
            report.failed(what, outcome.why)
            continue
        kinds = collections.Counter(step.get("type", step["op"]) for step in steps)
        report.passed(what, ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
        check_sources(report, name, steps)


def check_sources(report, name, steps):
    sources = [step["source"] for step in steps if "source" in step]
    missing = [source for source in sources if not Path(source).exists()]
    what = f"{name}: everything planned is on the host"
    report.expect(what, sources and not missing, f"{len(sources)} sources", f"missing: {missing}")
