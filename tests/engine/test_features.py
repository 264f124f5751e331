# SPDX-License-Identifier: Apache-2.0
"""IMEX channels, and what is only there on request: GPUDirect Storage, RDMA, GDRCopy, NVSwitch."""

import contextlib
import os
from pathlib import Path

import overlay
from bundle import Case, bind, run_container
from expect import check_one_line, check_started
from harness import SETUP, check, check_equal, run, test

CHANNELS = "/dev/nvidia-caps-imex-channels"
IMEX_MAJOR = 238
# Only what is there is tried: `nodes` of the script takes patterns.
LOOK = """
nodes() { for path in "$@"; do if [ -c "$path" ]; then echo "$path"; fi; done; }
found=$(nodes /dev/nvidia-fs* /dev/infiniband/* /dev/gdrdrv /dev/nvidia-nvswitch* /dev/nvidia-caps-imex-channels/*)
echo "== nodes"; for path in $found; do stat -c '%n %t:%T' "$path"; done
echo "== open"; inspect open $found /foreign-devices/*
echo "== udev"; ls /run/udev 2>/dev/null
echo "== cufile"; cat /etc/cufile.json 2>/dev/null
echo "== end"
"""
# feature: {node: number}
FEATURES = {
    "NVIDIA_GDS": {"/dev/nvidia-fs0": (505, 0), "/dev/nvidia-fs1": (505, 1)},
    "NVIDIA_MOFED": {"/dev/infiniband/uverbs0": (231, 192), "/dev/infiniband/rdma_cm": (506, 58)},
    "NVIDIA_GDRCOPY": {"/dev/gdrdrv": (507, 0)},
    "NVIDIA_NVSWITCH": {
        "/dev/nvidia-nvswitchctl": (508, 255),
        "/dev/nvidia-nvswitch0": (508, 0),
        "/dev/nvidia-nvswitch1": (508, 1),
    },
}
# What `provide_devices` would do about a channel is another test's.
FORBIDDEN = "load-kmods = false\n"


@contextlib.contextmanager
def host_nodes(nodes):
    """The simulated host has these {path: (major, minor)}, too."""
    directories = sorted({Path(path).parent for path in nodes} - {Path("/dev")})
    try:
        for directory in directories:
            directory.mkdir()
        for path, number in nodes.items():
            make_node(path, number)
        yield
    finally:
        for path in nodes:
            Path(path).unlink(missing_ok=True)
        for directory in directories:
            directory.rmdir()


def make_node(path, number):
    os.mknod(path, 0o20666, os.makedev(*number))
    os.chmod(path, 0o666)


@contextlib.contextmanager
def overlay_on_etc():
    """Lets a test change this namespace's /etc."""
    directory = SETUP.work / "etc"
    directory.mkdir(exist_ok=True)
    overlay.mount("/etc", directory)
    run(["mount", "--move", directory / "rootfs", "/etc"], check=True)
    try:
        yield
    finally:
        run(["umount", "-l", "/etc"], check=True)
        run(["rm", "-r", directory], check=True)


def foreign_devices():
    """Every node of every feature, for a container to try."""
    directory = SETUP.work / "foreign-devices"
    if not directory.exists():
        directory.mkdir()
        for nodes in FEATURES.values():
            for path, number in nodes.items():
                make_node(directory / Path(path).name, number)
        for channel in range(4):
            make_node(directory / f"channel{channel}", (IMEX_MAJOR, channel))
    return bind(directory, "/foreign-devices")


def started(env, devices="0", **options):
    mounts = [foreign_devices(), *options.pop("mounts", [])]
    outcome = run_container(Case(devices, env, mounts=mounts, command=LOOK, **options))
    check_started(outcome)
    check_equal((outcome.record["stdout"], outcome.record["stderr"]), ("", ""), "hook's output")
    return outcome.view


def check_only(view, nodes):
    """Exactly these nodes are there, can be opened, and no others by number."""
    numbers = {path: f"{major}:{minor}" for path, (major, minor) in nodes.items()}
    check_equal(view.nodes(), numbers, "device nodes")
    names = {Path(path).name for path in nodes}
    expected = dict.fromkeys(nodes, "ENXIO")
    for path in (SETUP.work / "foreign-devices").iterdir():
        expected[f"/foreign-devices/{path.name}"] = "ENXIO" if path.name in names else "EPERM"
    # A number that this machine has a driver for opens, or fails in a way of its own: not EPERM.
    seen = {p: e if e in ("EPERM", "ENOENT") else "ENXIO" for p, e in view.opened().items()}
    check_equal(seen, expected, "opening nodes")


def register_feature(variable, nodes):
    everything = {path: number for some in FEATURES.values() for path, number in some.items()}

    def comes_on_request():
        with host_nodes(everything):
            check_only(started({variable: "enabled"}), nodes)
            for value in ("", "1", "true", "Enabled"):
                check_only(started({variable: value}), {})
            check_only(started({variable: "enabled"}, devices="none"), nodes)

    def that_the_host_lacks():
        check_only(started({variable: "enabled"}), {})

    comes_on_request.__name__ = f"{variable} brings its nodes and no others"
    that_the_host_lacks.__name__ = f"{variable} on a host without it brings nothing"
    test("runc")(comes_on_request)
    test("runc")(that_the_host_lacks)


for feature, feature_nodes in FEATURES.items():
    register_feature(feature, feature_nodes)


@test("runc")
def no_feature_comes_without_a_gpu_request():
    with host_nodes(FEATURES["NVIDIA_GDRCOPY"]):
        outcome = run_container(
            Case(None, {"NVIDIA_GDRCOPY": "enabled"}, mounts=[foreign_devices()], command=LOOK)
        )
        check_started(outcome)
        check_only(outcome.view, {})


@test("runc")
def gpudirect_storage_brings_its_configuration_if_there_is_a_node():
    udev = Path("/run/udev")
    with overlay_on_etc():
        Path("/etc/cufile.json").write_text('{"simulated": true}\n')
        udev.mkdir()
        try:
            (udev / "control").touch()
            view = started({"NVIDIA_GDS": "enabled"})
            check_equal((view["udev"], view["cufile"]), ([], []), "files without a node")
            with host_nodes(FEATURES["NVIDIA_GDS"]):
                view = started({"NVIDIA_GDS": "enabled"})
            check_equal(view["udev"], ["control"], "/run/udev")
            check_equal(view["cufile"], ['{"simulated": true}'], "/etc/cufile.json")
        finally:
            (udev / "control").unlink()
            udev.rmdir()


def channels(*numbers):
    return {f"{CHANNELS}/channel{number}": (IMEX_MAJOR, number) for number in numbers}


@test("runc")
def imex_channels_come_by_number():
    with host_nodes(channels(0, 1, 2, 3)):
        check_only(started({"NVIDIA_IMEX_CHANNELS": "0"}), channels(0))
        check_only(started({"NVIDIA_IMEX_CHANNELS": "3,1"}), channels(1, 3))
        for value in ("", "none", "void", "all"):
            check_only(started({"NVIDIA_IMEX_CHANNELS": value}), {})


@test("runc")
def imex_channels_come_by_volume_mount():
    config = "accept-nvidia-visible-devices-as-volume-mounts = true\n"
    config += "accept-nvidia-visible-devices-envvar-when-unprivileged = false\n"
    config += SETUP.config.read_text()
    names = ["0", "imex/2"]
    mounts = [bind("/dev/null", f"/var/run/nvidia-container-devices/{name}") for name in names]
    with host_nodes(channels(0, 2)):
        check_only(started({}, None, config=config, mounts=mounts), channels(2))


@test("runc")
def imex_channel_requests_are_ignored_where_the_configuration_says_so():
    config = SETUP.config.read_text() + "[features]\nignore-imex-channel-requests = true\n"
    with host_nodes(channels(0)):
        check_only(started({"NVIDIA_IMEX_CHANNELS": "0"}, config=config), {})


def check_refused(case, exit_code, code, *words):
    outcome = run_container(case)
    check(outcome.exit != 0, "the container started")
    check_equal(outcome.record["exit"], exit_code, f"exit code ({outcome.record['stderr']})")
    check_one_line(outcome.record["stderr"], code, *words)
    check_equal(outcome.record["after"], outcome.record["before"], "container around the hook")


@test("runc")
def an_imex_channel_out_of_range_is_refused():
    for value in ("1048576", "-1", "x", "0,99999999999999999999"):
        case = Case("0", {"NVIDIA_IMEX_CHANNELS": value})
        check_refused(case, 12, "NVH-0204", "error parsing IMEX info", value.split(",")[-1])


@test("runc")
def an_imex_channel_that_the_host_lacks_is_refused():
    for options in ({"settings": FORBIDDEN}, {}):  # without the driver's class it cannot be made
        with host_nodes(channels(0)):
            case = Case("0", {"NVIDIA_IMEX_CHANNELS": "0,7"}, **options)
            check_refused(case, 14, "NVH-0404", f"missing device {CHANNELS}/channel7")


@test("runc")
def an_imex_channel_is_made_if_the_driver_has_them():
    env = {"NVIDIA_IMEX_CHANNELS": "1048575"}
    mounts = [foreign_devices()]
    case = Case("0", env, mounts=mounts, command=LOOK, host=["--gpus", "2", "--imex"])
    outcome = run_container(case)
    check_started(outcome)
    check_only(outcome.view, channels(1048575))
