# SPDX-License-Identifier: Apache-2.0
"""The results as Markdown: every check passed, failed, or was not made, with the reason."""

import dataclasses
import statistics

PASSED, FAILED, NOT_CHECKED = "passed", "failed", "not checked"


@dataclasses.dataclass
class Check:
    name: str
    verdict: str
    detail: str


class Report:
    def __init__(self):
        self.facts = []
        self.checks = []
        self.timings = {}  # what: nanoseconds of each run
        self.notes = []  # why a timing is missing
        self.timed_hook = ""  # what the hook did while it was measured

    def fact(self, name, value):
        self.facts.append((name, value))

    def add(self, name, verdict, detail=""):
        self.checks.append(Check(name, verdict, detail))

    def passed(self, name, detail=""):
        self.add(name, PASSED, detail)

    def failed(self, name, detail):
        self.add(name, FAILED, detail)

    def not_checked(self, name, why):
        self.add(name, NOT_CHECKED, why)

    def expect(self, name, good, detail, otherwise=None):
        """Passes with `detail`, or fails with `otherwise`."""
        self.add(name, PASSED if good else FAILED, detail if good or not otherwise else otherwise)

    def count(self, verdict):
        return sum(check.verdict == verdict for check in self.checks)

    def summary(self):
        return ", ".join(f"{self.count(word)} {word}" for word in (PASSED, FAILED, NOT_CHECKED))

    def markdown(self):
        lines = ["# Check on a real NVIDIA driver", "", f"**{self.summary()}**", ""]
        lines += table(("fact", "value"), self.facts)
        lines += ["", "## Checks", ""]
        rows = [(check.verdict, check.name, check.detail) for check in self.checks]
        lines += table(("verdict", "check", "detail"), rows)
        lines += ["", "## Times", "", *self.timing_lines()]
        return "\n".join(lines) + "\n"

    def timing_lines(self):
        lines = [f"- Not measured: {note}" for note in self.notes]
        lines += [""] if lines else []
        if not self.timings:
            return lines
        medians = {what: statistics.median(values) for what, values in self.timings.items()}
        first = next(iter(medians))
        rows = [
            (
                what,
                len(values),
                f"{medians[what] / 1e6:.2f} ms",
                f"{min(values) / 1e6:.2f} to {max(values) / 1e6:.2f} ms",
                f"{medians[what] / medians[first]:.1f}",
            )
            for what, values in self.timings.items()
        ]
        head = ("what", "runs", "median", "range", f"times {first}")
        lines += ["Whole processes, taken in turns in one run, on the monotonic clock."]
        lines += [f"The hook: {self.timed_hook}, with all GPUs and `compute,utility`.", ""]
        lines += table(("what", "runs", "median", "range", f"times {first}"), rows)
        return lines


def cell(value):
    return " ".join(str(value).replace("|", "\\|").split())


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
