# SPDX-License-Identifier: Apache-2.0
"""Runs the hook with inject.c between: every system call that it makes, or one of them that fails, or where it is killed."""

import collections
import dataclasses
import functools
import re

from bundle import hook_words
from harness import HERE, SETUP, check, run


@dataclasses.dataclass(frozen=True)
class Call:
    """The `time`th call of that name, on `path` if it names one."""

    name: str
    time: int
    path: str = dataclasses.field(default="", compare=False)

    def __str__(self):
        return f"{self.name} {self.time}" + (f" ({self.path})" if self.path else "")


@functools.cache
def program():
    path = SETUP.work / "inject"
    command = ["cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", path, HERE / "inject.c"]
    done = run(command)
    check(done.returncode == 0, done.stderr)
    return path


@functools.cache
def numbers():
    """{name: number} of the system calls of this machine's kind."""
    text = run(["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"]).stdout
    return {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", text, re.MULTILINE)}


def run_injected(state, *order, words=None):
    """A record as record_hook makes it, of the hook's side; `report` is what inject told, without its last line."""
    report = SETUP.work / "inject.report"
    done = run([program(), report, *order, *(words or hook_words())], input=state)
    told = report.read_text().splitlines()
    how, number = told[-1].split()
    return {
        "exit": int(number) if how == "exit" else -int(number),
        "stdout": done.stdout,
        "stderr": done.stderr,
        "left": "left" in told,
        "report": told[:-1],
    }


def list_calls(state, words=None):
    """Every call of a run, in order, and the run."""
    names = {number: name for name, number in numbers().items()}
    done = run_injected(state, "list", words=words)
    seen, calls = collections.Counter(), []
    for line in done["report"]:
        number, _, path = line.partition(" ")
        name = names[int(number)] if number.isdigit() else None
        check(name, f"no system call: {line}")
        seen[name] += 1
        calls.append(Call(name, seen[name], path))
    return calls, done


def place_of(call):
    return [numbers()[call.name], call.time]


def run_failing(state, call, error, words=None):
    return run_injected(state, "fail", *place_of(call), error, words=words)


def run_failing_onwards(state, call, error, words=None):
    """All later calls of that name fail, too."""
    return run_injected(state, "fail", numbers()[call.name], -call.time, error, words=words)


def run_killed(state, call, words=None):
    return run_injected(state, "kill", *place_of(call), words=words)


def run_stopped(state, call, shell, words=None):
    """`shell` is run where `call` begins; then the hook goes on."""
    return run_injected(state, "stop", *place_of(call), shell, words=words)
