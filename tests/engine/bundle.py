# SPDX-License-Identifier: Apache-2.0
"""Containers started directly by an OCI runtime: a bundle, one run, and everything that it showed."""

import contextlib
import dataclasses
import functools
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import observe
import oracle
import overlay
from harness import CGROUP_NAME, HERE, PROCFS_HOOK, SETUP, SIMULATE, check, run

HOOK_ENV = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONDONTWRITEBYTECODE=1",
]
_numbers = itertools.count(1)


@dataclasses.dataclass
class Case:
    """One container. `devices` None: no request at all."""

    devices: str = None
    env: dict = dataclasses.field(default_factory=dict)
    mounts: list = dataclasses.field(default_factory=list)
    command: str = observe.SCRIPT
    args: list = None  # for an image without a shell: what to start in the place of `command`
    image: object = None  # another root file system than that of the setup
    readonly: bool = False
    stage: str = "createRuntime"
    config: str = None  # text of another configuration file
    settings: str = ""  # lines to add to the usual one, under [nvidia-container-cli]
    host: list = None  # options of `simulate`: another host
    outer: list = None  # a command that the runtime is started by: an outer container
    hook: list = None  # another command in the place of the hook; empty: none
    edit: object = None  # changes config.json, or the bundle, last
    judged: bool = True  # by the oracle; a test that replaces the hook by something else says no


@dataclasses.dataclass
class Outcome:
    exit: int
    output: str
    errors: str
    view: observe.View
    record: dict
    changes: list
    directory: str


def hook_words(config=None, stage="createRuntime"):
    return [*SETUP.wrapper, str(SETUP.hook), f"-config={config or SETUP.config}", stage]


def recorder_words(record, command):
    """A command in the place of the hook, which runs it and writes to `record` what it did."""
    return [sys.executable, "-S", str(HERE / "record_hook.py"), str(record), *command]


def traced_hook(trace, *options):
    """The hook under strace, which writes to `trace`."""
    return ["strace", "-qq", "-o", str(trace), *options, *hook_words()]


def hook_of(case, directory):
    if case.hook is not None:
        return case.hook
    if case.config is None and not case.settings:
        return hook_words(None, case.stage)
    usual = SETUP.config.read_text() if case.config is None else case.config
    config = directory / "config.toml"
    config.write_text(usual + case.settings)
    return hook_words(config, case.stage)


@functools.cache
def usual_config():
    """config.json as `runc spec` writes it."""
    with tempfile.TemporaryDirectory(dir=SETUP.work) as directory:
        run(["runc", "spec"], cwd=directory, check=True)
        return Path(directory, "config.json").read_text()


def bundle_config(case, directory):
    """The usual config.json with the case's wishes."""
    config = json.loads(usual_config())
    env = dict(case.env)
    if case.devices is not None:
        env["NVIDIA_VISIBLE_DEVICES"] = case.devices
    config["process"]["terminal"] = False
    config["process"]["args"] = case.args or ["/bin/sh", "-c", case.command]
    config["process"]["env"] += [f"{name}={value}" for name, value in env.items()]
    config["root"]["readonly"] = case.readonly
    config["mounts"] += case.mounts
    config["hooks"] = {
        "prestart": [
            {
                "path": str(PROCFS_HOOK),
                "args": ["procfs-hook", str(directory / "rootfs")],
                "env": HOOK_ENV,
            }
        ]
    }
    command = hook_of(case, directory)
    if command:
        recorder = recorder_words(directory / "record.json", command)
        entry = {"path": recorder[0], "args": recorder, "env": HOOK_ENV}
        config["hooks"].setdefault(case.stage, []).append(entry)
    return config


@contextlib.contextmanager
def bundle(case):
    """A directory with config.json and an overlay of the root file system."""
    directory = SETUP.work / f"bundle-{next(_numbers)}"
    directory.mkdir()
    overlay.mount(case.image or SETUP.rootfs, directory)
    try:
        config = bundle_config(case, directory)
        if case.edit:
            case.edit(config, directory)
        (directory / "config.json").write_text(json.dumps(config))
        yield directory
    finally:
        overlay.unmount(directory)
        shutil.rmtree(directory)


def runtime_command(directory):
    name = f"{CGROUP_NAME}{directory.name}"
    if SETUP.engine.startswith("crun"):
        return ["crun", "--cgroup-manager=disabled", "run", "--bundle", directory, name]
    return ["runc", "run", "--bundle", directory, name]


def run_in(directory, host=None, image=None, outer=None, judged=True):
    """Runs the container of a bundle that is made of `image`. What the hook did is judged by the oracle."""
    command = runtime_command(directory)
    if host is not None:
        command = [*SIMULATE, *host, "--driver-root", SETUP.driver, "--", *command]
    done = run([*(outer or []), *command])
    record_file = directory / "record.json"
    record = json.loads(record_file.read_text()) if record_file.exists() else None
    if record and judged:
        oracle.check_record(record)
    return Outcome(
        exit=done.returncode,
        output=done.stdout,
        errors=done.stderr,
        view=observe.View(done.stdout),
        record=record,
        changes=overlay.changes(directory / "upper", image or SETUP.rootfs),
        directory=str(directory),
    )


@contextlib.contextmanager
def running(case):
    """The name of a container that runs in the background, started by runc."""
    with started_as("", case) as name:
        yield name


@contextlib.contextmanager
def started_as(name, case):
    """As running(), with this name; one of its own for an empty one."""
    with bundle(case) as directory:
        name = name or f"{CGROUP_NAME}{directory.name}"
        command = ["runc", "run", "--detach", "--bundle", str(directory), name]
        log = directory / "log"
        with log.open("w") as output:  # what stays open with the container must be no pipe
            options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            done = subprocess.run(command, check=False, timeout=120, **options)
        check(done.returncode == 0, f"the container did not run: {log.read_text()[-600:]}")
        try:
            yield name
        finally:
            run(["runc", "delete", "--force", name], check=True)


def run_container(case):
    with bundle(case) as directory:
        judged = case.judged and case.hook is None
        return run_in(directory, case.host, case.image, case.outer, judged)


def bind(source, target, *options):
    return {
        "destination": target,
        "type": "bind",
        "source": str(source),
        "options": ["bind", *options],
    }


def foreign_nodes():
    """A directory with a node of every simulated GPU, for a container to try; it is on a tmpfs of this test's own."""
    directory = SETUP.work / "foreign"
    if not directory.exists():
        directory.mkdir()
        for minor in range(8):
            os.mknod(directory / f"gpu{minor}", 0o20666, os.makedev(195, minor))
            os.chmod(directory / f"gpu{minor}", 0o666)
    return bind(directory, "/foreign")
