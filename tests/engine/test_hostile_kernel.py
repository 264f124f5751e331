# SPDX-License-Identifier: Apache-2.0
"""What the kernel, and whoever else is at work on the host, may do to the hook while it runs."""

import contextlib
import os
import re
import subprocess
import threading
from pathlib import Path

import device_rules
import faults
import injector
import oracle
from box import Box, rules_of_runc
from bundle import Case, hook_words
from expect import check_one_line
from harness import SETUP, check, check_equal, run, test
from test_faults import GPU, lasting, permitted, place_of_entry

BOTH = ("hostile", "hostile-cgroup2")


def calls_of_a_run(rules):
    with Box(rules, Case(GPU)) as box:
        calls, done = injector.list_calls(box.state_text)
        check_equal((done["exit"], done["stderr"]), (0, ""), "the hook without a fault")
        return calls


def check_refused(done, *words, code=r"NVH-\d{4}"):
    check(done["exit"] > 0, f"the hook ended with {done['exit']}")
    oracle.check_words(done)
    found = re.search(code, done["stderr"])
    check(found, f"expected {code}: {done['stderr']}")
    check_one_line(done["stderr"], found[0], *words)


def first(calls, name, path="", after=0):
    return next(call for at, call in enumerate(calls) if at >= after and call.name == name and path in call.path)


@test("hostile", cases=[53])
def a_full_tmpfs_is_refused_and_leaves_nothing():
    with rules_of_runc() as rules:
        calls = calls_of_a_run(rules)
        made = calls.index(first(calls, "fsmount"))
        with Box(rules, Case(GPU)) as box:
            before = box.seen()
            for name, errors in (("write", ("ENOSPC", "EDQUOT")), ("openat2", ("ENOSPC",)), ("mkdirat", ("ENOSPC",))):
                call = first(calls, name, after=made)
                for error in errors:
                    done = injector.run_failing(box.state_text, call, faults.number_of(error))
                    check("reached" in done["report"], f"{call} was not made")
                    check_refused(done, os.strerror(faults.number_of(error)))
                    check_equal(box.seen(), before, f"the container after {call} {error}")


# ---- the container's process


def kill_and_reap(box):
    """A thread of the test reaps the process, or its number would stay."""
    reaper = threading.Thread(target=os.waitpid, args=(box.pid, 0))
    reaper.start()
    return f"kill -9 {box.pid}; while [ -d /proc/{box.pid} ]; do :; done", reaper


def moments(calls):
    """Where it matters whether the process is still there."""
    entry = place_of_entry(calls)
    last = max(at for at, call in enumerate(calls) if call.name == "move_mount")
    grant = next(
        at for at, call in enumerate(calls) if at > last and call.name == ("bpf" if "cgroup2" in SETUP.engine else "write")
    )
    pinned = calls.index(first(calls, "pidfd_open"))
    return {
        "before it is pinned": calls[pinned],
        "after it is pinned": calls[pinned + 1],
        "while its namespaces are opened": calls[pinned + 3],
        "while the host is read": calls[(pinned + entry) // 2],
        "before its namespace is entered": calls[entry],
        "after its namespace is entered": calls[entry + 2],
        "while mounts are attached": calls[(entry + last) // 2],
        "after the last mount": calls[last + 1],
        "before the devices are granted": calls[grant - 2],
    }


@test(*BOTH, cases=[59])
def a_container_that_dies_meanwhile_is_refused():
    with rules_of_runc() as rules:
        calls = calls_of_a_run(rules)
        host = Path("/proc/self/mountinfo").read_text()
        for when, call in moments(calls).items():
            with Box(rules, Case(GPU)) as box:
                shell, reaper = kill_and_reap(box)
                done = injector.run_stopped(box.state_text, call, shell)
                reaper.join()
                box.pid = 0
                try:
                    check("reached" in done["report"], f"{call} was not made")
                    check_refused(done, "Try")
                    open_now = permitted(box.cgroup)
                    check_equal(open_now, [], "devices that its cgroup may open")
                except AssertionError as reason:
                    raise AssertionError(f"{when} ({call}): {reason}") from reason
            check_equal(Path("/proc/self/mountinfo").read_text(), host, f"the host's mounts; it died {when}")


def changes_of_host_below(directory):
    return sorted(str(path) for path in directory.rglob("*"))


@test(*BOTH, cases=[60])
def a_number_that_another_container_has_taken_is_refused():
    """Between the runtime's state and the hook. Both containers are still being made, so each sees the host's tree."""
    with rules_of_runc() as rules, Box(rules, Case(GPU)) as gone:
        number, gone_pid = gone.pid, gone.pid
        gone.end()
        with Box(rules, Case(GPU), pid=number) as other:
            check_equal(other.pid, gone_pid, "the number of the other container")
            before, tree = other.seen(), changes_of_host_below(gone.directory)
            done = run(hook_words(), input=gone.state_text)
            check_refused(record_of(done))
            check_equal(other.seen(), before, "the container that has the number now")
            check_equal(permitted(other.cgroup), [], "devices of the container that has the number now")
            check_equal(changes_of_host_below(gone.directory), tree, "the bundle of the one that is gone")


@test(*BOTH, cases=[60])
def a_number_that_a_process_of_the_host_has_taken_is_refused():
    with rules_of_runc() as rules, Box(rules, Case(GPU)) as gone:
        number = gone.pid
        gone.end()
        with Box(rules, Case(GPU), pid=number, contained=False):
            done = run(hook_words(), input=gone.state_text)
            check_refused(record_of(done), "mount namespace", code="NVH-0502")


@test("hostile", cases=[60])
def a_number_that_changes_hands_while_it_is_being_pinned_is_refused():
    with rules_of_runc() as rules:
        calls = calls_of_a_run(rules)
        pinned = calls.index(first(calls, "pidfd_open"))
        with Box(rules, Case(GPU)) as gone, contextlib.ExitStack() as others:
            number = gone.pid
            pipe = SETUP.work / "number.fifo"
            os.mkfifo(pipe)

            def replace():
                with pipe.open() as told:
                    told.read()
                gone.end()
                others.other = others.enter_context(Box(rules, Case(GPU), pid=number))
                others.before = others.other.seen()
                with pipe.open("w") as answer:
                    answer.write("done")

            thread = threading.Thread(target=replace)
            thread.start()
            done = injector.run_stopped(gone.state_text, calls[pinned + 1], f"echo > {pipe}; cat {pipe} > /dev/null")
            thread.join()
            check_refused(done, "exited", code="NVH-0501")
            check_equal(others.other.seen(), others.before, "the container that has the number now")


def record_of(done):
    return {"exit": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


# ---- the device cgroup


@test(*BOTH, cases=[61])
def a_cgroup_that_is_removed_meanwhile_is_refused():
    with rules_of_runc() as rules:
        calls = calls_of_a_run(rules)
        last = max(at for at, call in enumerate(calls) if call.name == "move_mount")
        points = [first(calls, "openat2", "/sys/fs/cgroup"), calls[place_of_entry(calls)], calls[last + 1]]
        for call in points:
            with Box(rules, Case(GPU)) as box:
                before = box.seen()
                top = box.cgroup.parent
                shell = f"echo {box.pid} > {top}/cgroup.procs && rmdir {box.cgroup}"
                done = injector.run_stopped(box.state_text, call, shell)
                check(not box.cgroup.exists(), f"the cgroup is still there: {done['stderr']}")
                # The kernel keeps a cgroup v2 until its last descriptor is closed, and may let its programs be replaced so long.
                if done["exit"] == 0 and rules.is_v2 and call == points[-1]:
                    continue
                check_refused(done, code=r"NVH-060\d")
                after = box.seen()
                for part in ("mounts", "files", "/dev"):
                    check_equal(after[part], before[part], f"{part} after the cgroup was gone at {call}")


@test(*BOTH, cases=[61])
def a_cgroup_with_an_odd_name_gets_the_devices():
    with rules_of_runc() as rules:
        for name in ("a blank", r"back\slash", r"esc\040aped", "tab\there", "quo'te\"s", "ümläut", "a:colon", "%s%n", "(deleted)"):
            with Box(rules, Case(GPU), cgroup=name) as box:
                done = run(hook_words(), input=box.state_text)
                check_equal((done.returncode, done.stderr), (0, ""), f"in the cgroup {name!r}")
                check_equal(len(permitted(box.cgroup)), 4, f"devices that {name!r} may open")


@test("hostile-cgroup2", cases=[61])
def a_cgroup_without_a_device_program_stays_without():
    with rules_of_runc() as rules, Box(rules, Case(GPU), programs=False) as box:
        done = run(hook_words(), input=box.state_text)
        check_equal((done.returncode, done.stderr), (0, ""), "the hook")
        check_equal(device_rules.attached_programs(box.cgroup), [], "device programs")


@test("hostile-cgroup2", cases=[61])
def a_program_that_the_kernel_refuses_is_an_error_with_a_remedy_and_the_old_one_stays():
    """bpf(2) fails from one command on: the verifier's EACCES and EINVAL, EPERM for want of locked memory."""
    with rules_of_runc() as rules:
        commands = [call for call in calls_of_a_run(rules) if call.name == "bpf"]
        check(len(commands) > 5, f"the hook makes too few bpf calls: {len(commands)}")
        skipped = 0  # without a right over a program it stays, with a warning: it may be an outer container's
        for call in commands[1:]:
            for error in ("EINVAL", "EACCES", "EPERM", "ENOSPC", "ENOMEM"):
                with Box(rules, Case(GPU)) as box:
                    before = box.seen()
                    done = injector.run_failing_onwards(box.state_text, call, faults.number_of(error))
                    if done["exit"] == 0:
                        check_equal(box.seen()["devices"], before["devices"], f"device programs after {call} {error}")
                        log = (SETUP.work / "hook.log").read_text().split(f"reading container {box.name} ")[1]
                        check("left in force, and it may deny" in log, f"the log does not tell of {call} {error}")
                        skipped += 1
                        continue
                    check_refused(done, code=r"NVH-(0901|060\d)" if error == "ENOMEM" else r"NVH-060\d")
                    check_equal(box.seen(), before, f"the container after {call} {error}")
        check(skipped <= 2, f"{skipped} faults cost the container its devices without an error")


@test("hostile-cgroup2", cases=[61])
def a_hook_without_the_right_to_query_programs_says_so_and_opens_nothing():
    with rules_of_runc() as rules:
        query = first(calls_of_a_run(rules), "bpf")
        for error in ("EPERM", "EACCES"):
            with Box(rules, Case(GPU)) as box:
                rule = device_rules.rules_of(box.pid)
                (SETUP.work / "hook.log").unlink(missing_ok=True)
                done = injector.run_failing(box.state_text, query, faults.number_of(error))
                check_equal((done["exit"], done["stderr"]), (0, ""), "a hook in a nested container")
                check("no right to query" in (SETUP.work / "hook.log").read_text(), "the log does not tell")
                check_equal(device_rules.rules_of(box.pid), rule, "device programs")
                check_equal(permitted(box.cgroup), [], "devices")


# ---- many at once


def run_at_once(boxes):
    """The hook for all boxes at the same time. Returns what was wrong."""
    running = []
    for box in boxes:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        child = subprocess.Popen(hook_words(), text=True, **pipes)  # pylint: disable=consider-using-with
        running.append(child)
    for child, box in zip(running, boxes):  # they all wait for their state: now they start
        child.stdin.write(box.state_text)
        child.stdin.close()
    wrong = []
    for child in running:
        told = child.stdout.read() + child.stderr.read()
        if child.wait() != 0 or told:
            wrong.append(f"{child.returncode} {told}")
        child.stdout.close()
        child.stderr.close()
    return wrong


@test("hostile-cgroup2", cases=[63], rarely=("hostile",))
def many_hooks_at_once_do_not_disturb_each_other():
    count = 500 if SETUP.long else 100
    with rules_of_runc() as rules, contextlib.ExitStack() as stack:
        single = stack.enter_context(Box(rules, Case(GPU)))
        check_equal(run_at_once([single]), [], "one hook")
        expected = single.seen()
        boxes = [stack.enter_context(Box(rules, Case(GPU))) for _ in range(count)]
        run_left = changes_of_host_below(Path("/run"))
        check_equal(run_at_once(boxes), [], f"{count} hooks")
        for box in boxes:
            seen = box.seen()
            check_equal(lasting(seen["mounts"]), lasting(expected["mounts"]), "mounts")
            check_equal(seen["files"], expected["files"], "files")
            check_equal(seen["/dev"], expected["/dev"], "/dev")
            if not rules.is_v2:
                check_equal(seen["devices"], expected["devices"], "device rules")
            check_equal(permitted(box.cgroup), permitted(single.cgroup), "devices")
        check_equal(changes_of_host_below(Path("/run")), run_left, "what they left in /run")
