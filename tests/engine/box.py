# SPDX-License-Identifier: Apache-2.0
"""A container without a runtime, for tests that need thousands: what runc has made of one when it calls the hook.

A process in a mount namespace of its own, with an overlay as root file system and procfs and a /dev in it, in a device cgroup
with the rules that runc gives.
"""

import contextlib
import ctypes
import errno
import itertools
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import device_rules
import overlay
from bundle import Case, bundle_config, running
from harness import CGROUP_NAME, SETUP, check

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_SLAVE = 0x1000, 0x4000, 1 << 19
NODES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
V1, V2 = Path("/sys/fs/cgroup/devices"), Path("/sys/fs/cgroup")

libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


def succeed(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def mount(source, target, kind, flags=0, data=None):
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    succeed(libc.mount(*words[:3], ctypes.c_ulong(flags), words[3]), f"mount {target}")


class Rules:
    """The device rules of a container of runc's, to be given to others."""

    def __init__(self, pid):
        self.is_v2 = not V1.is_dir()
        if self.is_v2:
            path = Path(f"/proc/{pid}/cgroup").read_text().split("::")[1].strip()
            ids = device_rules.attached_programs(f"{V2}{path}")
            check(len(ids) == 1, f"programs of runc: {ids}")
            self.program = device_rules.open_program(ids[0])
        else:
            self.lines = device_rules.rules_of(pid)
            check(self.lines and "a *:* rwm" not in self.lines, f"rules of runc: {self.lines}")

    def make_cgroup(self, name, programs=True):
        directory = (V2 if self.is_v2 else V1) / name
        directory.mkdir()
        if self.is_v2 and programs:
            device_rules.attach_program(directory, self.program)
        if not self.is_v2:
            (directory / "devices.deny").write_text("a")
            for line in self.lines:
                (directory / "devices.allow").write_text(line)
        return directory


@contextlib.contextmanager
def rules_of_runc():
    """Of a container without a request."""
    with running(Case(command="sleep 1000")) as name:
        where = V2 if not V1.is_dir() else V1
        yield Rules(int((where / name / "cgroup.procs").read_text().split()[0]))


class Box:
    """Use as a context: it is gone afterwards, with all that was in it.

    `pid`: the number that its process shall have, which must be free. `contained` false: only the number is taken, by a process of
    the host. `cgroup`: what the name of its cgroup ends with. `programs` false: a cgroup v2 without a device filter.
    """

    def __init__(self, rules, case=None, image=None, pid=None, contained=True, cgroup="", programs=True):
        self.image = image or SETUP.rootfs
        self.contained = contained
        self.name = f"{CGROUP_NAME}box-{next(_numbers)}"
        self.directory = SETUP.work / self.name
        for name in ("upper", "work", "rootfs"):
            (self.directory / name).mkdir(parents=True)
        config = bundle_config(case or Case("1"), self.directory)
        (self.directory / "config.json").write_text(json.dumps(config))
        # Engines mount the root file system before there is a container.
        top = self.directory
        layers = f"lowerdir={self.image},upperdir={top}/upper,workdir={top}/work"
        mount("overlay", top / "rootfs", "overlay", 0, layers)
        self.cgroup = rules.make_cgroup(self.name + cgroup, programs)
        self.pid = self._start(pid)
        self.state_text = json.dumps(
            {"ociVersion": "1.0.2", "id": self.name, "pid": self.pid, "bundle": str(self.directory)}
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
        remove_cgroup(self.cgroup)
        overlay.unmount(self.directory)
        shutil.rmtree(self.directory)

    def _start(self, wanted):
        ready, tell = os.pipe()
        pid = os.fork() if wanted is None else fork_as(wanted)
        if pid == 0:
            try:
                if self.contained:
                    self._become_container()
                os.write(tell, b"y")
                signal.pause()
            except OSError as error:
                os.write(tell, str(error).encode())
            os._exit(1)
        os.close(tell)
        said = os.read(ready, 1000)
        os.close(ready)
        check(said == b"y", f"box: {said}")
        return pid

    def _become_container(self):
        succeed(libc.unshare(CLONE_NEWNS), "unshare")
        mount(None, "/", None, MS_REC | MS_SLAVE)
        top = self.directory
        mount("proc", top / "rootfs/proc", "proc")
        mount("/proc/driver", top / "rootfs/proc/driver", None, MS_BIND | MS_REC)
        mount("tmpfs", top / "rootfs/dev", "tmpfs", 0, "mode=755")
        for name, minor in NODES.items():
            os.mknod(top / "rootfs/dev" / name, 0o20666, os.makedev(1, minor))
        (self.cgroup / "cgroup.procs").write_text(str(os.getpid()))

    def end(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.pid = 0

    @property
    def root(self):
        """The root file system, seen from the host."""
        return f"/proc/{self.pid}/root{self.directory}/rootfs"

    def seen(self):
        """What the hook could have changed."""
        dev = sorted(os.path.join(top, name) for top, names, files in os.walk(f"{self.root}/dev") for name in names + files)
        others = re.compile(rf"/{CGROUP_NAME}box-(?!{self.name.rpartition('-')[2]}/)\d+/rootfs ")
        lines = Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines()
        return {
            "mounts": [line for line in lines if not others.search(line)],
            "devices": device_rules.rules_of(self.pid),
            "files": [str(row) for row in overlay.changes(self.directory / "upper", self.image)],
            "/dev": [path.removeprefix(self.root) for path in dev],
        }


def fork_as(wanted):
    """fork, for a child of that number: others on this machine start processes, too, so it is tried again and again."""
    for _ in range(1000):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(wanted - 1))
        pid = os.fork()
        if pid == 0 and os.getpid() == wanted:
            return 0
        if pid == 0:
            os._exit(0)
        if pid == wanted:
            return pid
        os.waitpid(pid, 0)
    raise AssertionError(f"the number {wanted} could not be had")


def remove_cgroup(directory):
    """The kernel needs a moment after the last process has gone."""
    for _ in range(500):
        try:
            directory.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            time.sleep(0.002)
    raise AssertionError(f"{directory} stays busy")
