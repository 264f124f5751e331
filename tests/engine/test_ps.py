# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia ps` beside what the kernel says: which container has which GPU, and which processes use it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys

from bundle import Case, running
from command import GOOD, document, oci_nvidia, text_of
from gpu_users import all_users, held_in_container, openable_gpus, wait_for_users
from harness import BUSES, MINORS, SETUP, check, check_equal, run, test

ALL = ("command", "command-cgroup2")


def users_of(found):
    """{process: indices of GPUs}, as ps says."""
    processes = [process for container in found["containers"] for process in container["processes"]]
    processes += found["host_processes"]
    return {process["pid"]: {int(name) for name in process["devices"]} for process in processes}


def given_to(found):
    return {one["id"]: [device["device"] for device in one["devices"]] for one in found["containers"]}


@contextlib.contextmanager
def host_process(index, name=None):
    """A process of the host that has a GPU open."""
    rename = f"import ctypes; ctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0);" if name else ""
    code = f"import os, time; os.open('/dev/nvidia{MINORS[index]}', os.O_RDWR | os.O_NOCTTY); {rename} time.sleep(1000)"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@test(*ALL)
def ps_shows_what_the_kernel_says():
    with openable_gpus(), contextlib.ExitStack() as stack:
        uses = stack.enter_context(running(Case("1", args=held_in_container(1))))
        idle = stack.enter_context(running(Case("2,3", args=["sleep", "1000"])))
        without = stack.enter_context(running(Case(args=["sleep", "1000"])))
        on_host = stack.enter_context(host_process(0))
        wait_for_users(2)
        found = document("ps", status=GOOD)
        check_equal(users_of(found), all_users(), "processes and their GPUs")
        given = given_to(found)
        check_equal((given[uses], given[idle]), (["1"], ["2", "3"]), "what the containers have")
        check(without not in given, "a container without a GPU is shown")
        container = next(one for one in found["containers"] if one["id"] == uses)
        state = json.loads(run(["runc", "state", uses]).stdout)
        check_equal((container["engine"], container["pid"]), ("runc", state["pid"]), "engine and process")
        check_equal({device["permission"] for device in container["devices"]}, {"allowed"}, "permission")
        process = container["processes"][0]
        check_equal((process["name"], process["uid"], process["user"]), ("sleep", 0, "root"), "process and user")
        check_equal([one["pid"] for one in found["host_processes"]], [on_host], "processes of the host")
        text = text_of("ps")
        check(re.search(rf"(?m)^{re.escape(uses)} +runc +1 +{state['pid']} ", text), text)
        check(re.search(rf"(?m)^ +1 +{process['pid']} +root +\S+ +sleep$", text), text)


@test(*ALL)
def ps_tells_a_container_that_lost_its_permission():
    with running(Case("1", args=["sleep", "1000"], hook=[], edit=give_node)) as name:
        found = document("ps", status=GOOD)
        container = next(one for one in found["containers"] if one["id"] == name)
        check_equal(container["devices"], [{"device": "1", "permission": "denied"}], "devices")
        check("may not open 1" in text_of("ps"), "the table")


def give_node(config, _directory):
    """The node is in the container, and no rule allows it."""
    node = f"/dev/nvidia{MINORS[1]}"
    config["mounts"].append({"destination": node, "type": "bind", "source": node, "options": ["bind"]})


@test("command")
def ps_of_another_user_says_what_it_could_not_see():
    with running(Case("1", args=["sleep", "1000"])):
        done = run(["setpriv", "--reuid", "65533", "--clear-groups", SETUP.hook.parent / "oci-nvidia", "ps"])
        check_equal((done.returncode, done.stderr), (0, ""), "exit status and standard error")
        check(re.search(r"\d+ processes of other users were not looked at", done.stdout), done.stdout)


@test("command")
def ps_shows_no_escape_sequence():
    with openable_gpus(), host_process(0, b"\x1b[2J\n\xff"):
        wait_for_users(1)
        check_equal(users_of(document("ps")), all_users(), "processes")
        text = text_of("ps")
        check("\\x1b[2J\\x0a\\xff" in text and "\x1b" not in text, text)


@test("command")
def ps_counts_no_descriptor_that_only_names_a_gpu():
    with openable_gpus():
        fd = os.open(f"/dev/nvidia{MINORS[0]}", os.O_PATH)
        try:
            check_equal(document("ps")["host_processes"], [], "processes")
        finally:
            os.close(fd)


@test("command")
def ps_watches_until_it_is_interrupted():
    command = [SETUP.hook.parent / "oci-nvidia", "ps", "--json", "--watch=0.05"]
    with openable_gpus(), subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as watch:
        lines = [json.loads(watch.stdout.readline())]
        with host_process(0) as pid:
            while not any(one["pid"] == pid for one in lines[-1]["host_processes"]):
                lines.append(json.loads(watch.stdout.readline()))
        while lines[-1]["host_processes"]:
            lines.append(json.loads(watch.stdout.readline()))
        watch.send_signal(signal.SIGINT)
        rest = watch.stdout.read()
        check_equal(watch.wait(), 0, "exit status")
        check(not rest or rest.endswith("\n"), "the last document is cut")


@test("command")
def ps_ends_when_nobody_reads_it():
    command = f"{SETUP.hook.parent}/oci-nvidia ps --json --watch=0.01 | head -n 2"
    done = run(["bash", "-o", "pipefail", "-c", command])
    check_equal((done.returncode, done.stderr, done.stdout.count("\n")), (0, "", 2), "exit status, errors, lines")


@contextlib.contextmanager
def nvml_says(*lines):
    """What the simulated library tells, besides what it tells anyway."""
    told, more = SETUP.driver / "etc/oci-nvidia-mock.conf", SETUP.work / "told.conf"
    more.write_text(told.read_text() + "".join(f"{line}\n" for line in lines))
    more.chmod(0o644)
    run(["mount", "--bind", more, told], check=True)
    try:
        yield
    finally:
        run(["umount", told], check=True)


@test("command")
def ps_asks_nvml_for_memory_and_utilisation_only_if_told_to():
    with openable_gpus(), running(Case("1", args=held_in_container(1))):
        wait_for_users(1)
        (user,) = all_users()
        gpu = f"0000:{BUSES[1]}:00.0"
        with nvml_says(f"process={gpu} {user} {3 << 30} 60"):
            found = document("ps", "--usage")
            text = text_of("ps", "--usage")
            text_of("ps", "--usage", "--prometheus", SETUP.work / "usage.prom")
        (process,) = [one for container in found["containers"] for one in container["processes"]]
        check_equal((process["pid"], process["usage"]), (user, {"memory": 3 << 30, "busy": 60}), "usage of the process")
        used = {"memory_used": 3 << 30, "memory_total": 40 << 30, "busy": 60}
        check_equal(found["devices"][1]["usage"], used, "usage of the GPU")
        check(re.search(rf"(?m)^ +1 +3.0 GiB +60 % +{user} ", text), text)
        check(re.search(r"(?m)^1 +3.0 GiB +40.0 GiB +60 % ", text), text)
        metrics = (SETUP.work / "usage.prom").read_text()
        check('oci_nvidia_device_busy_percent{device="1"' in metrics, metrics)
        with nvml_says("init=18"):
            check("usage" not in document("ps")["devices"][1], "NVML was asked")
            found = document("ps", "--usage")
        check(any("Driver/library version mismatch" in note for note in found["notes"]), found["notes"])
        check_equal(len(found["containers"]), 1, "what the kernel tells")


@test("command")
def ps_writes_metrics():
    place = SETUP.work / "metrics"
    place.mkdir()
    with openable_gpus(), running(Case("1", args=held_in_container(1))) as name:
        wait_for_users(1)
        check_equal(text_of("ps", "--prometheus", place / "oci.prom"), "", "standard output")
        text = (place / "oci.prom").read_text()
    check_equal([path.name for path in place.iterdir()], ["oci.prom"], "files")
    (place / "oci.prom").unlink()
    place.rmdir()
    line = re.search(rf'(?m)^oci_nvidia_container_device_processes{{engine="runc",id="{name}",.*device="1",.*}} 1$', text)
    check(line, text)
    refused = oci_nvidia("ps", "--prometheus", "/nonexistent/oci.prom")
    check("NVH-" in refused.stderr and refused.returncode != 0, refused.stderr)


@test("command")
def ps_opens_no_gpu():
    trace = SETUP.work / "trace"
    with running(Case("1", args=["sleep", "1000"])):
        words = ["strace", "-f", "-o", trace, "-e", "trace=openat,openat2,execve"]
        done = oci_nvidia("ps", before=words)
    check_equal(done.returncode, 0, done.stderr)
    lines = trace.read_text().splitlines()
    opened = [line for line in lines if "/dev/nvidia" in line and "O_PATH" not in line and "= -1" not in line]
    check_equal(opened, [], "nodes that were opened")
    check_equal(sum("execve(" in line for line in lines), 1, "programs")
    trace.unlink()
