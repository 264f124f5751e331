# SPDX-License-Identifier: Apache-2.0
"""The hook without a runtime: on bytes that no runtime writes, and in places where none starts it."""

import contextlib
import functools
import json
import os
import subprocess
import time

import oracle
import overlay
import record_hook
from bundle import Case, bundle, hook_words
from expect import check_one_line
from harness import SETUP, check, check_equal

MEMORY = 256 << 20  # bytes of address space: what the largest input may make the hook ask for
SHORT = 5  # seconds for a hook that has nothing to wait for; its own longest wait is 10


def within(megabytes):
    """A command that runs another one with that much memory."""
    return ["prlimit", f"--as={megabytes << 20}"]


def shell(text):
    """A command that runs another one, which is "$@" in `text`."""
    return ["sh", "-c", text, "sh"]


def state_text(pid, directory, **more):
    return json.dumps({"ociVersion": "1.0.2", "id": "hostile", "pid": pid, "bundle": str(directory)} | more)


def call(text, *options, before=(), config=None, stage="createRuntime", deadline=SHORT, **more):
    """What the hook did with `text` on standard input, judged by the oracle. `before`: a command that runs it."""
    words = hook_words(config, stage)
    known = len(record_hook.children())  # the test's own; names may change meanwhile
    command = [*before, words[0], *words[1:-1], *options, words[-1]]
    record = record_hook.run_hook(list(map(str, command)), text, deadline, **more)
    if len(record["left processes"]) <= known:
        record["left processes"] = []
    oracle.check_end(record)
    if record["exit"] != 0 or "--dry-run" not in options:
        oracle.check_words(record)
    return record


def plan_of(text, **options):
    """The plan of a dry run, which must succeed."""
    record = call(text, "--dry-run", **options)
    check_equal((record["exit"], record["stderr"]), (0, ""), "dry run")
    return json.loads(record["stdout"])


def check_refusal(record, code, *words):
    check_one_line(record["stderr"], code, *words)
    check_equal(record["exit"], 10 + int(code[4:6]), f"exit code of {record['stderr'].strip()}")


def refused(rows, **options):
    """Every row (what is wrong, standard input, error code, words...) must be refused. All are tried, and each that is not is named."""
    wrong = []
    for title, text, code, *words in rows:
        try:
            check_refusal(call(text, **options), code, *words)
        except AssertionError as error:
            wrong.append(f"{title}: {error}")
    check(not wrong, "\n".join(wrong))


@contextlib.contextmanager
def container(program=("sleep", "60"), before=()):
    """The number of a process with a mount namespace of its own."""
    ours = os.readlink("/proc/self/ns/mnt")
    command = ["unshare", "--mount", "--propagation=private", *before, *program]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            while not is_running(process.pid, program[0], ours):
                check(process.poll() is None, f"{command} ended")
                time.sleep(0.01)
            yield process.pid
        finally:
            process.kill()


def is_running(pid, program, ours):
    with open(f"/proc/{pid}/comm", encoding="ascii") as name:
        return name.read().strip() == program and os.readlink(f"/proc/{pid}/ns/mnt") != ours


@contextlib.contextmanager
def made_bundle(devices="0", env=None, **changes):
    """A bundle whose config.json has `changes`, and that the hook must leave as it is."""
    with bundle(Case(devices, env or {}, hook=[])) as directory:
        path = directory / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        yield directory
        check_equal(overlay.changes(directory / "upper", SETUP.rootfs), [], "the root file system")


@functools.cache
def scratch():
    directory = SETUP.work / "hostile"
    directory.mkdir()
    return directory
