# SPDX-License-Identifier: Apache-2.0
"""Old kernels: the system calls of later ones are refused to the hook, one by one and all together, and containers get the same.

A bounded part runs always: everything with all of the calls refused as an old kernel does it
(ENOSYS), one container for each call alone and for a container manager's refusal (EPERM). --long
adds everything with EPERM. OCI_NVIDIA_TEST_OLD_KERNEL=all in the environment runs everything with
everything.

Each run also shows that the call was asked for and refused, by the log of refuse.c.
"""

import functools
import importlib
import os

from harness import HERE, SETUP, TESTS, Skip, check, check_equal, fail_text, require_program, run, test
from fault_sweep import check_faults, count_calls

MOUNT_CALLS = ("open_tree", "move_mount", "mount_setattr", "fsopen", "fsconfig", "fsmount")
CALLS = ("openat2", *MOUNT_CALLS, "pidfd_open", "close_range", "statx")
OLD_CALLS = ("mount", "fchdir", "mkdirat", "setns", "fchmod", "symlinkat", "renameat2")  # what is used in their place
ERRORS = ("ENOSYS", "EPERM")
# Whose tests run here, and their engine; a module that is not there has none.
SUITES = [("test_container", "runc"), ("test_cves", "hostile")]
EVERYTHING = os.environ.get("OCI_NVIDIA_TEST_OLD_KERNEL") == "all"
if EVERYTHING:
    SUITES += [(module, "runc") for module in ("test_images", "test_features", "test_mig", "test_userns")]
# The hook has nothing to do, and asks for little.
IDLE = ("a_container_without_a_request_is_untouched",)
# Of test_runc: what depends on how a process is pinned.
PINNED = ("a_host_whose_proc_hides_processes",)
# For every call alone; what is not here runs only with EVERYTHING.
CHOSEN = ("one_gpu_by_index_is_there_and_no_other",)


@functools.cache
def refuser():
    """The program, made from its source."""
    program = SETUP.work / "refuse"
    done = run(["cc", "-std=gnu11", "-O1", "-o", program, HERE / "refuse.c"])
    if done.returncode != 0:
        raise Skip(fail_text("cc", done) + "; scripts/test installs a compiler")
    return program


def counts_of(log):
    """How often each call was refused, in all runs together."""
    counts = {}
    for line in log.read_text().splitlines() if log.exists() else []:
        name, count = line.split()
        counts[name] = counts.get(name, 0) + int(count)
    return counts


def wrapper(log, error, calls):
    """A command that runs another one without these calls."""
    log.unlink(missing_ok=True)
    return [str(refuser()), str(log), error, ",".join(calls), "--"]


def refused(error, calls, function):
    """Runs a test with these calls refused to the hook. Returns how often each was."""
    log = SETUP.work / "refused.log"
    SETUP.wrapper = wrapper(log, error, calls)
    try:
        function()
    finally:
        SETUP.wrapper = []
    return counts_of(log)


def check_refused(counts, calls):
    """The first of the mount calls that is refused decides for all of them."""
    asked_for = [call for call in calls if call not in MOUNT_CALLS] + [
        call for call in MOUNT_CALLS if call in calls
    ][:1]
    check_equal([call for call in asked_for if not counts.get(call)], [], "calls that the hook never made")


def register(function, engine, error, calls, name):
    def body():
        counts = refused(error, calls, function)
        check_refused(counts, {"close_range"} & set(calls) if function.__name__ in IDLE else calls)

    body.__name__ = f"{function.__name__} without {name} ({error})"
    test(engine, cases=[62])(body)


def functions_of(module, engine):
    """The tests that a module has for an engine, once each."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return []
    return [one.function for one in TESTS if one.function.__module__ == module and engine in one.engines]


def register_all():
    for module, engine in SUITES:
        functions = functions_of(module, engine)
        for error in ERRORS:
            for function in functions:
                if error == "ENOSYS" or SETUP.long or function.__name__ in CHOSEN:
                    register(function, "old-kernel", error, CALLS, "all of the calls")
            for call in CALLS:
                for function in functions:
                    if EVERYTHING or (module == "test_container" and function.__name__ in CHOSEN):
                        register(function, "old-kernel", error, (call,), call)
    for function in functions_of("test_runc", "runc"):
        for error in ERRORS if function.__name__ in PINNED else ():
            register(function, "old-kernel", error, CALLS, "all of the calls")


register_all()


@test("old-kernel", cases=[62])
def a_failure_at_any_step_of_an_old_kernel_leaves_the_container_as_it_was():
    require_program("strace")
    directory = SETUP.work / "faults"
    directory.mkdir()
    outer = wrapper(directory / "refused.log", "ENOSYS", CALLS)
    counts = count_calls(directory, OLD_CALLS, outer)
    faults = [f"{call} {number}" for call in OLD_CALLS for number in faulty(counts[call])]
    check(counts["mount"] > 20, f"the hook makes too few calls for this to be true: {counts}")
    check_faults(directory, faults, outer)


def faulty(count):
    """The first and the last calls, and some between; with EVERYTHING all of them."""
    numbers = range(1, count + 1)
    return numbers if EVERYTHING else [n for n in numbers if n <= 12 or n > count - 6 or n % 9 == 0]


def register_cgroup2():
    """Without BPF_F_REPLACE the new filter is attached first, and then the old one detached."""
    for function in functions_of("test_container", "runc-cgroup2"):
        if function.__name__ in IDLE:
            continue
        for name, calls in (("BPF_F_REPLACE", ("bpf-replace",)), ("all of it", (*CALLS, "bpf-replace"))):
            if name == "BPF_F_REPLACE" or EVERYTHING or function.__name__ in CHOSEN:
                register(function, "old-kernel-cgroup2", "ENOSYS", calls, name)


register_cgroup2()
