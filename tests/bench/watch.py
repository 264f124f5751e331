# SPDX-License-Identifier: Apache-2.0
"""What `oci-nvidia ps --watch` costs beside many containers: the share of one core at one sample a second.

A container here is a cgroup named as Docker names it, with a process in a PID and a mount namespace and a /dev of its
own, which holds a GPU open or not. That is all that `ps` sees of a container.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from gpu_users import hold, openable_gpus
from harness import MINORS, SETUP, check, check_equal

CONTAINERS = 200
HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/devices")
# The container's process has descriptors, as real ones have.
START = "mount -t tmpfs tmpfs /dev && mknod /dev/nvidia{minor} c 4 {minor} && {hold} & exec sleep 1000"


@dataclasses.dataclass
class Row:
    containers: int
    users: int
    processes: int
    samples: int
    milliseconds: float  # processor time of one sample
    share: float  # of one core, at one sample a second


def cgroups(number):
    name = hashlib.sha256(str(number).encode()).hexdigest()
    tops = [Path(top) for top in HIERARCHIES if Path(top, "cgroup.procs").exists()]
    return [top / "docker" / name for top in tops]


def start(number, is_user):
    places = cgroups(number)
    for place in places:
        place.mkdir(parents=True)
    index = number % len(MINORS)
    process = hold(index) if is_user else "(exec sleep 1000)"
    script = START.format(minor=MINORS[index], hold=process)
    script = "".join(f"echo $$ >{place}/cgroup.procs; " for place in places) + (
        f"exec unshare --mount --pid --fork --kill-child --mount-proc sh -c '{script}'"
    )
    return subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def containers(count, users):
    started = []
    try:
        started += [start(number, number < users) for number in range(count)]
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()
        for place in (place for number in range(count) for place in cgroups(number)):
            remove(place)


def remove(place):
    for _ in range(100):
        for pid in (place / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
        with contextlib.suppress(OSError):
            place.rmdir()
            return
        time.sleep(0.05)


def seen():
    command = [SETUP.hook.parent / "oci-nvidia", "ps", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def wait_until_all_are_seen(count, users):
    end = time.monotonic() + 120
    while True:
        found = seen()
        using = sum(len(one["processes"]) for one in found["containers"])
        if (len(found["containers"]), using) == (count, users):
            return
        check(time.monotonic() < end, f"{len(found['containers'])} containers, {using} processes")
        time.sleep(0.2)


def measure(samples):
    """Processor time of one sample, of those after the first, in seconds."""
    command = [str(SETUP.hook.parent / "oci-nvidia"), "ps", "--json", "--watch=0.05"]

    def processor_time(count):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            for _ in range(count):
                check(process.stdout.readline(), "no sample")
            process.terminate()
            process.stdout.read()
            check_equal(process.wait(), 0, "exit status")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return (processor_time(samples + 1) - processor_time(1)) / samples


def rows(samples):
    found = []
    with openable_gpus():
        for count, users in ((0, 0), (CONTAINERS, 0), (CONTAINERS, CONTAINERS)):
            with containers(count, users):
                wait_until_all_are_seen(count, users)
                processes = sum(name.isdigit() for name in os.listdir("/proc"))
                took = measure(samples)
            found.append(Row(count, users, processes, samples, took * 1000, took))
    return found


def as_text(found):
    lines = ["oci-nvidia ps --watch: processor time of one sample, and share of one core at one sample a second", ""]
    lines.append(f"{'containers':>10} {'use a GPU':>10} {'processes':>10} {'samples':>8} {'ms':>8} {'of a core':>10}")
    for row in found:
        lines.append(
            f"{row.containers:>10} {row.users:>10} {row.processes:>10} {row.samples:>8} {row.milliseconds:>8.2f} {row.share:>9.2%}"
        )
    return "\n".join(lines) + "\n"
