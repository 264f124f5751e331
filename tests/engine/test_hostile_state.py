# SPDX-License-Identifier: Apache-2.0
"""Container states that no runtime writes."""

import concurrent.futures
import contextlib
import json
import os
import pty
import subprocess
import threading
import time
from pathlib import Path

from bundle import Case, run_container
from direct import MEMORY, call, check_refusal, container, made_bundle, plan_of, refused, scratch, shell
from direct import state_text, within
from expect import check_gpus, check_started
from harness import Skip, check, check_equal, test

STATE = "container state"
WAIT = 10  # seconds that the hook gives the state to come


@test("hostile", cases=[1])
def an_empty_state_is_refused():
    refused(
        [
            ("nothing", "", "NVH-0104", STATE, "empty"),
            ("blanks", " \t\r\n" * 100, "NVH-0104", STATE, "empty"),
            ("null", "null", "NVH-0104", STATE),
            ("a list", "[]", "NVH-0104", STATE),
            ("a word", "prestart", "NVH-0104", STATE),
        ]
    )


@test("hostile", cases=[2])
def a_state_cut_off_at_any_byte_is_refused():
    """Of a container that would get a GPU, were it whole."""
    with container() as pid, made_bundle("99") as directory:
        text = state_text(pid, directory, annotations={"quoted": 'a "{[\\', "list": [[1], {}]})
        refused((f"{size} bytes", text[:size], "NVH-0104", STATE) for size in range(len(text)))
        check_refusal(call(text), "NVH-0202", "99")


@test("hostile", cases=[3])
def what_follows_the_state_is_left_alone_and_the_log_tells():
    with made_bundle("99") as first, made_bundle("98") as second, container() as pid:
        text = state_text(pid, first)
        for more in (state_text(pid, second), "}", "\0\xff", "x" * 60000):
            log = scratch() / "second.log"
            config = scratch() / "second.toml"
            config.write_text(f'[nvidia-container-cli]\ndebug = "{log}"\nroot = "/nowhere"\n')
            check_refusal(call(text + more), "NVH-0202", "`99`")
            check_refusal(call(text + more, config=config), "NVH-0406")
            check("bytes behind the container state" in log.read_text(), log.read_text())
            log.unlink()
        # The writer need not close the pipe either: Go's decoder reads one document.
        reader, writer = os.pipe()
        os.write(writer, text.encode())
        check_refusal(call(None, stdin=reader), "NVH-0202", "`99`")
        os.close(reader)
        os.close(writer)


@test("hostile", cases=[4])
def an_endless_or_deep_state_is_refused_within_bounds():
    blanks = shell(f"head -c {100 << 20} /dev/zero | tr '\\0' ' ' | \"$@\"")
    check_refusal(call("", before=[*blanks, *within(MEMORY >> 20)]), "NVH-0103", "too large")
    many = 10**6
    refused(
        [
            ("open brackets", "[" * many, "NVH-0104"),
            ("an object of open brackets", '{"a":' + "[" * many, "NVH-0104"),
            ("closed brackets", '{"a":' + "[" * (many // 2 - 9) + "]" * (many // 2 - 9) + "}", "NVH-0104", "deep"),
            ("objects", '{"a":' * (many // 6) + "1" + "}" * (many // 6), "NVH-0104", "deep"),
            ("more than a MiB", '{"id":"' + "x" * (1 << 20) + '"}', "NVH-0103", "too large"),
            ("a long name in the message", '{"pid":"' + "x" * many + '"}', "NVH-0104", "pid"),
        ],
        before=within(MEMORY >> 20),
    )


def silent_pipe(first, rest=b""):
    """A pipe that gives `first`, then byte by byte `rest`, and is never closed."""
    reader, writer = os.pipe()
    os.write(writer, first)

    def drip():
        with contextlib.suppress(BrokenPipeError):  # until the test closes the other end
            for byte in rest:
                time.sleep(0.5)
                os.write(writer, bytes([byte]))
        os.close(writer)

    if not rest:
        return reader, writer
    threading.Thread(target=drip, daemon=True).start()
    return (reader,)


def seconds_until_refused(title, ends, before):
    """The one test that looks at a clock: what it tests is that an end comes, at the deadline and not at once."""
    started = time.monotonic()
    record = call(None, stdin=ends[0], before=before, deadline=WAIT + 15)
    took = time.monotonic() - started
    check_refusal(record, "NVH-0103", "timed out")
    check(took > WAIT - 1, f"{title}: refused after {took:.1f} s already")
    for end in ends:
        os.close(end)


@test("hostile", cases=[5, 6, 64])
def a_state_that_never_comes_is_refused_at_the_deadline_whatever_the_clock_says():
    """Case 64: in a time namespace whose clocks are years ahead or at their beginning the wait is as long. A jump of
    the time of day, which no namespace has, is not tried here: deadlines are counted by steady clocks alone."""
    ahead = ["unshare", "--time", "--monotonic", "300000000", "--boottime", "300000000", "--fork"]
    back = ["unshare", "--time", "--monotonic", str(-int(time.monotonic()) + 60), "--fork"]
    # A terminal nobody types at is the same as a pipe nobody writes to.
    waits = [
        ("nothing", silent_pipe(b""), []),
        ("half a state", silent_pipe(b'{"pid": 1'), []),
        ("a blank now and then", silent_pipe(b"{", b" " * 40), []),
        ("a terminal", pty.openpty()[::-1], []),
        ("clocks ahead", silent_pipe(b""), ahead),
        ("clocks at their beginning", silent_pipe(b""), back),
    ]
    with concurrent.futures.ThreadPoolExecutor(len(waits)) as pool:
        for done in [pool.submit(seconds_until_refused, *wait) for wait in waits]:
            done.result()


@test("hostile", cases=[6])
def standard_input_that_cannot_be_read_is_refused():
    rows = [
        ("closed", "<&-", "NVH-0104", "empty"),
        ("/dev/null", "</dev/null", "NVH-0104", "empty"),
        ("a directory", "</", "NVH-0103", "directory"),
        ("open for writing alone", "0>/dev/null", "NVH-0103", "Bad file descriptor"),
        ("without end", "</dev/zero", "NVH-0103", "too large"),
    ]
    for _, redirection, *expected in rows:
        check_refusal(call("", before=shell(f'exec "$@" {redirection}')), *expected)


@test("hostile", cases=[7], cves=["CVE-2026-30892"])
def a_pid_that_is_no_process_is_refused():
    """0 and 1 are what runtimes say at a stage inside the container: there is no safe way from them to a process."""
    with made_bundle() as directory:
        rest = f'"bundle": "{directory}", "id": "hostile"'
        rows = [("missing", f"{{{rest}}}", "NVH-0104", "`pid` is missing")]
        for number in ("0", "1"):
            rows.append((number, f'{{"pid": {number}, {rest}}}', "NVH-0107", "createRuntime"))
        for number in (
            "-1 2147483648 4294967297 9223372036854775808 18446744073709551616 1e3 3.5 12.0 0x10 012 +12 12abc 12,0"
        ).split() + ['"12"', "true", "null", "[12]", '{"pid": 12}', "1" * 5000, "NaN", "Infinity"]:
            rows.append((number[:20], f'{{"pid": {number}, {rest}}}', "NVH-0104", STATE))
        rows.append(("beyond every process", f'{{"pid": 2147483647, {rest}}}', "NVH-0501", "2147483647"))
        refused(rows)


@test("hostile", cases=[8])
def a_pid_of_a_thread_or_a_zombie_is_refused():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, daemon=True)
    thread.start()
    with made_bundle() as directory, container(("python3", "-c", THREADED)) as pid:
        others = []
        while not others:
            others = [int(name) for name in os.listdir(f"/proc/{pid}/task") if int(name) != pid]
        with subprocess.Popen(["unshare", "--mount", "true"]) as zombie:
            os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
            refused(
                [
                    ("a thread of a container", state_text(others[0], directory), "NVH-0501", "thread"),
                    ("a zombie", state_text(zombie.pid, directory), "NVH-0501", str(zombie.pid)),
                ]
            )
        # The namespace of the host is what is noticed first.
        refused([("a thread of the host", state_text(thread.native_id, directory), "NVH-0502")])
    stop.set()
    thread.join()


THREADED = "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); time.sleep(60)"


@test("hostile", cases=[8])
def a_pid_of_a_kernel_thread_is_refused():
    if not Path("/proc/2/comm").exists() or os.path.exists("/proc/2/exe"):
        raise Skip("process 2 is no kernel thread: a pid namespace hides them; run this outside of a container")
    mounts = Path("/proc/2/mountinfo").read_text()
    with made_bundle() as directory:
        # It lives in the first mount namespace, where the hook usually is; the tests have another, and their bundle is not seen from there.
        record = call(state_text(2, directory))
        check_equal(record["exit"], 15, record["stderr"])
        check("NVH-0502" in record["stderr"] or "NVH-0503" in record["stderr"], record["stderr"])
    check_equal(Path("/proc/2/mountinfo").read_text(), mounts, "mounts of the kernel's own namespace")


@test("hostile", cases=[9])
def a_process_in_the_mount_namespace_of_the_host_is_refused():
    with made_bundle() as directory:
        refused([("of the hook", state_text(os.getpid(), directory), "NVH-0502", "mount namespace")])
        with subprocess.Popen(["sleep", "60"]) as other:
            refused([("of another process", state_text(other.pid, directory), "NVH-0502", str(other.pid))])
            other.kill()


@test("hostile", cases=[10])
def of_duplicate_keys_the_last_counts():
    """As for Go's decoder, and so for every runtime that wrote or will read the same text."""
    with made_bundle("99") as first, made_bundle("98") as second, container() as pid:
        refused(
            [
                ("pid", f'{{"pid": {pid}, "bundle": "{first}", "pid": 2147483647}}', "NVH-0501", "2147483647"),
                ("bundle", f'{{"bundle": "{first}", "pid": {pid}, "bundle": "{second}"}}', "NVH-0202", "`98`"),
                ("a wrong one first", f'{{"pid": "x", "bundle": "{first}", "pid": {pid}}}', "NVH-0202", "`99`"),
                ("a wrong one last", f'{{"pid": {pid}, "bundle": "{first}", "pid": "x"}}', "NVH-0104"),
            ]
        )


@test("hostile", cases=[11])
def a_state_that_is_no_text_is_refused():
    with made_bundle() as directory:
        rest = f'"pid": {os.getpid()}, "bundle": "{directory}'
        refused(
            [
                ("invalid UTF-8", f'{{{rest}/\udcff\udcfe"}}', "NVH-0104", "UTF-8"),
                ("an overlong slash", f'{{{rest}\udcc0\udcaf"}}', "NVH-0104", "UTF-8"),
                ("a lone surrogate", f'{{{rest}\\ud800"}}', "NVH-0104", "surrogate"),
                ("the other half", f'{{{rest}\\udc00"}}', "NVH-0104", "surrogate"),
                ("a NUL in bundle", f'{{{rest}\\u0000/etc"}}', "NVH-0104", "NUL"),
                ("a raw NUL", f'{{{rest}\0"}}', "NVH-0104"),
                ("a control character in pid", f'{{"bundle": "", "pid": "\\u001b[31m"}}', "NVH-0104", "u001b[31m"),
                ("no such bundle", f'{{{rest}/\\u001b]0;x\\u0007\\u202e"}}', "NVH-0105", "\\x1b]0;x\\x07"),
            ]
        )


@test("hostile", cases=[12])
def bundle_goes_before_bundle_path_and_is_relative_to_the_working_directory():
    """bundlePath, Docker's old name, counts only if bundle is empty; without either the bundle is
    the working directory (docs/behaviour.md §1.2)."""
    with made_bundle("99") as first, made_bundle("98") as second, container() as pid:
        rows = [
            ("both", {"bundle": str(first), "bundlePath": str(second)}, "/", "99"),
            ("bundle is empty", {"bundle": "", "bundlePath": str(second)}, "/", "98"),
            ("bundle is null", {"bundle": None, "bundlePath": str(second)}, "/", "98"),
            ("relative", {"bundle": first.name}, first.parent, "99"),
            ("relative with ..", {"bundle": f"../{first.name}"}, second, "99"),
            ("none", {}, second, "98"),
        ]
        for title, fields, directory, device in rows:
            record = call(json.dumps({"pid": pid, **fields}), cwd=directory)
            check(f"`{device}`: unknown device" in record["stderr"], f"{title}: {record['stderr']}")


@test("hostile", cases=[16, 12])
def a_container_of_a_relative_bundle_with_a_relative_root_gets_its_gpu():
    for path in ("rootfs", "./rootfs", "rootfs/", "rootfs/."):

        def change(config, _, path=path):
            config["root"]["path"] = path

        outcome = run_container(Case("1", edit=change))
        check_started(outcome)
        check_gpus(outcome.view, [1])
    with made_bundle("1") as directory:
        plans = [
            plan_of(json.dumps({"pid": 0, "bundle": name}), cwd=where)
            for name, where in ((str(directory), "/"), (directory.name, directory.parent), ("", directory))
        ]
        check(plans[0] == plans[1] == plans[2], "a relative bundle gives another plan")
