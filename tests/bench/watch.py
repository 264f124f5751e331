# SPDX-License-Identifier: Apache-2.0
"""What `oci-nvidia ps --watch` costs beside many containers: the share of one core at one sample a second.

A container here is a cgroup named as Docker names it, with a process in a PID and a mount namespace and a /dev of its
own, which holds a GPU open or not, and a monitor in the cgroup of the host. That is all that `ps` sees of a container.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from gpu_users import MAJOR, openable_gpus
from harness import MINORS, SETUP, check, check_equal

CONTAINERS = 200
SETTLING = 6  # samples
MOST_SAMPLES = 20  # a second each
HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/devices")
# A container that was given no GPU. Only cgroup v1 can be told so without a program for the kernel.
DENY = "echo a >{place}/devices.deny; echo 'c 1:* rwm' >{place}/devices.allow; echo 'c *:* m' >{place}/devices.allow; "
START = "mount -t tmpfs tmpfs /dev && mknod /dev/nvidia{minor} c {major} {minor}; {hold} exec sleep 1000"


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
    held = f"exec 3<>/dev/nvidia{MINORS[index]};" if is_user else ""
    script = START.format(major=MAJOR, minor=MINORS[index], hold=held) if is_user else "mount -t tmpfs tmpfs /dev; exec sleep 1000"
    for place in places:
        if not is_user and (place / "devices.deny").exists():
            subprocess.run(["sh", "-c", DENY.format(place=place)], check=True)
    moved = "".join(f"echo 0 >{place}/cgroup.procs; " for place in places)
    script = f"exec unshare --mount --pid --fork --kill-child --mount-proc sh -c '{moved}{script}'"
    return subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def containers(count, users):
    running = []
    try:
        running += [start(number, number < users) for number in range(count)]
        yield
    finally:
        for process in running:
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


def started(count):
    return all((place / "cgroup.procs").read_text() for number in range(count) for place in cgroups(number))


def wait_until_all_are_seen(count, users):
    end = time.monotonic() + 120
    while True:
        found = seen()
        using = sum(len(one["processes"]) for one in found["containers"])
        if (len(found["containers"]), using) == (users, users) and started(count):
            return
        check(time.monotonic() < end, f"{len(found['containers'])} containers, {using} processes")
        time.sleep(0.2)


def processor_time(pid):
    """Of a process, in seconds (proc(5), schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def measure(samples):
    """Processor time of one sample, once all containers have been seen for some time, in seconds."""
    command = [str(SETUP.hook.parent / "oci-nvidia"), "ps", "--json", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for _ in range(SETTLING):
            check(process.stdout.readline(), "no sample")
        before = processor_time(process.pid)
        for _ in range(samples):
            check(process.stdout.readline(), "no sample")
        took = (processor_time(process.pid) - before) / samples
        process.terminate()
        process.stdout.read()
        check_equal(process.wait(), 0, "exit status")
    return took


def rows(samples):
    samples = min(samples, MOST_SAMPLES)
    found = []
    with openable_gpus():
        for count, users in ((0, 0), (CONTAINERS, len(MINORS)), (CONTAINERS, CONTAINERS)):
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
