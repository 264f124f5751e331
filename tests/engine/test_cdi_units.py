# SPDX-License-Identifier: Apache-2.0
"""oci-nvidia-cdi.service and .path, by a real systemd: the specification is as the host is after every change, and a file of others stays.
"""

import functools
import json
import os
import shutil
import stat
import time

import upgrade
from harness import BUSES, HERE, MINORS, SETUP, check, check_equal, test
from systemd_host import systemd_host

UNITS = HERE.parents[1] / "systemd"
SERVICE, SETTLE, PATH = "oci-nvidia-cdi.service", "oci-nvidia-cdi-settle.service", "oci-nvidia-cdi.path"
SPEC = "/run/cdi/nvidia.com-gpu.json"
MODULE = "/run/module-nvidia"  # in the place of /sys/module/nvidia
EVENTS = "/run/oci-nvidia-hook/gpu-events"
GPU = 1  # the one with MIG devices
CAPS_MAJOR = 239
LIMIT_S = 60
DROP_IN = """\
[Service]
# The sandbox has a procfs of its own, without what is simulated here.
BindReadOnlyPaths=/run/proc/driver:/proc/driver /run/proc/devices:/proc/devices
StandardError=append:/run/cdi-told
# Where a test wants it, a run stays active after it has read the host.
ExecStartPost=/bin/sh -c 'touch /run/has-read; while [ -e /run/hold ]; do sleep 0.02; done'
"""


def make_tree():
    """A driver without nodes of its own: those are in /dev."""
    tree = SETUP.work / "driver-of-units"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(SETUP.driver, tree, symlinks=True, ignore=shutil.ignore_patterns("dev", "proc"))
    (tree / "dev").mkdir()
    (tree / "proc").mkdir()
    return tree


def put(host, name, text):
    path = host.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@functools.cache
def install_units():
    host = systemd_host()
    service = (UNITS / f"{SERVICE}.in").read_text()
    service = service.replace("@CMAKE_INSTALL_FULL_BINDIR@", str(SETUP.hook.parent))
    service = service.replace("/sys/module/nvidia\n", f"{MODULE}\n")
    put(host, f"/etc/systemd/system/{SERVICE}", service)
    put(host, f"/etc/systemd/system/{SERVICE}.d/test.conf", DROP_IN)
    for name in (SETTLE, PATH):
        put(host, f"/etc/systemd/system/{name}", (UNITS / name).read_text())
    put(host, "/etc/systemd/system-preset/85-oci-nvidia-cdi.preset", (UNITS / "85-oci-nvidia-cdi.preset").read_text())
    put(host, "/etc/tmpfiles.d/oci-nvidia-cdi.conf", (UNITS / "oci-nvidia-cdi.conf").read_text())
    host.must("systemd-tmpfiles", "--create", "oci-nvidia-cdi.conf")
    host.reload()
    host.systemctl("preset", SERVICE, PATH)
    return host


class Driver:
    """What the units see of the driver, to be changed."""

    def __init__(self, host):
        self.host = host
        self.tree = make_tree()
        self.proc = host.path("/run/proc/driver")
        shutil.rmtree(self.proc.parent, ignore_errors=True)
        shutil.copytree("/proc/driver", self.proc)
        shutil.copy("/proc/devices", self.proc.parent / "devices")
        self.mock = self.tree / "etc/oci-nvidia-mock.conf"
        self.nodes = []

    def configure(self, *options):
        config = SETUP.work / "units.toml"
        config.write_text(SETUP.config.read_text().replace(str(SETUP.driver), str(self.tree)))
        words = ["--hook", SETUP.hook, "--config", config, *options]
        put(self.host, "/etc/oci-nvidia-hook/cdi.env", f'OCI_NVIDIA_CDI_OPTIONS="{" ".join(map(str, words))}"\n')

    def add_mig(self, index):
        """One more GPU instance; its nodes come last, as with the driver."""
        instance, minor = index + 7, MINORS[GPU]
        directory = self.proc / f"nvidia/capabilities/gpu{minor}/mig/gi{instance}"
        first = 3 + minor * 135 + instance * 9
        with self.mock.open("a") as mock:
            mock.write(f"mig=0000:{BUSES[GPU]}:00.0 {index} {instance} 0 MIG-12345678-1234-1234-1234-12345678010{index}\n")
        for number, file in ((first, directory / "access"), (first + 1, directory / "ci0/access")):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"DeviceFileMinor: {number}\nDeviceFileMode: 292\nDeviceFileModify: 1\n")
            self.make_node(f"/dev/nvidia-caps/nvidia-cap{number}", CAPS_MAJOR, number)

    def remove_mig(self):
        shutil.rmtree(self.proc / f"nvidia/capabilities/gpu{MINORS[GPU]}")
        while self.nodes:
            self.nodes.pop().unlink()
        self.mock.write_text((SETUP.driver / "etc/oci-nvidia-mock.conf").read_text())

    def make_node(self, name, major, minor):
        path = self.host.path(name)
        path.parent.mkdir(exist_ok=True)
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        path.chmod(0o666)
        self.nodes.append(path)


def names(host):
    """Of the devices in the specification; None without one."""
    path = host.path(SPEC)
    return {device["name"] for device in json.loads(path.read_text())["devices"]} if path.exists() else None


def indices(*more):
    return {"all", *map(str, range(len(MINORS))), *more}


def wait_for(look, expected, what):
    deadline = time.monotonic() + LIMIT_S
    while (seen := look()) != expected:
        check(time.monotonic() < deadline, f"{what}: {seen}, not {expected}: {told(systemd_host())}")
        time.sleep(0.05)


def told(host):
    path = host.path("/run/cdi-told")
    return path.read_text() if path.exists() else ""


def fresh(*options):
    """The host with the units started, and its driver; nothing is left of the test before."""
    host = install_units()
    host.run("systemctl", "stop", PATH, SETTLE, SERVICE)
    host.run("systemctl", "reset-failed")
    for name in ("/run/cdi-told", "/run/hold", "/run/has-read"):
        host.path(name).unlink(missing_ok=True)
    shutil.rmtree(host.path("/run/cdi"), ignore_errors=True)
    host.path(MODULE).touch()
    driver = Driver(host)
    driver.configure(*(options or ("--mode", "thin", "--device-names", "index")))
    return host, driver


def started(*options):
    host, driver = fresh(*options)
    host.systemctl("start", PATH, SERVICE)
    check_equal(names(host), indices(), f"names after the start: {told(host)}")
    return host, driver


@test("systemd")
def the_package_s_preset_enables_what_writes_a_specification_at_boot():
    host, _ = fresh()
    for unit in (SERVICE, PATH):
        check_equal(host.systemctl("is-enabled", unit).strip(), "enabled", unit)
    check_equal(host.must("systemctl", "show", "--value", "--property", "WantedBy", SERVICE).strip(), "multi-user.target", "wanted by")
    after = host.must("systemctl", "show", "--value", "--property", "Before", SERVICE).split()
    check({"docker.service", "containerd.service", "crio.service"} <= set(after), f"before {after}")
    host.systemctl("start", PATH, SERVICE)
    check_equal(names(host), indices(), f"names: {told(host)}")


@test("systemd")
def mig_devices_that_come_and_go_are_in_the_specification():
    host, driver = started()
    driver.add_mig(0)
    wait_for(lambda: names(host), indices("1:0"), "names with a MIG device")
    driver.add_mig(1)
    wait_for(lambda: names(host), indices("1:0", "1:1"), "names with two")
    driver.remove_mig()
    wait_for(lambda: names(host), indices(), "names without MIG devices")


@test("systemd")
def many_mig_events_are_few_runs_and_the_last_counts():
    host, driver = started()
    before = told(host).count("\n")
    for _ in range(8):
        for index in range(7):
            driver.add_mig(index)
        driver.remove_mig()
    driver.add_mig(6)
    wait_for(lambda: names(host), indices("1:6"), "names after the last event")
    runs = told(host).count("\n") - before
    check(1 <= runs <= 28, f"{runs} runs for 56 devices")


@test("systemd")
def a_change_during_a_run_is_not_lost():
    """systemd itself forgets what happens to a path while the unit is active that it starts."""
    host, driver = started()
    host.path("/run/hold").touch()
    host.path("/run/has-read").unlink()
    driver.add_mig(0)
    wait_for(host.path("/run/has-read").exists, True, "a run that has read")
    driver.add_mig(1)
    wait_for(lambda: names(host), indices("1:0", "1:1"), "names after a change during a run")
    host.path("/run/hold").unlink()


@test("systemd")
def an_upgrade_of_the_driver_leaves_a_thin_specification_and_renews_a_full_one():
    host, driver = started("--mode", "full", "--device-names", "index")
    check(SETUP.version in host.path(SPEC).read_text(), "no file of the old driver")
    upgrade.upgrade(driver.tree)
    for file in (driver.proc / "nvidia").rglob("*"):
        if file.is_file():
            file.write_text(file.read_text().replace(SETUP.version, upgrade.NEW_VERSION))
    host.must("ldconfig")
    wait_for(lambda: SETUP.version in host.path(SPEC).read_text(), False, "files of the old driver")
    check(upgrade.NEW_VERSION in host.path(SPEC).read_text(), "no file of the new driver")
    host, driver = started()
    before, runs = host.path(SPEC).stat().st_ino, told(host).count("\n")
    host.must("ldconfig")
    wait_for(lambda: told(host).count("\n") > runs, True, "a run after ldconfig")
    check_equal(host.path(SPEC).stat().st_ino, before, "the thin specification")


@test("systemd")
def a_gpu_that_goes_is_out_of_the_specification_when_udev_tells():
    host, driver = started()
    gone = host.path(f"/dev/nvidia{MINORS[3]}")
    gone.unlink()
    try:
        host.must("touch", "-c", EVENTS)
        wait_for(lambda: names(host), indices() - {"3"}, "names without the GPU")
    finally:
        os.mknod(gone, stat.S_IFCHR | 0o666, os.makedev(195, MINORS[3]))
        gone.chmod(0o666)


@test("systemd")
def the_specification_goes_with_the_driver_and_comes_with_it():
    host, driver = started()
    put(host, "/run/cdi/other.json", "of another program")
    driver.proc.rename(driver.proc.with_name("hidden"))
    driver.proc.mkdir()
    host.path(MODULE).unlink()
    host.must("touch", "-c", EVENTS)
    wait_for(lambda: names(host), None, "names without a driver")
    check_equal(os.listdir(host.path("/run/cdi")), ["other.json"], "what is left")
    driver.proc.rmdir()
    driver.proc.with_name("hidden").rename(driver.proc)
    host.path(MODULE).touch()
    host.must("touch", "-c", EVENTS)
    wait_for(lambda: names(host), indices(), "names with a driver")


@test("systemd")
def a_file_of_another_program_stays_and_the_unit_fails():
    host, _ = fresh()
    put(host, SPEC, '{"kind": "nvidia.com/gpu"}')
    check(host.run("systemctl", "start", SERVICE).returncode != 0, "the unit did not fail")
    check_equal(host.path(SPEC).read_text(), '{"kind": "nvidia.com/gpu"}', "the file")
    check("NVH-0109" in told(host) and "another program wrote it" in told(host), told(host))


@test("systemd")
def without_a_driver_the_unit_does_nothing():
    host, _ = fresh()
    host.path(MODULE).unlink()
    host.systemctl("start", SERVICE)
    check_equal((names(host), told(host)), (None, ""), "what it did")
