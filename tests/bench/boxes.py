# SPDX-License-Identifier: Apache-2.0
"""Containers for curves, which need thousands of them: made as runc would before it calls a hook,
but without runc."""

import contextlib
import copy
import functools
import json
import os
import subprocess
import time

import box
import programs
from bundle import Case, bundle_config
from containers import read_figures
from harness import CGROUP_NAME, SETUP, check


@functools.cache
def rules():
    """The device rules that runc sets."""
    with box.rules_of_runc() as found:
        return found


@functools.cache
def base_config():
    directory = SETUP.work / "base"
    directory.mkdir()
    return bundle_config(Case(hook=[]), directory)


class FastBox(box.Box):
    """A box whose config.json is made without runc."""

    def __init__(self, env, image=None, edit=None):  # pylint: disable=super-init-not-called
        self.image = image or SETUP.rootfs
        self.contained = True
        self.name = f"{CGROUP_NAME}bench-{next(box._numbers)}"
        self.directory = SETUP.work / self.name
        for name in ("upper", "work", "rootfs"):
            (self.directory / name).mkdir(parents=True)
        config = copy.deepcopy(base_config())
        config["process"]["env"] += [f"{name}={value}" for name, value in env.items()]
        if edit:
            edit(config)
        (self.directory / "config.json").write_text(json.dumps(config))
        self.cgroup = rules().make_cgroup(self.name)
        self.pid = self._start(None)
        state = {"ociVersion": "1.0.2", "id": self.name, "pid": self.pid, "bundle": str(self.directory)}
        self.state_text = json.dumps(state)

    def start(self, command):
        """Starts the program, which then waits for the container's state."""
        words = [programs.compiled("stopwatch"), self.directory / "figures", "-", *command]
        with (self.directory / "errors").open("wb") as errors:
            return subprocess.Popen(
                list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, env=ENV, cwd="/"
            )

    def release(self, child):
        child.stdin.write(self.state_text.encode())
        child.stdin.close()

    def figures(self, child):
        child.wait(timeout=120)
        errors = (self.directory / "errors").read_text(errors="replace")
        check(child.returncode == 0, f"exit status {child.returncode}: {errors.strip()[-600:]}")
        return read_figures(self.directory / "figures")[-1]


ENV = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")}


def measure(command, env, image=None, edit=None, before=None):
    with FastBox(env, image, edit) as one:
        if before:
            before()
        child = one.start(command)
        one.release(child)
        return one.figures(child)


def measure_many(command, env, count):
    """Does the same for `count` containers at once. Returns the time until the last has ended, in
    microseconds."""
    with contextlib.ExitStack() as stack:
        boxes = [stack.enter_context(FastBox(env)) for _ in range(count)]
        return run_all(boxes, command)


def run_all(boxes, command):
    children = [one.start(command) for one in boxes]
    time.sleep(0.05)  # then all of them are waiting for their state
    started = time.perf_counter()
    for one, child in zip(boxes, children):
        one.release(child)
    for one, child in zip(boxes, children):
        one.figures(child)
    return (time.perf_counter() - started) * 1e6
