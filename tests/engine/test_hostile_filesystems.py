# SPDX-License-Identifier: Apache-2.0
"""Root file systems and volumes that fail or hang, are read-only, or are shared with the host."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import overlay
from bundle import HOOK_ENV, bind, bundle, hook_words, run_container, run_in, running
from expect import LIBRARIES
from harness import SETUP, check, check_equal, test, tree_state
from hostile_image import (
    attached,
    case,
    check_hook_succeeded,
    check_lists_gpu,
    check_refused,
    check_works,
    edits,
    movable,
    naming,
    without_mount,
)
from silent_fuse import silent_fuse

LIBCUDA = f"{LIBRARIES}/libcuda.so.{SETUP.version}"


@test("hostile", cases=[45])
def a_volume_that_fails_is_refused_where_the_driver_must_go():
    for place, code, word in (
        (LIBRARIES, "NVH-0504", LIBRARIES),
        ("/usr/bin", "NVH-0504", "/usr/bin/nvidia-"),
        ("/etc", "NVH-0504", "/etc/"),
    ):
        with naming(place), silent_fuse("fails") as (source, _):
            volume = [bind(source, place)]
            check_refused(case(mounts=volume, image=movable()), code, word, "Input/output error")


@test("hostile", cases=[45])
def a_volume_that_fails_is_left_out_where_the_driver_can_do_without():
    for place in ("/usr/lib/firmware/nvidia", "/usr/local/cuda", "/usr/share/nvidia"):
        with naming(place), silent_fuse("fails") as (source, _):
            outcome = run_container(case(mounts=[bind(source, place)], image=movable()))
            check_equal(check_works(outcome), LIBCUDA, "libcuda")
            reached = [path for path in attached(outcome) if path.startswith(place)]
            check_equal(reached, [], f"mounts in {place}")


def limited(seconds, silence):
    """An `edit`: the hook under test with a time limit, and before it the file system falls silent."""

    def edit(config, _):
        start = {"path": "/bin/sh", "args": ["sh", "-c", 'exec touch "$0"', str(silence)], "env": HOOK_ENV}
        config["hooks"]["prestart"].append(start)
        words = hook_words()
        entry = {"path": words[0], "args": words, "env": HOOK_ENV, "timeout": seconds}
        config["hooks"]["createRuntime"] = [entry]

    return edit


def hooks_running():
    """{process: its status} of the hook under test, with the configuration of these tests: others may run at the same time."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_ours = os.fsencode(SETUP.config) in (process / "cmdline").read_bytes()
            if is_ours and os.readlink(process / "exe") == str(SETUP.hook):
                found[process.name] = (process / "status").read_text()
    return found


def is_killed(status):
    """SIGKILL was sent, and waits for a call to return."""
    pending = re.findall(r"(?:SigPnd|ShdPnd):\s*(\w+)", status)
    return any(int(mask, 16) & 1 << (signal.SIGKILL - 1) for mask in pending)


def check_ended(outcome):
    """No inverse ran: what is left are the empty files and directories to mount over; the mounts went with the namespace."""
    check(outcome.exit != 0, "the container started")
    check("hook" in outcome.errors, outcome.errors)
    check_equal(hooks_running(), {}, "hooks that still run")
    names = ("nvidia", "nv-", "usr/lib/x86_64-linux-gnu", "etc")
    other = [row for row in outcome.changes if not any(name in row[0] for name in names)]
    check_equal(other, [], "the writable layer")
    left = [Path(outcome.directory, "upper", row[0]) for row in outcome.changes]
    check_equal([path for path in left if path.is_file() and path.stat().st_size], [], "content")


def run_with_silence(behaviour, meanwhile):
    """The outcome of a container whose library directory hangs, while `meanwhile(server)` runs."""
    with silent_fuse(behaviour) as (source, server):
        edit = limited(1, server.silence)
        one = case(mounts=[bind(source, LIBRARIES)], image=movable(), edit=edit)
        with bundle(one) as directory:
            helper = threading.Thread(target=meanwhile, args=[server], daemon=True)
            helper.start()
            outcome = run_in(directory, image=movable())
            helper.join()
            check_ended(outcome)


@test("hostile", cases=[45])
def a_volume_that_hangs_is_ended_by_the_limit_of_the_runtime():
    """No program can end a call of its own that hangs; a signal that kills does, where the kernel allows it."""
    run_with_silence("unread", lambda server: None)


@test("hostile", cases=[45])
def a_volume_that_hangs_for_good_ends_with_its_server_and_leaves_nothing():
    """A request that its server has taken is waited for even by a process that is killed: so does runc."""

    def end_when_killed(server):
        while not any(map(is_killed, hooks_running().values())):
            time.sleep(0.05)
        server.close()

    run_with_silence("unanswered", end_when_killed)


def read_only(_, directory):
    subprocess.run(["mount", "-o", "remount,bind,ro", directory / "rootfs"], check=True)


@test("hostile", cases=[51])
def a_read_only_root_file_system_without_targets_gets_the_driver_on_a_file_system_of_the_containers_own():
    for what, edit in (("read-only mount", read_only), ("overlay without upper layer", without_upper)):
        with naming(what):
            one = case(edit=edit)
            one.command = f"PATH=$PATH:/dev/nvidia-driver/bin\n{one.command}"
            outcome = run_container(one)
            check_equal(check_works(outcome), f"/dev/nvidia-driver/lib64/libcuda.so.{SETUP.version}", "libcuda")
            check_equal(outcome.changes, [], "the writable layer")


def without_upper(_, directory):
    overlay.unmount(directory)
    (directory / "empty").mkdir()
    lower = f"lowerdir={directory}/empty:{SETUP.rootfs}"
    command = ["mount", "-t", "overlay", "overlay", "-o", lower, directory / "rootfs"]
    subprocess.run(command, check=True)


@contextlib.contextmanager
def prepared_image(change):
    """The layer of a container that had the driver, read-only now, after `change(root file system)`."""
    with bundle(case()) as directory:
        check_works(run_in(directory))
        change(directory / "rootfs")
        read_only(None, directory)
        before = tree_state(directory / "upper")
        yield directory
        check_equal(tree_state(directory / "upper"), before, "the layer")


@test("hostile", cases=[51])
def a_read_only_root_file_system_with_all_targets_gets_the_driver():
    with prepared_image(lambda root: None) as directory:
        check_equal(check_works(run_in(directory)), LIBCUDA, "libcuda")


@test("hostile", cases=[51])
def what_a_read_only_root_file_system_lacks_of_the_optional_is_warned_of():
    log = SETUP.work / "hook.log"
    plain = f"{LIBRARIES}/libcuda.so"

    def lose(root):
        (root / plain[1:]).unlink()
        (root / "etc/ld.so.cache").unlink()
        shutil.rmtree(root / "usr/lib/firmware")

    with prepared_image(lose) as directory:
        log.unlink()
        outcome = run_in(directory)
    check_lists_gpu(outcome)
    text = log.read_text()
    for words in (f"left out link {plain}:", "warning: /etc/ld.so.cache stays as it is", "warning: left out /lib/firmware"):
        check(words in text, f"no word `{words}` in {text}")


@test("hostile", cases=[51])
def a_read_only_root_file_system_that_cannot_name_the_libraries_is_refused():
    """They would be where no loader looks."""

    def lose(root):
        (root / f"{LIBRARIES}/libcuda.so.1"[1:]).unlink()
        (root / "etc/ld.so.cache").unlink()

    with prepared_image(lose) as directory:
        outcome = run_in(directory)
        check_equal(outcome.record["exit"], 15, "exit status of the hook")
        check("NVH-0507" in outcome.errors and "/etc/ld.so.cache" in outcome.errors, outcome.errors)


@contextlib.contextmanager
def shared_with_containers(path):
    """A mount of the host that passes on what is mounted in it, and what it has in it meanwhile."""
    subprocess.run(["mount", "--make-shared", path], check=True)

    def below():
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return [line for line in lines if line.split()[4].startswith(f"{path}/")]

    before = below()
    try:
        yield lambda: [line for line in below() if line not in before]
    finally:
        left = [line.split()[4] for line in below() if line not in before]
        for target in reversed(left):
            subprocess.run(["umount", "-l", target], check=True)
        subprocess.run(["mount", "--make-private", path], check=True)


def propagating(propagation):
    def edit(config, _):
        config["linux"]["rootfsPropagation"] = propagation

    return edit


def check_nothing_appears(source, target, propagation, *several):
    """Nothing of the container `appears` below `source` on the host, while it runs and afterwards."""
    volume = bind(source, target, propagation)
    edit = edits(propagating(propagation), *several)
    with shared_with_containers(source) as appears:
        outcome = run_container(case(mounts=[volume], image=movable(), edit=edit))
        check_equal(appears(), [], "mounts on the host")
        check_hook_succeeded(outcome)
        check_lists_gpu(outcome)
        inside = [path for path in attached(outcome) if path.startswith(target)]
        check(len(inside) > 3, f"the test shows nothing: mounted in the volume are {inside}")
        asleep = case(mounts=[volume], image=movable(), edit=edit)
        asleep.command = "exec sleep 60"
        with running(asleep):
            check_equal(appears(), [], "mounts on the host meanwhile")


@test("hostile", cases=[54], cves=["toolkit-1.16.2-propagation"])
def a_volume_that_is_shared_with_the_host_passes_no_mount_on():
    volume = SETUP.work / "shared"
    volume.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", volume], check=True)
    subprocess.run(["cp", "-a", f"{movable()}/usr/bin/.", volume], check=True)
    for name in ("smi", "debugdump", "persistenced", "cuda-mps-control", "cuda-mps-server"):
        (volume / f"nvidia-{name}").touch()  # what is there is mounted over
    try:
        for propagation in ("shared", "rshared"):
            with naming(propagation):
                check_nothing_appears(volume, "/usr/bin", propagation)
    finally:
        subprocess.run(["umount", volume], check=True)
        volume.rmdir()


@test("hostile", cases=[54], cves=["toolkit-1.16.2-propagation"])
def dev_of_the_host_as_a_shared_volume_passes_no_mount_on():
    check_nothing_appears("/dev", "/dev", "rshared", without_mount("/dev"))


@test("hostile", cases=[54])
def a_root_file_system_that_is_shared_with_the_host_passes_no_mount_of_the_hook_on():
    """runc 1.1.5 passes on its own: those with names of the driver would be ours."""
    for propagation in ("shared", "rshared"):
        with naming(propagation), bundle(case(edit=propagating(propagation))) as directory:
            with shared_with_containers(directory / "rootfs") as appears:
                outcome = run_in(directory)
                check_equal([line for line in appears() if "nv" in line or "cuda" in line], [], "on the host")
            check_works(outcome)
