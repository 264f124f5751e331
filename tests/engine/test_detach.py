# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia detach`: a container that runs loses a GPU, and nothing that it still needs."""

import contextlib
import os
import subprocess

import images
from bundle import bind
from command import GOOD, WARNING, check_refused, document, oci_nvidia, text_of
from harness import MINORS, SETUP, check, check_equal, fail_text, mount_table, run, test
from test_attach import check_has, container, layer_of, mounts_of, opened, state_of, traced_command

ALL = ("attach", "attach-cgroup2")


def node(gpu):
    return f"/dev/nvidia{MINORS[gpu]}"


def check_has_none(name):
    """It is as if it had never had one."""
    expected = {f"/foreign/gpu{minor}": "EPERM" for minor in range(8)}
    check_equal(opened(name, *expected), expected, "opening nodes")
    listed = run(["runc", "exec", name, "/bin/sh", "-c", "ls /dev/nvidia* 2>/dev/null"]).stdout
    check_equal(listed, "", "nodes")
    left = [one for one in mounts_of(name) if "nvidia" in one or "libcuda" in one]
    check_equal(left, [], "mounts of the driver")
    cached = run(["runc", "exec", name, "/sbin/ldconfig", "-p"]).stdout
    check("libcuda" not in cached, f"the loader cache has {cached}")


@test(*ALL)
def a_gpu_that_was_attached_is_taken_again():
    with container() as name:
        before = (mounts_of(name), [one for one in layer_of(name) if one[0] != "etc/ld.so.cache"])
        host = mount_table()
        document("attach", name, "1")
        check_has(name, [1])
        done = document("detach", name, "1")
        check_equal((done["result"], done["driver"], done["holders"]), ("detached", True, []), "result")
        check_has_none(name)
        check_equal(mounts_of(name), before[0], "mounts")
        made = {"usr/lib/firmware", "usr/lib/firmware/nvidia", f"usr/lib/firmware/nvidia/{SETUP.version}"}
        left = [one for one in layer_of(name) if one[0] not in made | {"etc/ld.so.cache"} and "gbm" not in one[0]]
        check_equal(left, before[1], "files of its layer")
        check_equal(mount_table(), host, "mounts of the host")
        document("attach", name, "2")
        check_has(name, [2])


@test(*ALL)
def one_of_two_goes_and_the_other_stays():
    with container("0,1") as name:
        check_has(name, [0, 1])
        text = text_of("detach", name, "1")
        check("lost GPU 1" in text and "the driver" not in text, text)
        check_has(name, [0])
        check(node(1) not in run(["runc", "exec", name, "ls", "/dev"]).stdout, "its node is there")
        check("nothing to do" in text_of("detach", name, "1"), "a second call")
        document("attach", name, "1")
        check_has(name, [0, 1])
        document("inspect", name, status=GOOD)


@test(*ALL)
def what_was_given_at_the_start_goes_as_well():
    with container("all", env={"NVIDIA_DRIVER_CAPABILITIES": "all"}) as name:
        document("detach", name, "all")
        check_has_none(name)


@contextlib.contextmanager
def holding(name, path):
    words = ["runc", "exec", name, "/hold", path]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as child:
        check_equal(child.stdout.readline(), "held\n", "the holder")
        try:
            yield
        finally:
            child.communicate("")


@test(*ALL)
def processes_that_have_it_open_are_named_and_nothing_is_done_without_force():
    program = SETUP.work / "hold"
    images.compile_program(program, "hold.c", "-static")
    with container("0,1", bind(program, "/hold", "ro")) as name:
        run(["runc", "exec", name, "/bin/sh", "-c", "touch /tmp/alias"], check=True)
        before = state_of(name)
        with holding(name, node(1)):
            shown = text_of("detach", "--dry-run", name, "1", status=WARNING)
            check("(hold) has" in shown and node(1) in shown, shown)
            done = oci_nvidia("detach", name, "1")
            check_refused(done, done.returncode, "NVH-0512", "(hold, ", "--force")
            check_equal(state_of(name), before, "the container")
            document("detach", name, "3")
            done = document("detach", "--force", name, "1", status=WARNING)
            check_equal([one["node"] for one in done["holders"]], [node(1)], "holders")
            check_has(name, [0])


@test("attach")
def a_process_of_the_host_that_has_it_open_does_not_matter():
    with container("0,1") as name:
        held = os.open(node(1), os.O_PATH)
        try:
            check_equal(document("detach", name, "1")["holders"], [], "holders")
        finally:
            os.close(held)


@test(*ALL)
def a_dry_run_shows_all_and_changes_nothing():
    with container("0,1") as name:
        before = state_of(name)
        text = text_of("detach", "--dry-run", name, "1")
        for word in ("would lose GPU 1", "deny   c 195:", f"remove {node(1)}"):
            check(word in text, f"no {word!r} in {text}")
        check_equal(state_of(name), before, "the container")


@test("attach")
def errors_are_one_line_and_change_nothing():
    with container("0") as name:
        before = state_of(name)
        for code, words in (("NVH-0202", (name, "9")), ("NVH-0509", ("no-such-container", "0"))):
            done = oci_nvidia("detach", *words)
            check_refused(done, done.returncode, code)
        check("nothing to do" in text_of("detach", name, "3"), "a GPU that it does not have")
        check_equal(state_of(name), before, "the container")


CALLS = {"open_tree": "EPERM", "umount2": "EPERM", "openat2": "EIO", "move_mount": "EINVAL", "bpf": "ENOMEM", "write": "EIO"}


@test(*ALL)
def a_call_that_fails_leaves_the_container_as_it_was_or_complete():
    with container("0,1") as name:
        counts = traced_command("detach", name, "1", CALLS)
    faults = [(call, error, at) for call, error in CALLS.items() for at in sorted({1, counts[call], *range(1, counts[call], 11)} - {0})]
    tried = 0
    while tried < len(faults):
        with container("0,1") as name:
            before = state_of(name)
            while tried < len(faults):
                call, error, at = faults[tried]
                tried += 1
                strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:error={error}:when={at}"]
                done = oci_nvidia("detach", name, "1", before=strace)
                if done.returncode in (0, 1) or "standard output" in done.stderr:
                    check_has(name, [0])
                    break
                check_equal(state_of(name)[:2], before[:2], f"after {call} {at} {error}: {done.stderr}")
                check_has(name, [0, 1])
    check(tried > 10, f"{tried} faults tried")


@test(*ALL)
def a_detach_that_is_killed_opens_nothing_and_can_be_done_again():
    with container("0,1") as name:
        counts = traced_command("detach", name, "1", CALLS)
    for call in ("umount2", "open_tree", "move_mount", "bpf"):
        for at in sorted({1, counts[call]} - {0}):
            with container("0,1") as name:
                strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={at}"]
                oci_nvidia("detach", name, "1", before=strace)
                done = oci_nvidia("detach", name, "1")
                check(done.returncode in (0, 1), fail_text(f"detach after a kill at {call} {at}", done))
                check_equal(opened(name, f"/foreign/gpu{MINORS[1]}"), {f"/foreign/gpu{MINORS[1]}": "EPERM"}, f"{call} {at}")
