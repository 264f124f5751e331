# SPDX-License-Identifier: Apache-2.0
"""Containers of runc that are created and never started, each with one program as its hook."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import overlay
from bundle import HOOK_ENV, bundle_config
from harness import CGROUP_NAME, SETUP, check, check_equal, run
from programs import compiled, hook

REMEMBERED = Path("/run/oci-nvidia-hook")
FIELDS = ("wall", "user", "system", "rss", "minor", "major", "status")


@dataclasses.dataclass
class Figures:
    """Of one run: microseconds, KiB, page faults, exit status."""

    wall: float
    user: int
    system: int
    rss: int
    minor: int
    major: int
    status: int


def read_figures(path):
    found = []
    for line in path.read_text().splitlines():
        wall, *rest = line.split()
        found.append(Figures(float(wall), *map(int, rest)))
    return found


class Place:
    """A bundle whose container can be created repeatedly, each time from a fresh state."""

    def __init__(self, name, case, stage="createRuntime"):
        self.stage = stage
        self.directory = SETUP.work / name
        self.directory.mkdir()
        self.figures = self.directory / "figures"
        self.name = f"{CGROUP_NAME}{name}"
        self.image = case.image or SETUP.rootfs
        self.config = bundle_config(case, self.directory)
        if case.edit:
            case.edit(self.config, self.directory)
        self.write_config([])

    @property
    def rootfs(self):
        return self.directory / "rootfs"

    @property
    def cgroup(self):
        top = Path("/sys/fs/cgroup")
        return (top / "devices" if (top / "devices").is_dir() else top) / self.name

    def write_config(self, command):
        hooks = {}
        if command:
            path, *words = [compiled("stopwatch"), self.figures, self.rootfs / "proc", *command]
            args = ["stopwatch", *map(str, words)]
            hooks = {self.stage: [{"path": str(path), "args": args, "env": HOOK_ENV}]}
        self.config["hooks"] = hooks
        (self.directory / "config.json").write_text(json.dumps(self.config))

    @contextlib.contextmanager
    def container(self, command):
        """Creates a container and runs the program on it. Returns what that cost, and its root file
        system."""
        self.write_config(command)
        self.figures.unlink(missing_ok=True)
        overlay.mount(self.image, self.directory)
        try:
            yield self._create()
        finally:
            run(["runc", "delete", "--force", self.name])
            overlay.unmount(self.directory)
            for name in ("upper", "work", "rootfs"):
                shutil.rmtree(self.directory / name)

    def _create(self):
        log, pid = self.directory / "log", self.directory / "pid"
        command = ["runc", "create", "--bundle", self.directory, "--pid-file", pid, self.name]
        with log.open("w") as output:  # what stays open with the container must not be a pipe
            done = subprocess.run(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, timeout=120
            )
        check(done.returncode == 0, f"runc create: {log.read_text()[-600:]}")
        return read_figures(self.figures)[-1], Path(f"/proc/{pid.read_text().strip()}")

    def warm_up(self):
        """Runs the hook until its caches are filled. It keeps nothing while the simulated driver's
        files are only a few seconds old."""
        for _ in range(10):
            check_equal(self.measure(hook()).status, 0, "exit status of the hook")
            if list(REMEMBERED.glob("host.*")):
                return
            time.sleep(1)
        raise AssertionError(f"nothing is remembered in {REMEMBERED}")

    def measure(self, command):
        with self.container(command) as (figures, _):
            return figures


@contextlib.contextmanager
def other_cache(name):
    """What the hook keeps between runs is kept apart from that of others: two builds would replace each other's."""
    aside, other = REMEMBERED.with_name("kept-aside"), REMEMBERED.with_name(f"kept-{name}")
    move(REMEMBERED, aside)
    move(other, REMEMBERED)
    try:
        yield
    finally:
        move(REMEMBERED, other)
        move(aside, REMEMBERED)


@contextlib.contextmanager
def nothing_kept():
    """The hook can keep nothing between runs: a file has the name of the directory where it would."""
    REMEMBERED.with_name("kept-nothing").touch()
    with other_cache("nothing"):
        yield


def move(source, target):
    if source.exists():
        source.rename(target)


def mounts(process):
    """Returns the mounts in the mount namespace of a process, sorted."""
    rows = []
    for line in (process / "mountinfo").read_text().splitlines():
        _, _, device, root, target, options, *rest = line.split()
        rows.append((target, root, device if not root.startswith("/") else "", options, rest[rest.index("-") + 1]))
    return sorted(rows)


def new_files(process, place):
    """Returns names, kinds and links of what the container has and its image does not."""
    return [(name, mode, link) for name, mode, _, _, link in overlay.changes(place.directory / "upper", place.image)]
