# SPDX-License-Identifier: Apache-2.0
"""What attach and detach changed is known to `regrant`, `inspect` and `refresh`, as long as the container runs."""

import json
import os
from pathlib import Path

from command import GOOD, document, oci_nvidia, text_of
from harness import MINORS, SETUP, UUID, check, check_equal, fail_text, run, test
from test_attach import check_has, container, opened, pid_of
from test_inspect import take_away_filter
from test_old_kernel import wrapper

ALL = ("attach", "attach-cgroup2")
RECORDS = Path("/run/oci-nvidia-hook")


def record_of(name):
    return RECORDS / f"attached-{pid_of(name)}"


def take_away(name, *gpus):
    """As another program does that writes the device rules anew."""
    pid = pid_of(name)
    if SETUP.engine != "attach":
        return take_away_filter(pid)
    path = next(line.split(":", 2)[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if ":devices:" in line)
    for gpu in gpus:
        Path(f"/sys/fs/cgroup/devices{path}/devices.deny").write_text(f"c 195:{MINORS[gpu]} rw")


def check_denied(name, *gpus):
    expected = {f"/foreign/gpu{MINORS[gpu]}": "EPERM" for gpu in gpus}
    check_equal(opened(name, *expected), expected, "opening GPUs")


def result_of(done):
    check_equal(len(done["containers"]), 1, done)
    return done["containers"][0]["result"]


@test(*ALL)
def a_gpu_that_was_attached_is_granted_again():
    for request, has in ((None, [1]), ("0", [0, 1])):
        with container(request) as name:
            document("attach", name, "1")
            take_away(name, *has)
            check_denied(name, *has)
            check_equal(result_of(document("regrant", name, status=GOOD)), "granted", "regrant")
            check_has(name, has)
            document("inspect", name, status=GOOD)


@test("attach-cgroup2")
def a_kernel_that_hides_filters_grants_what_was_attached_again():
    hidden = wrapper(SETUP.work / "hidden.log", "EPERM", ("bpf-hidden",))
    with container("0") as name:
        for command, *gpus in (("attach", "1"), ("detach", "0")):
            done = oci_nvidia(command, name, *gpus, before=hidden)
            check_equal(done.returncode, GOOD, fail_text(command, done))
        for _ in range(2):
            done = oci_nvidia("regrant", name, before=hidden)
            check_equal(done.returncode, GOOD, fail_text("regrant", done))
            check_has(name, [1])
            take_away(name)
            check_denied(name, 0, 1)


@test(*ALL)
def a_gpu_that_was_detached_stays_away():
    """Also from a container that makes its node again, as it may with CAP_MKNOD."""

    def may_make_nodes(config, _):
        for name in ("bounding", "effective", "permitted"):
            config["process"]["capabilities"].setdefault(name, []).append("CAP_MKNOD")

    with container("0,1", edit=may_make_nodes) as name:
        document("detach", name, "1")
        made = run(["runc", "exec", name, "mknod", f"/dev/nvidia{MINORS[1]}", "c", "195", str(MINORS[1])])
        check_equal(made.returncode, 0, made.stderr)
        text_of("regrant", name)
        check_denied(name, 1)
        document("inspect", name)
        take_away(name, 0)
        document("regrant", name, status=GOOD)
        check_denied(name, 1)
        check_equal(opened(name, f"/dev/nvidia{MINORS[0]}"), {f"/dev/nvidia{MINORS[0]}": "ENXIO"}, "the other")


@test(*ALL)
def the_last_one_that_was_detached_stays_away():
    with container("0") as name:
        document("detach", name, "0")
        check("left alone: its GPUs were taken from it" in text_of("regrant", name), "regrant")
        check("taken from it while it ran" in text_of("inspect", name), "inspect")
        check("nothing to do" in text_of("refresh", name), "refresh")
        check_denied(name, 0)
        document("attach", name, "2")
        check_has(name, [2])


@test("attach")
def the_record_is_roots_and_goes_with_the_container():
    with container("0") as name:
        record = record_of(name)
        check(not record.exists(), "a record before")
        document("attach", "--dry-run", name, "1")
        check(not record.exists(), "a record after a dry run")
        document("attach", "--capabilities", "video", name, "1")
        status = record.stat()
        check_equal((status.st_uid, status.st_mode & 0o777), (0, 0o600), "owner and mode")
        said = json.loads(record.read_text())
        check_equal((said["devices"], said["capabilities"]), ([f"{UUID}0", f"{UUID}1"], "video"), "record")
        document("detach", name, "0")
        check_equal(json.loads(record.read_text())["devices"], [f"{UUID}1"], "record after detach")
    with container() as other:
        document("attach", other, "1")
        check(not record.exists(), "the record of a container that has ended")


@test("attach")
def a_record_of_another_process_or_of_a_user_is_not_believed():
    with container("0") as name:
        record = record_of(name)
        document("attach", name, "1")
        good = record.read_text()
        said = json.loads(good)
        said["start"] += 1
        record.write_text(json.dumps(said))
        text_of("inspect", name)
        check(not record.exists(), "a record of another process with that number")
        said["start"] -= 1
        said["devices"].append(f"{UUID}2")
        for owner, mode in ((1000, 0o600), (0, 0o666)):
            record.write_text(json.dumps(said))
            os.chown(record, owner, 0)
            record.chmod(mode)
            missing = document("inspect", name)["missing"]
            check(f"/dev/nvidia{MINORS[2]}" not in missing, f"a record of user {owner} with mode {mode:o} is believed")
            record.unlink()
        record.symlink_to("/etc/passwd")
        document("attach", name, "1")
        check(not record.is_symlink(), "a link")
