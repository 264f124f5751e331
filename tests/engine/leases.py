# SPDX-License-Identifier: Apache-2.0
"""Containers on a host with leases, and what the registry says of them."""

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from bundle import Case, bundle, hook_words, run_in, running
from direct import is_running
from expect import check_one_line
from harness import SETUP, UUID, check, check_equal, run

REGISTRY = Path("/run/oci-nvidia-hook/leases")
SLEEP = ["sleep", "1000"]


def config_text(path=None, **keys):
    lines = {"leases": "true", **{name.replace("_", "-"): value for name, value in keys.items()}}
    return "".join(f"{name} = {value}\n" for name, value in lines.items()) + (path or SETUP.config).read_text()


@contextlib.contextmanager
def switched_on(path, **keys):
    """For an engine that was started with this configuration, which its hooks read each time."""
    usual = path.read_text()
    path.write_text(config_text(path, **keys))
    try:
        yield
    finally:
        path.write_text(usual)


def config_file(**keys):
    path = SETUP.work / f"leases-{abs(hash(tuple(keys.items())))}.toml"
    path.write_text(config_text(**keys))
    return path


def leased(devices, **options):
    options.setdefault("config", config_text())
    return Case(devices, **options)


def files():
    return sorted(path.name for path in REGISTRY.glob("*")) if REGISTRY.exists() else []


def leases():
    return [json.loads((REGISTRY / name).read_text()) for name in files() if name.endswith(".json")]


def pid_of(name):
    return json.loads(run(["runc", "state", name]).stdout)["pid"]


def gpus_of(name):
    """Indices on the host of the GPUs that the container sees."""
    shown = run(["runc", "exec", name, "nvidia-smi", "-L"]).stdout
    return [int(index) for index in re.findall(f"{UUID}(\\d+)", shown)]


def nodes_of(pid):
    """Minor numbers of the GPUs' nodes in its mount namespace, below whatever is its root."""
    found = []
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        _, mark, name = line.split()[4].rpartition("/dev/nvidia")
        if mark and name.isdigit():
            found.append(int(name))
    return sorted(found)


@contextlib.contextmanager
def holder(devices, **options):
    """The name of a running container with such a request."""
    with running(leased(devices, args=SLEEP, **options)) as name:
        yield name


def refused(case, code, *words):
    """Runs a container that must not start."""
    with bundle(case) as directory:
        outcome = run_in(directory)
    check(outcome.exit != 0, "the container started")
    check_one_line(outcome.record["stderr"], code, *words)
    return outcome


def end(name):
    """Kills the container's first process, as from one moment to the next."""
    pid = pid_of(name)
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}/stat").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.001)
    return pid


@dataclasses.dataclass
class Start:
    """A run of the hook for a process in a mount namespace of its own: a container without a runtime."""

    process: subprocess.Popen
    directory: Path
    hook: subprocess.Popen = None

    def begin(self, config, before=()):
        state = {"ociVersion": "1.0.2", "id": self.directory.name, "pid": self.process.pid, "bundle": str(self.directory)}
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.hook = subprocess.Popen([*before, *hook_words(config)], **options)
        self.hook.stdin.write(json.dumps(state))
        self.hook.stdin.close()

    def wait(self):
        """The exit status and standard error of the hook."""
        with self.hook:
            return self.hook.wait(60), self.hook.stderr.read()


@contextlib.contextmanager
def start(directory):
    ours = os.readlink("/proc/self/ns/mnt")
    procfs = (  # with what the driver's module shows there
        "mount -t proc proc $0/proc && mount -t tmpfs tmpfs $0/proc/driver && cp -a /proc/driver/nvidia $0/proc/driver"
    )
    script = f"{procfs} && exec {' '.join(SLEEP)}"
    command = ["unshare", "--mount", "--propagation=private", "sh", "-c", script, f"{directory}/rootfs"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            while not is_running(process.pid, "sleep", ours):
                check(process.poll() is None, "the process ended")
                time.sleep(0.001)
            yield Start(process, Path(directory))
        finally:
            process.kill()


def check_distinct(starts):
    """No GPU is in two containers. Returns how many containers have one."""
    nodes = [nodes_of(one.process.pid) for one in starts]
    given = [node for one in nodes for node in one]
    check_equal(len(given), len(set(given)), f"GPUs that two have: {nodes}")
    return sum(bool(one) for one in nodes)
