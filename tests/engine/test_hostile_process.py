# SPDX-License-Identifier: Apache-2.0
"""Signals, clocks, and processes that lack what others have."""

import contextlib
import itertools
import os
import signal

import record_hook
from bundle import Case, hook_words, run_container
from direct import call, check_refusal, container, made_bundle, shell, state_text
from expect import check_gpus, check_started
from harness import SETUP, check, check_equal, test


@contextlib.contextmanager
def wrapped(*command):
    """Within, the hook is run by that command, and judged as always."""
    SETUP.wrapper = list(map(str, command))
    try:
        yield
    finally:
        SETUP.wrapper = []


def strace(*options):
    return ["strace", "-qq", "-o", "/dev/null", *options]


@test("hostile", cases=[58])
def a_hook_that_is_told_to_end_in_the_middle_ends_and_leaves_nothing():
    """SIGTERM has its usual effect: what was mounted goes with the container, which the runtime ends. Around the test the host is compared."""
    for call_name, number in (("open_tree", 3), ("setns", 1), ("move_mount", 12), ("renameat2", 1)):
        for name in ("SIGTERM",):
            inject = strace("-e", f"trace={call_name}", "-e", f"inject={call_name}:signal={name}:when={number}")
            with wrapped(*inject):
                outcome = run_container(Case("0", judged=False))
            record = outcome.record
            what = f"{name} at {call_name} {number}"
            check_equal((record["exit"], record["late"]), (-getattr(signal, name), False), what)
            check_equal(record["left processes"], [], what)
            check(outcome.exit != 0 and not outcome.view.complete, f"{what}: the container started")


@test("hostile", cases=[58])
def a_closed_standard_error_changes_nothing():
    with wrapped(*shell('exec "$@" 2>&-')):
        outcome = run_container(Case("1"))
    check_started(outcome)
    check_gpus(outcome.view, [1])


def run_unheard(text, *options):
    """The hook with a standard error that is a pipe without a reader."""
    reader, writer = os.pipe()
    os.close(reader)
    words = hook_words()
    record = record_hook.run_hook([*words[:-1], *options, words[-1]], text, stderr=writer)
    os.close(writer)
    return record


@test("hostile", cases=[58])
def a_standard_error_that_nobody_reads_ends_no_hook():
    """Neither the error line nor the debug log, which goes there with -debug, may end it by SIGPIPE."""
    with made_bundle("99") as directory, container() as pid:
        for options in ((), ("-debug",)):
            record = run_unheard(state_text(pid, directory), *options)
            check_equal((record["exit"], record["late"]), (12, False), f"the end with {options}")
    with made_bundle("1") as directory:
        record = run_unheard(state_text(0, directory), "-debug", "--dry-run")
        check_equal((record["exit"], record["late"]), (0, False), "a dry run")


@test("hostile", cases=[65])
def closed_standard_descriptors_change_nothing():
    for count in (1, 2):
        for closed in itertools.combinations((1, 2), count):
            with wrapped(*shell('exec "$@" ' + " ".join(f"{fd}>&-" for fd in closed))):
                outcome = run_container(Case("1"))
            check_started(outcome)
            check_gpus(outcome.view, [1])
    # Without standard input there is no state.
    for closed in ("<&-", "<&- >&-"):
        check_refusal(call("", before=shell(f'exec "$@" {closed}')), "NVH-0104", "empty")


@test("hostile", cases=[65])
def little_memory_is_enough():
    with wrapped("prlimit", f"--as={64 << 20}"):
        outcome = run_container(Case("1"))
    check_started(outcome)
    check_gpus(outcome.view, [1])


EVERYTHING = {"NVIDIA_DRIVER_CAPABILITIES": "all"}


@test("hostile", cases=[65])
def few_descriptors_are_a_clear_refusal():
    """Wherever they run out, it is told as that."""
    for count in (6, 8, 12, 16, 24, 32, 48, 64):
        with wrapped("prlimit", f"--nofile={count}"):
            outcome = run_container(Case("all", EVERYTHING))
        text = outcome.record["stderr"]
        check(outcome.exit != 0, f"{count} descriptors were enough: then this test shows nothing")
        for words in ("NVH-0901", "Too many open files", "free memory and file descriptors"):
            check(words in text, f"{count} descriptors: {text}")


@test("hostile", cases=[65])
def a_low_soft_limit_of_descriptors_is_raised():
    """Engines pass on 1,024, which a host with many MIG devices exceeds: here the same in small."""
    with wrapped("prlimit", "--nofile=32:4096"):
        outcome = run_container(Case("all", EVERYTHING))
    check_started(outcome)


@test("hostile", cases=[65])
def a_limit_on_the_size_of_files_is_a_clear_refusal():
    """And no end by SIGXFSZ, which takes nothing back."""
    with wrapped("prlimit", "--fsize=512"):
        outcome = run_container(Case("1"))
    check(outcome.exit != 0, "512 bytes were enough: then this test shows nothing")
    text = outcome.record["stderr"]
    check("NVH-0507" in text and "File too large" in text, f"{outcome.record['exit']}: {text}")


@test("hostile", cases=[65])
def a_log_that_may_not_grow_stops_no_container():
    log = SETUP.work / "full.log"
    limit = 256 << 10
    log.write_bytes(b"x" * limit)
    text = f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\ndebug = "{log}"\n'
    with wrapped("prlimit", f"--fsize={limit}"):
        outcome = run_container(Case("1", config=text))
    check_started(outcome)
    check_gpus(outcome.view, [1])
    check_equal(log.stat().st_size, limit, "the log")
    log.unlink()


def refused_or_works(outcome, title, *codes):
    """The oracle has seen that nothing is left; what is to be shown is that nothing is half done."""
    if outcome.record["exit"] == 0:
        check_started(outcome)
        check_gpus(outcome.view, [1])
        return
    text = outcome.record["stderr"]
    check(any(code in text for code in codes), f"{title}: {text}")


@test("hostile", cases=[65])
def without_rights_it_is_a_clear_refusal():
    rows = [
        ("no CAP_SYS_ADMIN", ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"], "NVH-05", "NVH-06"),
        ("no capability", ["setpriv", "--bounding-set=-all", "--inh-caps=-all"], "NVH-04", "NVH-05", "NVH-06"),
        ("another user", ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups"], "NVH-01", "NVH-04", "NVH-05"),
        ("a user namespace", ["unshare", "--user", "--map-root-user"], "NVH-04", "NVH-05", "NVH-06"),
        # What the usual seccomp profile of containers refuses.
        ("seccomp", strace("-e", "trace=" + SECCOMP, "-e", f"inject={SECCOMP}:error=EPERM"), "NVH-05"),
    ]
    for title, command, *codes in rows:
        with wrapped(*command):
            outcome = run_container(Case("1"))
        check(outcome.record["exit"] != 0, f"{title}: the hook succeeded")
        refused_or_works(outcome, title, *codes)


SECCOMP = "setns,open_tree,move_mount,mount_setattr,fsopen,fsconfig,fsmount,mount,umount2,bpf"
