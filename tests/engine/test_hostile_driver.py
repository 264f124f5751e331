# SPDX-License-Identifier: Apache-2.0
"""A driver that is damaged, half upgraded or lies: refused with a message about it, or the damaged part left out."""

import contextlib
import json
import os
import re
import shutil
import socket
from pathlib import Path

from box import Box, rules_of_runc
from bundle import Case
from damaged_driver import CUDA, DAMAGES, ENCODE, check_refused, driver_copy, has, library, mounted, run_hook, run_in_new_box
from harness import SETUP, SIMULATED_HOST, UUID, check, check_equal, run, test

FORBIDDEN = "load-kmods = false\n"


# ---- 68: files


@test("hostile", cases=[68])
def a_damaged_library_is_left_out_or_mounted_as_it_is_and_never_costs_the_others():
    """Of what is in a library only its SONAME and notes matter to the hook; it may take the damaged one as any other."""
    with rules_of_runc() as rules, driver_copy("damaged") as tree:
        whole = run_in_new_box(rules, tree)
        check_equal(whole["exit"], 0, whole["stderr"])
        original = library(tree).read_bytes()
        for what, damage in DAMAGES.items():
            damage(library(tree))
            record = run_in_new_box(rules, tree)
            library(tree).write_bytes(original)
            check_equal((record["exit"], record["stderr"]), (0, ""), f"a library that is {what}")
            lost = {target for target in set(mounted(whole)) - set(mounted(record)) if ENCODE not in target}
            check_equal(lost, set(), f"what else was lost with a library that is {what}")


@test("hostile", cases=[68])
def a_damaged_libcuda_ends_in_a_container_or_in_one_line():
    with rules_of_runc() as rules, driver_copy("damaged-cuda") as tree:
        original = library(tree, CUDA).read_bytes()
        for what, damage in DAMAGES.items():
            damage(library(tree, CUDA))
            record = run_in_new_box(rules, tree)
            library(tree, CUDA).write_bytes(original)
            if record["exit"] != 0:
                check_refused(record, "NVH-0402", "libcuda")


@test("hostile", cases=[68])
def a_library_that_leads_out_of_the_driver_root_stays_inside():
    with rules_of_runc() as rules, driver_copy("links") as tree:
        outside = SETUP.work / "canary" / "secret"
        links = [outside, f"../../../../../../../../../../..{outside}", f"/proc/self/root{outside}", f"/proc/1/root{outside}"]
        for link in links:
            library(tree).unlink()
            library(tree).symlink_to(link)
            record = run_in_new_box(rules, tree)
            check_equal((record["exit"], record["stderr"]), (0, ""), f"a link to {link}")
            check(not has(record, ENCODE), f"a link to {link} was mounted")
            check(not any("canary" in line for line in set(record["after"]["mounts"]) - set(record["before"]["mounts"])), f"{link}")


@test("hostile", cases=[68])
def a_driver_file_that_others_may_write_is_refused():
    with rules_of_runc() as rules, driver_copy("writable") as tree:
        for change in (lambda path: path.chmod(0o666), lambda path: path.chmod(0o664), lambda path: os.chown(path, 1000, 0)):
            change(library(tree, CUDA))
            check_refused(run_in_new_box(rules, tree), "NVH-0407", f"libcuda.so.{SETUP.version}")
            os.chown(library(tree, CUDA), 0, 0)
            library(tree, CUDA).chmod(0o644)
        check_equal(run_in_new_box(rules, tree)["exit"], 0, "the same library with its mode again")


# ---- 69: the probe

BILLION = '{"cuda":"12.2","errors":[],"gpus":1000000000}'
CROWD = json.dumps({"cuda": "12.2", "errors": [], "gpus": [{"pci": f"0000:{n % 256:02x}:00.0"} for n in range(5000)]})
ANSWERS = {
    # what the probe does: words of the message
    "crash": ["signal 11"],
    "answer-then-crash": ["signal 11"],
    "garbage": ["no answer"],
    "flood": ["more than"],
    "fail": ["first line"],
    "fail-silently": ["status 4"],
    "": ["no answer"],
    BILLION: ["no answer"],
    CROWD: ["no answer"],
    "[" * 100000: ["no answer"],
    '{"cuda":12.2}': ["no answer"],
}
ASKING = {"NVIDIA_REQUIRE_ARCH": "arch>=8.0"}  # of which procfs tells nothing


def hook_with_probe(name, behaviour):
    """A copy of the hook with another probe beside it, which is where it looks first."""
    directory = SETUP.work / f"probe-{name}"
    directory.mkdir(exist_ok=True)
    if not (directory / "hook").exists():
        shutil.copy(SETUP.hook, directory / "hook")
    source = directory / "probe.c"
    text = json.dumps(behaviour)
    told = "fputs(how, stdout), 0" if behaviour[:1] in ("{", "[") else "behave(how)"
    source.write_text(
        f'#define main as_it_is\n#include "{SIMULATED_HOST}/fake_probe.c"\n#undef main\n'
        f"static const char how[] = {text};\n"
        f"int main(void) {{ return {told}; }}\n"
    )
    done = run(["cc", "-std=gnu11", "-w", "-O1", "-o", directory / "oci-nvidia-probe", source])
    check_equal(done.returncode, 0, done.stderr)
    return directory / "hook"


@test("hostile", cases=[69])
def a_probe_that_crashes_or_talks_nonsense_is_refused_and_leaves_nothing():
    with rules_of_runc() as rules, Box(rules, Case("1", env=ASKING)) as box:
        for number, (behaviour, words) in enumerate(ANSWERS.items()):
            Path("/run/oci-nvidia-hook/gpus.json").unlink(missing_ok=True)
            record = run_hook(box, hook=hook_with_probe(number, behaviour))
            try:
                check_refused(record, "NVH-0408", *words)
            except AssertionError as reason:
                raise AssertionError(f"{behaviour[:40]}: {reason}") from reason
            check(not Path("/run/oci-nvidia-hook/gpus.json").exists(), f"{behaviour[:40]} is kept")


@test("hostile", cases=[69])
def a_probe_that_hangs_is_ended_at_the_deadline():
    with rules_of_runc() as rules, Box(rules, Case("1", env=ASKING)) as box:
        record = run_hook(box, hook=hook_with_probe("hang", "hang"))
        check_refused(record, "NVH-0408", "no answer within 10000 ms")
        left = run(["ps", "-eo", "args"]).stdout
        check(str(SETUP.work / "probe-hang") not in left, "the probe lives on")


# ---- 70, 71: versions and procfs


@contextlib.contextmanager
def other_file(path, text):
    """Another text at `path` of the simulated host; None: a file that nobody can read (EIO), as procfs can give."""
    replacement = SETUP.work / "other-file"
    replacement.write_text(text)
    run(["mount", "--bind", replacement, path], check=True)
    try:
        yield
    finally:
        run(["umount", path], check=True)


@test("hostile", cases=[70])
def libraries_of_mixed_versions_are_refused():
    module = Path("/proc/driver/nvidia/version").read_text()
    with rules_of_runc() as rules, driver_copy("mixed") as tree:
        with other_file("/proc/driver/nvidia/version", module.replace(SETUP.version, "550.54.15")):
            check_refused(run_in_new_box(rules, tree), "NVH-0403", SETUP.version, "550.54.15")
        path = library(tree, "libnvidia-ml.so")
        path.rename(path.with_name("libnvidia-ml.so.550.54.15"))
        check_refused(run_in_new_box(rules, tree), "NVH-0403", SETUP.version, "550.54.15")


@test("hostile", cases=[70])
def a_library_of_another_version_alone_is_left_out_and_named():
    """Not refused: a host may have no libcuda at all, and its containers nvidia-smi."""
    with rules_of_runc() as rules, driver_copy("half") as tree:
        path = library(tree, CUDA)
        path.rename(path.with_name("libcuda.so.550.54.15"))
        record = run_in_new_box(rules, tree)
        check_equal((record["exit"], record["stderr"]), (0, ""), "the hook")
        check(not has(record, CUDA), "a libcuda is mounted")
        check(re.search(r"missing libraries:.* libcuda\.so[,\n]", record["log"]), record["log"])


@test("hostile", cases=[70])
def a_library_of_the_old_version_beside_the_new_one_is_left():
    with rules_of_runc() as rules, driver_copy("left-over") as tree:
        shutil.copy(library(tree, CUDA), library(tree, CUDA).with_name("libcuda.so.470.82.01"))
        run(["/sbin/ldconfig", "-r", tree], check=True)
        record = run_in_new_box(rules, tree)
        check_equal((record["exit"], record["stderr"]), (0, ""), "the hook")
        check(not any("470.82.01" in target for target in mounted(record)), "the old version is mounted")


@test("hostile", cases=[71])
def a_host_without_procfs_of_the_driver_is_refused():
    with rules_of_runc() as rules:
        run(["mount", "-t", "tmpfs", "tmpfs", "/proc/driver"], check=True)
        try:
            check_refused(run_in_new_box(rules, settings=FORBIDDEN), "NVH-0401", "driver not loaded")
        finally:
            run(["umount", "/proc/driver"], check=True)


@test("hostile", cases=[71])
def params_that_make_no_sense_get_the_drivers_defaults():
    for text in ("", "garbage\n" * 1000, "ModifyDeviceFiles: -1\nDeviceFileMode: 99999999999\n", "\0" * 5000):
        with rules_of_runc() as rules, other_file("/proc/driver/nvidia/params", text):
            record = run_in_new_box(rules)
            check_equal((record["exit"], record["stderr"]), (0, ""), f"params {text[:20]!r}")


# ---- 72: nodes


@test("hostile", cases=[72])
def a_missing_or_wrong_node_is_named():
    node, spare = Path("/dev/nvidia3"), Path("/dev/nvidia3.spare")
    makers = {
        "NVH-0404": lambda: None,
        "NVH-0405": lambda: os.mknod(node, 0o20666, os.makedev(195, 77)),
    }
    with rules_of_runc() as rules:
        for code, make in makers.items():
            node.rename(spare)
            try:
                make()
                check_refused(run_in_new_box(rules, settings=FORBIDDEN), code, "/dev/nvidia3")
            finally:
                spare.rename(node)


@test("hostile", cases=[72])
def a_host_without_uvm_is_good_for_utility_and_the_log_tells_what_compute_lacks():
    """As in NVIDIA's stack, for whose users a driver without uvm is one without CUDA, not without nvidia-smi.

    That nvidia-uvm-tools is there must not hide it.
    """
    node, spare = Path("/dev/nvidia-uvm"), Path("/dev/nvidia-uvm.spare")
    with rules_of_runc() as rules:
        node.rename(spare)
        try:
            record = run_in_new_box(rules, settings=FORBIDDEN)
            check_equal((record["exit"], record["stderr"]), (0, ""), "capability compute")
            check("missing device /dev/nvidia-uvm;" in record["log"], "the log does not tell of it")
            record = run_in_new_box(rules, env={"NVIDIA_DRIVER_CAPABILITIES": "utility"}, settings=FORBIDDEN)
            check_equal((record["exit"], record["stderr"]), (0, ""), "capability utility")
        finally:
            spare.rename(node)


@test("hostile", cases=[72])
def a_gpu_whose_information_is_gone_costs_only_itself_and_keeps_its_index():
    """As after it fell off the bus. No GPU is opened, so what an open of its node gives is not the hook's business."""
    with rules_of_runc() as rules, other_file("/proc/driver/nvidia/gpus/0000:07:00.0/information", ""):
        check_refused(run_in_new_box(rules, devices="0"), "NVH-0202", "unknown device")
        record = run_in_new_box(rules, devices="1")
        check_equal((record["exit"], record["stderr"]), (0, ""), "another GPU")
        check("/dev/nvidia3" in mounted(record), "index 1 is another GPU now")
        check("left out" in record["log"], "the log does not tell of the GPU")
        check_refused(run_in_new_box(rules, devices=f"{UUID}0"), "NVH-0202", "unknown device")


def tell_nvml(tree, line):
    with (tree / "etc/oci-nvidia-mock.conf").open("a") as conf:
        conf.write(line + "\n")


@test("hostile", cases=[72])
def a_gpu_without_a_uuid_makes_no_other_depend_on_nvml():
    """As after a failed RmInitAdapter, with an NVML that answers nobody."""
    path = Path("/proc/driver/nvidia/gpus/0000:07:00.0/information")
    broken = re.sub(r"GPU-[0-9a-f-]+", "GPU-????????-????-????-????-????????????", path.read_text())
    with rules_of_runc() as rules, driver_copy("silent") as tree, other_file(path, broken):
        tell_nvml(tree, "init=999")
        for devices in (f"{UUID}1", f"0,{UUID}1", "all"):
            record = run_in_new_box(rules, tree, devices=devices)
            check_equal((record["exit"], record["stderr"]), (0, ""), devices)
            check("asking the driver" not in record["log"], f"NVML was asked for {devices}")
        check_refused(run_in_new_box(rules, tree, devices=f"{UUID}0"), "NVH-0408")


@test("hostile", cases=[72])
def a_gpu_about_which_nvml_is_silent_is_refused_alone():
    with rules_of_runc() as rules, driver_copy("lost") as tree:
        tell_nvml(tree, "broken=0000:0f:00.0")
        env = {"NVIDIA_REQUIRE_GPU": "arch>=7.0"}
        for devices in ("all", "0"):
            record = run_in_new_box(rules, tree, devices=devices, env=env)
            check_equal((record["exit"], record["stderr"]), (0, ""), devices)
            check_equal("GPU 1" in record["log"] and "is broken" in record["log"], devices == "all", "what the log tells of it")
        check_refused(run_in_new_box(rules, tree, devices="1", env=env), "NVH-0303", "GPU 1")


# ---- 73: daemons

SOCKETS = ("/run/nvidia-persistenced/socket", "/run/nvidia-fabricmanager/socket")


def make_fifo(path):
    os.mkfifo(path)


def make_stale(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def make_link(path):
    user = path.parents[2] / "tmp" / "of-a-user"
    user.mkdir(exist_ok=True)
    os.chown(user, 1000, 1000)
    path.symlink_to("/tmp/of-a-user")


@test("hostile", cases=[73])
def a_daemons_socket_that_is_none_is_left_out():
    with rules_of_runc() as rules, driver_copy("sockets") as tree:
        for make in (None, make_fifo, make_stale, make_link, Path.mkdir, Path.touch):
            for name in SOCKETS:
                path = tree / name[1:]
                path.parent.mkdir(parents=True, exist_ok=True)
                if make:
                    make(path)
            record = run_in_new_box(rules, tree)
            what = make.__name__ if make else "absent"
            check_equal((record["exit"], record["stderr"]), (0, ""), f"a socket that is {what}")
            check(not any("/run/" in target for target in mounted(record)), f"a socket that is {what} is mounted")
            if make:
                check("left out" in record["log"], f"the log does not tell of a socket that is {what}")
            for name in SOCKETS:
                shutil.rmtree((tree / name[1:]).parent)


@test("hostile", cases=[73])
def a_daemons_socket_that_is_alive_is_mounted():
    with rules_of_runc() as rules, driver_copy("alive") as tree, socket.socket(socket.AF_UNIX) as daemon:
        path = tree / SOCKETS[0][1:]
        path.parent.mkdir(parents=True)
        daemon.bind(str(path))
        daemon.listen()
        record = run_in_new_box(rules, tree)
        check_equal((record["exit"], record["stderr"]), (0, ""), "the hook")
        check(any(target.endswith(SOCKETS[0]) for target in mounted(record)), "the socket is not mounted")
