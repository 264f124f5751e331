# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia inspect`: what a running container has, and what of it is not today's driver."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import device_rules
from bundle import Case, running
from command import BROKEN, GOOD, WARNING, check_refused, document, oci_nvidia, text_of
from harness import MINORS, SETUP, check, check_equal, run, test

ALL = ("command", "command-cgroup2")
LIBRARIES = "/usr/lib/x86_64-linux-gnu"


@contextlib.contextmanager
def gpu_container(**options):
    with running(Case("1", args=["sleep", "1000"], **options)) as name:
        yield name, json.loads(run(["runc", "state", name]).stdout)["pid"]


def texts(found, level):
    return [finding["text"] for finding in found["findings"] if finding["level"] == level]


@contextlib.contextmanager
def covered(*pairs):
    """The host with other files in the place of some of its own."""
    done = []
    try:
        for source, target in pairs:
            subprocess.run(["mount", "--bind", source, target], check=True)
            done.append(target)
        yield
    finally:
        for target in reversed(done):
            subprocess.run(["umount", target], check=True)


@test(*ALL)
def inspect_of_a_fresh_container_finds_nothing_stale():
    with gpu_container() as (name, pid):
        found = document("inspect", name, status=GOOD)
        by_pid = document("inspect", str(pid), status=GOOD)
        text = text_of("inspect", name, status=GOOD)
    check_equal(found["container"]["pid"], pid, "process")
    check_equal(by_pid["container"]["id"], name, "container of the process")
    nodes = {node["path"]: (node["major"], node["minor"]) for node in found["nodes"]}
    check_equal(nodes[f"/dev/nvidia{MINORS[1]}"], (195, MINORS[1]), "node of the GPU")
    check(not any(one["stale"] or one["denied"] for one in found["nodes"]), found["nodes"])
    files = {file["target"]: file for file in found["files"]}
    cuda = files[f"{LIBRARIES}/libcuda.so.{SETUP.version}"]
    check_equal((cuda["version"], cuda["stale"]), (SETUP.version, False), "libcuda")
    check(found["loader_cache"]["libraries"] and not found["loader_cache"]["missing"], found["loader_cache"])
    check("up to date with the driver of the host" in text, text)
    check(any("cgroup" in line for line in found["device_access"]), found["device_access"])


@test("command")
def inspect_of_a_container_without_a_request_finds_nothing():
    with running(Case(args=["sleep", "1000"])) as name:
        found = document("inspect", name, status=GOOD)
    check_equal((found["files"], found["nodes"]), ([], []), "files and nodes")
    check("nothing of the driver" in texts(found, "good")[0], found["findings"])


@test("command")
def inspect_of_a_container_whose_hook_did_not_run_says_so():
    with running(Case("1", args=["sleep", "1000"], hook=[])) as name:
        found = document("inspect", name, status=BROKEN)
    check("has nothing of it: neither the hook nor the runtime shim was called" in texts(found, "bad")[0], found["findings"])


@test("command")
def inspect_of_a_container_whose_request_is_refused_says_why():
    settings = "accept-nvidia-visible-devices-envvar-when-unprivileged = false\n"
    with running(Case("1", args=["sleep", "1000"], hook=[])) as name:
        config = SETUP.work / "refuses.toml"
        config.write_text(settings + SETUP.config.read_text())
        found = document("inspect", name, status=GOOD, config=config)
    check(f"when-unprivileged is false ({config}:1:1)" in texts(found, "good")[0], found["findings"])


@test("command")
def inspect_after_an_upgrade_of_the_driver():
    """As a package manager does it: the old file goes, and the kernel module is the new one after a reboot of it."""
    old = SETUP.work / "version"
    new_version = "999.10"
    with gpu_container() as (name, _):
        old.write_text(open("/proc/driver/nvidia/version").read().replace(SETUP.version, new_version))
        with covered((old, "/proc/driver/nvidia/version")):
            found = document("inspect", name, status=BROKEN)
    old.unlink()
    # The libraries on the host are still the old ones, which is one more thing to say.
    check(any("NVH-0403" in text for text in texts(found, "bad")), found["findings"])


@test("command")
def inspect_tells_of_files_that_were_removed_from_the_host():
    library = SETUP.work / f"libnvidia-gone.so.{SETUP.version}"
    library.write_text("")
    mount = {"destination": f"{LIBRARIES}/{library.name}", "type": "bind", "source": str(library), "options": ["bind"]}
    with gpu_container(mounts=[mount]) as (name, _):
        check_equal(texts(document("inspect", name, status=GOOD), "warning"), [], "before")
        library.unlink()
        found = document("inspect", name, status=WARNING)
        text = text_of("inspect", name, status=WARNING)
    check("1 files were removed or replaced" in texts(found, "warning")[0], found["findings"])
    stale = [file["target"] for file in found["files"] if file["stale"]]
    check_equal(stale, [mount["destination"]], "stale files")
    check(f"Try: sudo oci-nvidia refresh {name}, or restart it" in text, text)


@test("command")
def inspect_tells_of_a_node_that_is_another_device_now():
    devices = SETUP.work / "devices"
    with gpu_container() as (name, _):
        devices.write_text(open("/proc/devices").read().replace("511 nvidia-uvm", "510 nvidia-uvm"))
        with covered((devices, "/proc/devices")):
            found = document("inspect", name, status=WARNING)
    devices.unlink()
    told = [text for text in texts(found, "warning") if text.startswith("/dev/nvidia-uvm ")]
    check_equal(told, ["/dev/nvidia-uvm is c 511:0; on the host that device is c 510:0 now"], "the node")


@test(*ALL)
def inspect_tells_of_permissions_that_were_taken_away():
    with gpu_container() as (name, pid):
        if SETUP.engine == "command":
            path = next(line.split(":", 2)[2] for line in open(f"/proc/{pid}/cgroup") if ":devices:" in line).strip()
            with open(f"/sys/fs/cgroup/devices{path}/devices.deny", "w") as deny:
                deny.write(f"c 195:{MINORS[1]} rw")
        else:
            take_away_filter(pid)
        found = document("inspect", name, status=BROKEN)
    check(f"/dev/nvidia{MINORS[1]}" in texts(found, "bad")[0], found["findings"])


def take_away_filter(pid):
    """What a daemon-reload does: the filter of the runtime is in force again, without the hook's rules."""
    with running(Case(args=["sleep", "1000"])) as other:
        foreign = json.loads(run(["runc", "state", other]).stdout)["pid"]
        paths = [
            "/sys/fs/cgroup" + open(f"/proc/{one}/cgroup").read().split("::")[1].strip() for one in (pid, foreign)
        ]
        old, new = (device_rules.attached_programs(path)[0] for path in paths)
        program = device_rules.open_program(new)
        device_rules.attach_program(paths[0], program)
        device_rules.detach_program(paths[0], device_rules.open_program(old))
        os.close(program)


@test("command")
def inspect_tells_of_links_and_cache_entries_that_lead_nowhere():
    with gpu_container() as (name, _):
        run(["runc", "exec", name, "ln", "-sf", "/gone", f"{LIBRARIES}/libcuda.so.1"], check=True)
        found = document("inspect", name, status=WARNING)
    told = " ".join(texts(found, "warning"))
    check("loader cache names libraries that are not there" in told, told)
    check_equal(found["loader_cache"]["missing"], [f"{LIBRARIES}/libcuda.so.1"], "missing of the cache")
    check(f"{LIBRARIES}/libcuda.so.1" in found["dangling_links"], found["dangling_links"])


@test("command")
def inspect_follows_no_link_of_the_image_to_the_host():
    """A hostile container makes links of all that is looked at."""
    script = "cp /etc/ld.so.cache /copy && ln -sf /proc/1/root/copy /etc/ld.so.cache && " \
        f"ln -s /proc/self/root/etc/shadow {LIBRARIES}/libcuda.so.7 && touch /ready; sleep 1000"
    with running(Case("1", args=["sh", "-c", script])) as name:
        deadline = time.monotonic() + 30
        while run(["runc", "exec", name, "test", "-e", "/ready"]).returncode != 0:
            check(time.monotonic() < deadline, "the container did not make its links")
            time.sleep(0.05)
        found = document("inspect", name, status=WARNING)
    check_equal(found["loader_cache"]["libraries"], [], "loader cache by a link of procfs")
    check_equal(found["dangling_links"], [f"{LIBRARIES}/libcuda.so.7"], "links")


@test("command")
def inspect_of_what_does_not_run_is_one_line():
    check_refused(oci_nvidia("inspect", "no-such-container"), 15, "NVH-0509", "no-such-container")
    check_equal(oci_nvidia("inspect").returncode, 2, "without a container")
    with gpu_container() as (name, _):
        run(["runc", "kill", name, "KILL"], check=True)
        deadline = time.monotonic() + 30
        while json.loads(run(["runc", "state", name]).stdout)["status"] != "stopped":
            check(time.monotonic() < deadline, "the container did not end")
            time.sleep(0.05)
        check_refused(oci_nvidia("inspect", name), 15, "NVH-0501", "does not run", "explain --container")


@test(*ALL)
def what_users_write_down_does_not_stand_for_roots_containers():
    user = Path("/run/user/20124/crun")
    with gpu_container() as (name, pid):
        (user / name).mkdir(parents=True)
        try:
            (user / name / "status").write_text(json.dumps({"pid": os.getpid(), "bundle": "/nowhere"}))
            check_equal(document("inspect", name, status=GOOD)["container"]["pid"], pid, "process of root's container")
            bundle = user / "bundle"
            bundle.mkdir()
            os.mkfifo(bundle / "config.json")
            (user / name / "status").write_text(json.dumps({"bundle": str(bundle)}))
            refused = oci_nvidia("explain", "--container", f"20124:{name}")
            check("no regular file" in refused.stderr, refused.stderr)
        finally:
            shutil.rmtree(user.parent)


@test("command")
def root_without_rights_is_not_sent_to_sudo():
    """Of a process that has rights which the caller lacks, as pid 1 of some virtual machines has."""
    without = ("setpriv", "--securebits=+noroot", "--inh-caps=-all")
    refused = oci_nvidia("inspect", str(os.getpid()), before=without)
    check_refused(refused, 15, "NVH-0508", "keeps even from root")
    check("sudo" not in refused.stderr, refused.stderr)
