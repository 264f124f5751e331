# SPDX-License-Identifier: Apache-2.0
"""A host that a real systemd runs, in namespaces of its own: started once, and gone with this process."""

import atexit
import contextlib
import functools
import os
import subprocess
import time
from pathlib import Path

from harness import HERE, SETUP, Skip, check, fail_text, run, shared_paths

START_LIMIT_S = 300  # of a machine that compiles meanwhile
CGROUP = Path(f"/sys/fs/cgroup/oci-nvidia-systemd-{os.getpid()}")
UNITS = "/run/systemd/transient"


class SystemdHost:
    """`process` is the one outside, `pid` that of its systemd."""

    def __init__(self, process):
        self.process = process
        self.pid = None

    def command(self, *command):
        """The command line of a program on that host."""
        enter = ["nsenter", "--target", self.pid, "--pid", "--mount", "--cgroup", "--ipc", "--uts"]
        return [str(word) for word in [*enter, "--", *command]]

    def run(self, *command, **options):
        return run(self.command(*command), **options)

    def must(self, *command):
        done = self.run(*command)
        check(done.returncode == 0, fail_text(" ".join(map(str, command)), done))
        return done.stdout

    def systemctl(self, *words):
        return self.must("systemctl", *words)

    def reload(self):
        self.systemctl("daemon-reload")

    def path(self, name):
        """A path on that host, for this process."""
        return Path(f"/proc/{self.pid}/root{name}")


def fail_to_start(process, log):
    text = log.read_text().strip()
    if "unshare failed" in text:
        raise Skip(f"no namespaces for systemd here: {text}; run where root may make them")
    raise AssertionError(f"systemd does not start (exit {process.poll()}): {text[-300:]}")


def child_of(process, log):
    """The first process of the new PID namespace, and none of what the script runs before that."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    ours = os.readlink("/proc/self/ns/pid")
    deadline = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        for child in children.read_text().split():
            with contextlib.suppress(FileNotFoundError):  # it has ended
                if os.readlink(f"/proc/{child}/ns/pid") != ours:
                    return child
        time.sleep(0.05)
    return fail_to_start(process, log)


def wait_until_up(host, log):
    deadline = time.monotonic() + START_LIMIT_S
    while host.run("systemctl", "is-system-running").stdout.strip() not in ("running", "degraded"):
        if host.process.poll() is not None or time.monotonic() > deadline:
            fail_to_start(host.process, log)
        time.sleep(0.2)


def stop(process):
    process.kill()  # and with it all of its namespace
    process.wait(timeout=60)
    deadline = time.monotonic() + 10
    while CGROUP.exists() and time.monotonic() < deadline:
        for directory, _, _ in os.walk(CGROUP, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                time.sleep(0.05)  # its last process is still on its way out


@functools.cache
def systemd_host():
    """Starts it. Raises Skip where namespaces are refused."""
    CGROUP.mkdir(exist_ok=True)
    command = ["setpriv", "--pdeathsig", "KILL", HERE / "boot-systemd"]
    command += [CGROUP, SETUP.tree, SETUP.work, *sorted(shared_paths(SETUP))]
    log = SETUP.work / "systemd.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    atexit.register(stop, process)
    host = SystemdHost(process)
    host.pid = child_of(process, log)
    # Controllers can be enabled only for a tree whose root has no process; `unshare` would be one.
    Path("/sys/fs/cgroup/cgroup.procs").write_text(str(process.pid))
    wait_until_up(host, log)
    return host
