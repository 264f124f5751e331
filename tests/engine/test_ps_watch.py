# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia ps --watch`: what changes between two samples is in the next one, whatever it remembers."""

import contextlib
import ctypes
import json
import os
import signal
import struct
import subprocess
import time
from pathlib import Path

from gpu_users import openable_gpus
from harness import MINORS, SETUP, Skip, check, check_equal, test
from test_ps import users_of

ALL = ("command", "command-cgroup2")
SETTLED = 8  # samples, after which processes are known
CLONE3 = 435


class Watch:
    """Samples of a `ps` that is stopped while something changes."""

    def __init__(self, process):
        self.process = process

    def sample(self):
        return users_of(json.loads(self.process.stdout.readline()))

    def settle(self):
        for _ in range(SETTLED):
            self.sample()

    @contextlib.contextmanager
    def stopped(self):
        os.kill(self.process.pid, signal.SIGSTOP)
        wait_for_state(self.process.pid, "T")
        try:
            yield
        finally:
            self.read_what_is_there()
            os.kill(self.process.pid, signal.SIGCONT)
        self.process.stdout.readline()  # it may have been stopped in the middle of it

    def read_what_is_there(self):
        os.set_blocking(self.process.stdout.fileno(), False)
        while self.process.stdout.read(65536):
            pass
        os.set_blocking(self.process.stdout.fileno(), True)


@contextlib.contextmanager
def watch():
    command = [SETUP.hook.parent / "oci-nvidia", "ps", "--json", "--watch=0.02", "--config", SETUP.config]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            yield Watch(process)
        finally:
            process.kill()


def wait_for_state(pid, states):
    """Also until what it ran is counted."""
    end = time.monotonic() + 60
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in states:
        check(time.monotonic() < end, f"process {pid} does not come to one of the states {states}")
        time.sleep(0.001)


def wait_as_told(told):
    """Opens and closes GPUs; an answer to each line, in a process that otherwise sleeps."""
    held = {}
    with os.fdopen(told[0]) as lines:
        for line in lines:
            index = int(line)
            if index in held:
                os.close(held.pop(index))
            else:
                held[index] = os.open(f"/dev/nvidia{MINORS[index]}", os.O_RDWR | os.O_NOCTTY)
            os.write(told[1], b"\n")


def clone(pid=0):
    """fork(), for a process that has the number `pid`."""
    numbers = (ctypes.c_int * 1)(pid)
    place = ctypes.addressof(numbers) if pid else 0
    arguments = struct.pack("<11Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, place, 1 if pid else 0, 0)
    made = ctypes.CDLL(None, use_errno=True).syscall(CLONE3, arguments, len(arguments))
    if made < 0:
        raise Skip(f"this kernel gives a process no chosen number: {os.strerror(ctypes.get_errno())}")
    return made


class User:
    """A process that opens and closes GPUs as it is told."""

    def __init__(self, pid=0):
        theirs, ours = os.pipe(), os.pipe()
        self.pid = clone(pid)
        if self.pid == 0:
            with contextlib.suppress(BaseException):
                os.close(theirs[1])
                wait_as_told((theirs[0], ours[1]))
            os._exit(0)
        os.close(theirs[0])
        self.to, self.answers, self.descriptors = theirs[1], ours[0], (theirs[1], *ours)

    def toggle(self, *indices):
        for index in indices:
            os.write(self.to, f"{index}\n".encode())
            os.read(self.answers, 1)
        wait_for_state(self.pid, "S")

    def end(self):
        if self.descriptors:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for fd in self.descriptors:
            os.close(fd)
        self.descriptors = ()


@contextlib.contextmanager
def users():
    """Makes a User, with a number of its own or a chosen one; all end with the test."""
    with contextlib.ExitStack() as stack:

        def new(pid=0):
            user = User(pid)
            stack.callback(user.end)
            return user

        yield new


@test(*ALL)
def what_changes_between_two_samples_is_in_the_next_one():
    with openable_gpus(), watch() as watched, users() as new:
        first, second = new(), new()
        first.toggle(0)
        watched.settle()
        check_equal(watched.sample(), {first.pid: {0}}, "before")
        with watched.stopped():
            first.toggle(0)
            second.toggle(1, 2)
        check_equal(watched.sample(), {second.pid: {1, 2}}, "one has closed, one has opened")
        watched.settle()
        with watched.stopped():
            second.toggle(1, 3)
        check_equal(watched.sample(), {second.pid: {2, 3}}, "it has closed one and opened another")
        watched.settle()
        with watched.stopped():
            third = new()
            third.toggle(4)
            second.end()
        check_equal(watched.sample(), {third.pid: {4}}, "one has ended, one is new")


@test(*ALL)
def another_process_with_the_same_number_is_another_one():
    with openable_gpus(), watch() as watched, users() as new:
        user = new()
        user.toggle(0)
        watched.settle()
        check_equal(watched.sample(), {user.pid: {0}}, "before")
        for index in (1, 2):
            with watched.stopped():
                user.end()
                user = new(user.pid)
                user.toggle(index)
            check_equal(watched.sample(), {user.pid: {index}}, "the same number")
        with watched.stopped():
            user.end()
            user = new(user.pid)
            wait_for_state(user.pid, "S")
        check_equal(watched.sample(), {}, "the same number, and no GPU")
