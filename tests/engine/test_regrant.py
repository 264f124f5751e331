# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia regrant`: gives a running container back what was taken from its device cgroup, and nothing else."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import device_rules
from bundle import Case, bind, foreign_nodes, running
from command import BROKEN, GOOD, WARNING, check_refused, document, oci_nvidia, text_of
from edited import edited
from harness import MINORS, SETUP, check, check_equal, run, test
from test_inspect import covered, take_away_filter
from test_update import check_access

ALL = ("command", "command-cgroup2")
GPU = 1
NODE = f"/dev/nvidia{MINORS[GPU]}"
NAMED = [NODE, "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"]
USER = 20124


def pid_of(name):
    return json.loads(run(["runc", "state", name]).stdout)["pid"]


@contextlib.contextmanager
def gpu_container(request=str(GPU), **options):
    case = Case(request, mounts=[foreign_nodes()], args=["sleep", "1000"], **options)
    with running(case) as name:
        yield name, pid_of(name)


def cgroup_of(pid):
    """The directory of the cgroup that its device rules are in."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if SETUP.engine == "command" and controllers == "devices":
            return Path(f"/sys/fs/cgroup/devices{path}")
        if SETUP.engine != "command" and not controllers:
            return Path(f"/sys/fs/cgroup{path}")
    raise AssertionError(f"process {pid} has no device cgroup")


def take_away(pid):
    if SETUP.engine == "command":
        for rule in (f"c 195:{MINORS[GPU]}", "c 195:255", "c 511:0", "c 511:1"):
            (cgroup_of(pid) / "devices.deny").write_text(f"{rule} rw")
    else:
        take_away_filter(pid)


def only(found):
    check_equal(len(found["containers"]), 1, f"containers in {found}")
    return found["containers"][0]


def opened(name, path):
    return run(["runc", "exec", name, "inspect", "open", path]).stdout.split()[1]


def check_lost(name):
    check_equal(opened(name, f"/foreign/gpu{MINORS[GPU]}"), "EPERM", "the GPU of the container")


@test(*ALL)
def what_was_taken_away_is_granted_again_and_nothing_else():
    with gpu_container() as (name, pid):
        take_away(pid)
        check_lost(name)
        lost = document("inspect", name, status=BROKEN)["findings"]
        check(any(f"oci-nvidia regrant {name}" in one["remedy"] for one in lost), f"no remedy in {lost}")
        done = only(document("regrant", name, status=GOOD))
        check_equal((done["id"], done["result"]), (name, "granted"), "result")
        check_equal(sorted(one["node"] for one in done["devices"]), sorted(NAMED), "devices")
        check_access(name, "after regrant")
        document("inspect", name, status=GOOD)
        rules = device_rules.rules_of(pid)
        again = text_of("regrant", str(pid), status=GOOD)
        check(f"container {name} (runc): nothing to do: it may use" in again and NODE in again, again)
        check_equal(device_rules.rules_of(pid), rules, "rules after a second call")


@test(*ALL)
def a_dry_run_shows_what_is_lost_and_changes_nothing():
    with gpu_container() as (name, pid):
        check_equal(only(document("regrant", "--dry-run", name, status=GOOD))["result"], "nothing-to-do", "before")
        take_away(pid)
        rules = device_rules.rules_of(pid)
        told = text_of("regrant", "--dry-run", name, status=BROKEN)
        check("would be granted again" in told and NODE in told, told)
        check_equal(device_rules.rules_of(pid), rules, "rules after a dry run")
        check_lost(name)


@test(*ALL)
def all_containers_are_gone_through():
    with gpu_container() as (lost, pid), gpu_container("2") as (whole, _), gpu_container(None) as (none, plain):
        take_away(pid)
        rules = device_rules.rules_of(plain)
        found = document("regrant", "--all", status=GOOD)
        results = {one["id"]: one["result"] for one in found["containers"]}
        ours = {name: results[name] for name in (lost, whole, none)}
        check_equal(ours, {lost: "granted", whole: "nothing-to-do", none: "left-alone"}, "results")
        check_access(lost, "after regrant --all")
        check_equal(device_rules.rules_of(plain), rules, "rules of the container without a request")
        check_equal(opened(none, f"/foreign/gpu{MINORS[GPU]}"), "EPERM", "a GPU in the container without a request")


@test(*ALL)
def a_container_that_asks_for_no_gpu_is_left_alone():
    with gpu_container(None) as (name, pid):
        rules = device_rules.rules_of(pid)
        told = text_of("regrant", name, status=GOOD)
        check("left alone: it does not ask for GPUs" in told, told)
        check_equal(device_rules.rules_of(pid), rules, "rules")


@test(*ALL)
def what_an_edited_config_json_gave_is_granted_again():
    """The runtime set the rules, so that no rule of the hook says what the container may use."""

    def edit(config, directory):
        (directory / "upper").mkdir(exist_ok=True)
        text = edited(json.dumps(config), cwd=directory)
        config.clear()
        config.update(json.loads(text))

    with gpu_container(hook=[], edit=edit) as (name, pid):
        rules = device_rules.rules_of(pid)
        check_equal(only(document("regrant", name, status=GOOD))["result"], "nothing-to-do", "before")
        check_equal(device_rules.rules_of(pid), rules, "rules")
        take_away(pid)
        document("inspect", name, status=BROKEN)
        check_equal(only(document("regrant", name, status=GOOD))["result"], "granted", "result")
        check_access(name, "after regrant")


@test(*ALL)
def what_an_engine_gave_by_cdi_is_left_alone():
    library = f"usr/lib/x86_64-linux-gnu/libcuda.so.{SETUP.version}"

    def as_by_cdi(config, _):
        node = {"path": "/dev/nvidiactl", "type": "c", "major": 195, "minor": 255}
        config["linux"].setdefault("devices", []).append(node)
        config["mounts"].append(bind(SETUP.driver / library, f"/{library}"))

    with gpu_container(hook=[], edit=as_by_cdi) as (name, pid):
        rules = device_rules.rules_of(pid)
        told = text_of("regrant", name, status=WARNING)
        check("left alone: its engine gave it the GPUs itself (CDI)" in told, told)
        check_equal(device_rules.rules_of(pid), rules, "rules")


@test(*ALL)
def a_process_below_the_containers_cgroup_does_not_hide_it():
    """As systemd in a container does: its first process is in a cgroup of its own."""
    with gpu_container() as (name, pid):
        take_away(pid)
        own = cgroup_of(pid)
        below = own / "init.scope"
        below.mkdir()
        try:
            (below / "cgroup.procs").write_text(str(pid))
            check_equal(only(document("regrant", name, status=GOOD))["result"], "granted", "result")
        finally:
            (own / "cgroup.procs").write_text(str(pid))
            below.rmdir()
        check_access(name, "after regrant")


@test(*ALL)
def a_record_that_names_another_containers_process_gives_that_nothing():
    """As a stale record does, after the number of its process has come to mean another one."""
    with gpu_container() as (name, _), gpu_container(None) as (other, pid):
        bundle = json.loads(run(["runc", "state", name]).stdout)["bundle"]
        record = Path("/run/crun/stale")
        record.mkdir(parents=True)
        rules = device_rules.rules_of(pid)
        try:
            (record / "status").write_text(json.dumps({"pid": pid, "bundle": bundle}))
            check_refused(oci_nvidia("regrant", "stale"), 16, "NVH-0601", f"process {pid}", "stale")
            results = {one["id"]: one["result"] for one in document("regrant", "--all", status=BROKEN)["containers"]}
        finally:
            shutil.rmtree(record)
        check_equal((results["stale"], results[other]), ("failed", "left-alone"), "results of --all")
        check_equal(device_rules.rules_of(pid), rules, "rules of the other container")


@test("command")
def a_device_that_has_another_number_now_is_not_granted():
    """The container has the node of the old number, so the new one was never given to it."""
    devices = SETUP.work / "devices"
    with gpu_container() as (name, pid):
        devices.write_text(Path("/proc/devices").read_text().replace("511 nvidia-uvm", "510 nvidia-uvm"))
        take_away(pid)
        with covered((devices, "/proc/devices")):
            done = only(document("regrant", name, status=WARNING))
        listed = (cgroup_of(pid) / "devices.list").read_text()
    devices.unlink()
    check_equal(sorted(one["node"] for one in done["devices"]), sorted(NAMED[:2]), "devices")
    check(any("c 510:0" in note and "restart the container" in note for note in done["notes"]), done["notes"])
    check("c 510:" not in listed and "c 511:" not in listed, listed)


@test("command")
def only_root_grants_again():
    with gpu_container() as (name, _):
        user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        check_refused(oci_nvidia("regrant", name, before=user), 16, "NVH-0602", "root", "rootless")


@test("command")
def what_users_write_down_gives_nobody_a_device():
    user = Path(f"/run/user/{USER}/crun")
    with gpu_container() as (name, _), gpu_container(None) as (other, pid):
        bundle = json.loads(run(["runc", "state", name]).stdout)["bundle"]
        (user / "theirs").mkdir(parents=True)
        rules = device_rules.rules_of(pid)
        try:
            (user / "theirs/status").write_text(json.dumps({"pid": pid, "bundle": bundle}))
            told = text_of("regrant", f"{USER}:theirs", status=GOOD)
        finally:
            shutil.rmtree(user.parent)
        check("left alone: it is rootless" in told, told)
        check_equal(device_rules.rules_of(pid), rules, f"rules of {other}")


@test("command")
def regrant_of_what_is_no_container_is_one_line():
    check_refused(oci_nvidia("regrant", "no-such-container"), 15, "NVH-0509", "no-such-container")
    check_refused(oci_nvidia("regrant", str(os.getpid())), 15, "NVH-0502", "mount namespace")
    for words in ((), ("a", "b"), ("--all", "a")):
        check_equal(oci_nvidia("regrant", *words).returncode, 2, f"exit status of regrant {words}")
