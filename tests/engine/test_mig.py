# SPDX-License-Identifier: Apache-2.0
"""MIG devices: four GPUs, of which the second and the third have seven each. Their minors go against the PCI order."""

import os
import re

from bundle import Case, bind, run_container
from expect import check_one_line, check_started
from harness import BUSES, MINORS, SETUP, UUID, check, check_equal, test
from observe import SCRIPT

MIG_GPUS = [1, 2]
HOST = ["--gpus", "4", "--mig", "1,2"]
INSTANCES = range(7, 14)  # GPU instances; the MIG index counts from 0
CAPS_MAJOR = 239
CAPABILITIES = "/proc/driver/nvidia/capabilities"
DEVICES = [(gpu, instance) for gpu in MIG_GPUS for instance in INSTANCES]
ALL = ("runc", "runc-cgroup2")
# The driver opens these nodes for reading, as their mode lets it.
LOOK = SCRIPT.replace("section open; inspect open $driver /dev/null", "section open") + (
    """
section readonly; for path in $(nodes /dev/nvidia-caps/*); do (exec 3<"$path") 2>&1 | sed "s,^,$path ,"; done
section files
find /proc/driver/nvidia/capabilities -type f | while read -r path; do echo "$path $(head -n 1 "$path")"; done
section caps; inspect open $(nodes /foreign-caps/*)
"""
)


def cap_minors(gpu, instance):
    """Of the nodes of a GPU instance and of its compute instance, by the driver's own numbering."""
    first = 3 + MINORS[gpu] * 135 + instance * 9
    return [first, first + 1]


def access_files(gpu, instance):
    """{path below /proc/driver/nvidia/capabilities: minor of its node}."""
    directory = f"{CAPABILITIES}/gpu{MINORS[gpu]}/mig/gi{instance}"
    minors = cap_minors(gpu, instance)
    return {f"{directory}/access": minors[0], f"{directory}/ci0/access": minors[1]}


def mig_uuid(gpu, instance):
    return f"MIG-12345678-1234-1234-1234-1234567801{gpu}{instance - INSTANCES[0]}"


def foreign_caps():
    """A directory with every node of nvidia-caps, for a container to try."""
    directory = SETUP.work / "foreign-caps"
    if not directory.exists():
        directory.mkdir()
        minors = [minor for device in DEVICES for minor in cap_minors(*device)]
        for minor in [1, 2, *minors]:
            os.mknod(directory / f"cap{minor}", 0o20666, os.makedev(CAPS_MAJOR, minor))
            os.chmod(directory / f"cap{minor}", 0o666)
    return bind(directory, "/foreign-caps")


def all_foreign(allowed):
    names = [path.name for path in (SETUP.work / "foreign-caps").iterdir()]
    allowed_names = {f"cap{minor}" for minor in allowed}
    return {
        f"/foreign-caps/{name}": "ENXIO" if name in allowed_names else "EPERM" for name in names
    }


def run_mig(devices, env=None, mounts=(), host=None, **options):
    mounts = [foreign_caps(), *mounts]
    case = Case(devices, env or {}, mounts=mounts, host=host or HOST, command=LOOK, **options)
    return run_container(case)


def read_files(view):
    """{path: minor} that the access files say."""
    rows = (line.split(" ", 1) for line in view["files"])
    return {path: int(re.fullmatch(r"DeviceFileMinor: (\d+)", text)[1]) for path, text in rows}


def check_devices(outcome, devices, gpus):
    """These MIG devices, given as (GPU, instance), of these GPUs, and nothing of others."""
    check_started(outcome)
    view = outcome.view
    check_equal((outcome.record["stdout"], outcome.record["stderr"]), ("", ""), "hook's output")
    files, minors = {}, []
    for device in devices:
        files |= access_files(*device)
        minors += cap_minors(*device)
    check_equal(read_files(view), files, "access files")
    nodes = {path: number for path, number in view.nodes().items() if "/nvidia-caps/" in path}
    expected = {f"/dev/nvidia-caps/nvidia-cap{minor}": f"{CAPS_MAJOR}:{minor}" for minor in minors}
    check_equal(nodes, expected, "nodes of nvidia-caps")
    gpu_nodes = {path for path in view.nodes() if re.fullmatch(r"/dev/nvidia\d+", path)}
    check_equal(gpu_nodes, {f"/dev/nvidia{MINORS[gpu]}" for gpu in gpus}, "nodes of GPUs")
    refused = [line for line in view["readonly"] if "No such device or address" not in line]
    check_equal(refused, [], "opening nodes of nvidia-caps")
    check_equal(len(view["readonly"]), len(minors), "nodes of nvidia-caps that were opened")
    check_equal(view.opened("caps"), all_foreign(minors), "opening nvidia-caps by number")


@test(*ALL)
def all_devices_are_every_gpu_and_every_mig_device():
    check_devices(run_mig("all"), DEVICES, range(4))


@test(*ALL)
def a_mig_device_by_gpu_and_mig_index():
    check_devices(run_mig("1:2"), [(1, 9)], [1])


@test("runc")
def mig_devices_of_two_gpus_by_index():
    check_devices(run_mig("2:0,1:6"), [(1, 13), (2, 7)], MIG_GPUS)


@test(*ALL)
def a_mig_device_by_its_uuid():
    check_devices(run_mig(mig_uuid(2, 12)), [(2, 12)], [2])


@test("runc")
def a_mig_device_by_the_old_form_of_its_name():
    check_devices(run_mig(f"MIG-{UUID}2/8/0"), [(2, 8)], [2])


@test("runc")
def a_mig_device_by_volume_mount():
    config = "accept-nvidia-visible-devices-as-volume-mounts = true\n"
    config += "accept-nvidia-visible-devices-envvar-when-unprivileged = false\n"
    config += SETUP.config.read_text()
    for name in ("2:3", mig_uuid(2, 10), f"MIG-{UUID}2/10/0"):
        mount = bind("/dev/null", f"/var/run/nvidia-container-devices/{name}")
        outcome = run_mig(None, config=config, mounts=[mount])
        check_devices(outcome, [(2, 10)], [2])


@test("runc")
def a_whole_gpu_in_mig_mode_brings_none_of_its_mig_devices():
    check_devices(run_mig("1"), [], [1])


@test("runc")
def a_mig_node_that_is_missing_on_the_host_is_made():
    minor = cap_minors(1, 7)[1]
    host = HOST + ["--missing-node", f"nvidia-caps/nvidia-cap{minor}"]
    check_devices(run_mig("1:0", host=host), [(1, 7)], [1])


@test("runc")
def an_unknown_mig_device_is_refused_with_the_list_of_those_there_are():
    names = ["1:7", "0:0", f"MIG-{UUID}2/6/0", "MIG-12345678-1234-1234-1234-000000000000"]
    for name in names:
        outcome = run_mig(name)
        check(outcome.exit != 0, f"{name}: the container started")
        words = [f"`{name}`: unknown device", "GPU 1 MIG 0 (GPU instance 7, "]
        # NVML, which knows the names, is not asked: GPU 0 has no MIG device, and the old form says
        # itself which instances are meant.
        if name == "0:0" or name.startswith("MIG-GPU"):
            words = [f"`{name}`: unknown device", "GPU 2 (GPU instance 7, compute instance 0)"]
        check_equal(outcome.record["exit"], 12, f"exit code ({outcome.record['stderr']})")
        check_one_line(outcome.record["stderr"], "NVH-0202", *words)
        others = {mig_uuid(1, 7), f"{UUID}0"} - {name}
        check(not any(uuid in outcome.record["stderr"] for uuid in others), "a tenant learns UUIDs")
        check_equal(
            outcome.record["after"], outcome.record["before"], "container around the hook"
        )


def privileged(config, _):
    for names in config["process"]["capabilities"].values():
        names.append("CAP_SYS_ADMIN")


def administering(variables, devices="all", edit=privileged):
    env = {f"NVIDIA_MIG_{word}_DEVICES": "all" for word in variables}
    return run_mig(devices, env, edit=edit)


def check_administration(outcome, minors, gpus=range(4)):
    """The whole directories, and access to these nodes."""
    check_started(outcome)
    files = {f"{CAPABILITIES}/mig/config": 1, f"{CAPABILITIES}/mig/monitor": 2}
    for device in DEVICES:
        files |= access_files(*device)
    check_equal(read_files(outcome.view), files, "files below capabilities")
    listed = {path for path in outcome.view.nodes() if "/nvidia-caps/" in path}
    check_equal(len(listed), 2 + 2 * len(DEVICES), "nodes in /dev/nvidia-caps")
    check_equal(outcome.view.opened("caps"), all_foreign(minors), "opening nvidia-caps by number")
    listing = [f"0000:{BUSES[gpu]}:00.0" for gpu in gpus]
    check_equal(sorted(outcome.view["gpus"]), sorted(listing), "/proc/driver/nvidia/gpus")


def minors_of_gpus(gpus):
    devices = [device for device in DEVICES if device[0] in gpus]
    return [minor for device in devices for minor in cap_minors(*device)]


@test(*ALL)
def mig_config_lets_a_privileged_container_configure():
    check_administration(administering(["CONFIG"]), [1, *minors_of_gpus(MIG_GPUS)])


@test("runc")
def mig_monitor_lets_a_privileged_container_watch_but_not_configure():
    check_administration(administering(["MONITOR"]), [2, *minors_of_gpus(MIG_GPUS)])


@test("runc")
def mig_config_and_monitor_reach_no_further_than_the_selected_gpus():
    outcome = administering(["CONFIG", "MONITOR"], devices="2")
    check_administration(outcome, [1, 2, *minors_of_gpus([2])], [2])


@test("runc")
def mig_administration_is_refused_to_an_unprivileged_container():
    for word in ("CONFIG", "MONITOR"):
        outcome = administering([word], edit=None)
        check(outcome.exit != 0, "the container started")
        text = outcome.record["stderr"]
        check_equal(outcome.record["exit"], 12, f"exit code ({text.strip()})")
        message = f"cannot set MIG_{word}_DEVICES in non privileged container"
        check_one_line(text, "NVH-0203", message)
        check_equal(
            outcome.record["after"], outcome.record["before"], "container around the hook"
        )


@test("runc")
def mig_administration_is_refused_together_with_single_mig_devices():
    outcome = administering(["CONFIG"], devices="1:0")
    check(outcome.exit != 0, "the container started")
    check_one_line(
        outcome.record["stderr"], "NVH-0204", "cannot enable mig-config with specific MIG devices"
    )


@test("runc")
def mig_administration_on_a_host_without_mig_changes_nothing_else():
    """The simulated driver has its capabilities' directory always; without instances there is only mig/config to open."""
    env = {"NVIDIA_MIG_CONFIG_DEVICES": "all"}
    outcome = run_mig("1", env, host=["--gpus", "4"], edit=privileged)
    check_started(outcome)
    files = {f"{CAPABILITIES}/mig/config": 1, f"{CAPABILITIES}/mig/monitor": 2}
    check_equal(read_files(outcome.view), files, "files below capabilities")
    check_equal(outcome.view.opened("caps"), all_foreign([1]), "opening nvidia-caps by number")
