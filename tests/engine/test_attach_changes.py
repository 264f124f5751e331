# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia attach` to a container that ends, or executes another program, in the middle; and to a number that another
process has by then."""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import images
from bundle import Case, bind, foreign_nodes, running
from command import oci_nvidia
from harness import MINORS, SETUP, check, check_equal, fail_text, mount_table, run, test
from test_attach import ALL, CALLS, container, layer_of, opened, pid_of, traced_command, wait_for

NS_LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


@contextlib.contextmanager
def attach_stopped(name, call, at):
    """`oci-nvidia attach` that stops behind a call, if it makes so many. Yields what lets it go on and returns its result."""
    trace = SETUP.work / f"stopped-{call}"
    command = [SETUP.hook.parent / "oci-nvidia", "attach", name, "1", "--config", SETUP.config]
    strace = ["strace", "-f", "-qq", "-o", trace, "-e", f"inject={call}:signal=STOP:when={at}"]

    def stopped():
        """Also children of it stop, as each has its own first call."""
        text = trace.read_text() if trace.exists() else ""
        return [int(pid) for pid in re.findall(r"^(\d+) +--- stopped by SIGSTOP", text, re.MULTILINE)]

    trace.unlink(missing_ok=True)
    with subprocess.Popen(
        list(map(str, [*strace, *command])), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: stopped() or process.poll() is not None)

        def has_ended():
            for pid in stopped():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            return process.poll() is not None

        def go_on():
            wait_for(has_ended)
            out, err = process.communicate()
            return subprocess.CompletedProcess(command, process.returncode, out, err)

        try:
            yield go_on
        finally:
            process.kill()


def is_one_error(done):
    return done.returncode > 3 and done.stderr.count("\n") == 1 and "NVH-" in done.stderr


@test(*ALL)
def a_container_that_ends_meanwhile_leaves_nothing_on_the_host():
    with container("0") as name:
        counts = traced_command("attach", name, "1", CALLS)
    refused = 0
    for call, at in (("openat", 1), ("openat2", 1), ("setns", 1), ("move_mount", 1), ("move_mount", counts["move_mount"]), ("bpf", 1)):
        if counts[call] < at:
            continue
        before = mount_table()
        with container("0") as name:
            pid = pid_of(name)
            with attach_stopped(name, call, at) as go_on:
                run(["runc", "kill", name, "KILL"])
                wait_for(lambda ended=pid: not Path(f"/proc/{ended}/ns/mnt").exists())
                done = go_on()
            check(done.returncode == 0 or is_one_error(done), fail_text(f"attach stopped at {call} {at}", done))
            refused += is_one_error(done)
            check(oci_nvidia("attach", name, "1").returncode > 3, "an attach to a container that has ended")
        check_equal(mount_table(), before, f"mounts of the host, after it ended at {call} {at}")
    check(refused > 0, "it ended before it mattered")


@test(*ALL)
def a_container_that_executes_a_set_uid_program_meanwhile_is_complete_or_as_it_was():
    """Its first process, a user's, becomes root's and can then no longer be traced by its user."""
    program = SETUP.work / "set-uid-sleep"
    if not program.exists():
        images.compile_program(program, "set_uid_sleep.c", "-static")
        program.chmod(0o4755)
    go = SETUP.work / "go"

    def as_user(config, _):
        config["process"]["user"] = {"uid": 1000, "gid": 1000}
        config["process"]["noNewPrivileges"] = False

    script = "while ! test -e /go/now; do sleep 0.02; done; exec /set-uid-sleep"
    for call, at in (("openat2", 1), ("setns", 1), ("move_mount", 1)):
        go.mkdir(exist_ok=True)
        (go / "now").unlink(missing_ok=True)
        mounts = [foreign_nodes(), bind(program, "/set-uid-sleep", "ro"), bind(go, "/go", "ro")]
        with running(Case("0", mounts=mounts, args=["/bin/sh", "-c", script], edit=as_user)) as name:
            pid, before = pid_of(name), layer_of(name)
            with attach_stopped(name, call, at) as go_on:
                (go / "now").touch()
                wait_for(lambda first=pid: Path(f"/proc/{first}/exe").readlink().name == "set-uid-sleep")
                wait_for(lambda first=pid: "Uid:\t1000\t0\t" in Path(f"/proc/{first}/status").read_text())
                done = go_on()
            if done.returncode == 0:
                check_equal(opened(name, f"/dev/nvidia{MINORS[1]}"), {f"/dev/nvidia{MINORS[1]}": "ENXIO"}, "its GPU")
            else:
                check(is_one_error(done), fail_text(f"attach stopped at {call} {at}", done))
                check_equal(layer_of(name), before, "the container")


def process_with_number(pid):
    """A process of the host that has this number now; None if another one got it."""
    NS_LAST_PID.write_text(str(pid - 1))
    process = subprocess.Popen(["sleep", "1000"])  # pylint: disable=consider-using-with
    if process.pid == pid:
        return process
    process.kill()
    process.wait()
    return None


@test(*ALL)
def a_process_that_got_the_number_of_a_container_gets_nothing():
    """Between the look into the runtime's records and that into /proc."""
    with container() as name:
        pid = pid_of(name)
        with attach_stopped(name, "pidfd_open", 1) as early, attach_stopped(name, "setns", 1) as late:
            run(["runc", "kill", name, "KILL"])
            wait_for(lambda: not Path(f"/proc/{pid}").exists())
            deadline = time.monotonic() + 60
            other = None
            while other is None:
                check(time.monotonic() < deadline, f"the number {pid} does not come again")
                other = process_with_number(pid)
            try:
                before = mount_table()
                for again in (lambda: oci_nvidia("attach", name, "1"), early, late):
                    done = again()
                    check(is_one_error(done), fail_text("attach", done))
                check_equal(mount_table(), before, "mounts of the host")
                check(not Path(f"/run/oci-nvidia-hook/attached-{pid}").exists(), "a record is left")
            finally:
                other.kill()
                other.wait()
