# SPDX-License-Identifier: Apache-2.0
"""What needs one run each, with runc."""

import concurrent.futures
import re
import socket

from bundle import Case, run_container, traced_hook
from expect import check_gpus, check_started
from harness import SETUP, check, check_equal, run, test


@test("runc")
def the_debug_log_tells_decisions_and_microseconds():
    log = SETUP.work / "debug.log"
    config = f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\ndebug = "{log}"\n'
    check_started(run_container(Case("0", config=config)))
    text = log.read_text()
    check(re.search(r"phase .* took \d+us", text), f"no phases in the log:\n{text}")


@test("runc")
def a_second_hook_of_the_same_container_adds_nothing_wrong():
    """NVIDIA's hook file and ours may both be installed: the container still starts and sees its GPU once."""

    def twice(config, _):
        config["hooks"]["createRuntime"] *= 2

    outcome = run_container(Case("0", edit=twice))
    check_started(outcome)
    check_gpus(outcome.view, [0])


@test("runc")
def eight_containers_at_once_that_all_ask_nvml():
    """An arch requirement needs the probe, whose answer they all want to keep."""
    cases = [Case(str(index), {"NVIDIA_REQUIRE_ARCH": "arch>=8.0"}) for index in range(8)]
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        outcomes = list(pool.map(run_container, cases))
    for index, outcome in enumerate(outcomes):
        check_started(outcome)
        check_gpus(outcome.view, [index])


@test("runc")
def the_hook_opens_no_gpu_and_starts_no_program():
    trace = SETUP.work / "trace"
    check_started(run_container(Case("0,1", hook=traced_hook(trace, "-f"))))
    calls = trace.read_text().splitlines()
    # O_PATH does not open the device; O_CREAT|O_EXCL makes the placeholder in the container.
    harmless = re.compile("O_PATH|O_EXCL")
    opened = [c for c in calls if re.search(r'open\w*\(.*nvidia\d+"', c) and not harmless.search(c)]
    check_equal(opened, [], "opens of GPU nodes")
    started = [c for c in calls if re.search(r" (execve|execveat|fork|vfork|clone3?)\(", c)]
    check_equal(started[1:], [], "programs started")


@test("runc", cves=["CVE-2022-29162"])
def the_hook_gives_up_rights_before_it_enters_the_container():
    """Capabilities, no_new_privs and a filter under which nothing can be executed."""
    trace = SETUP.work / "trace"
    check_started(run_container(Case("0", hook=traced_hook(trace))))
    calls = trace.read_text()
    order = re.findall(
        r"^(capset|prctl\(PR_SET_NO_NEW_PRIVS|prctl\(PR_SET_SECCOMP|setns)", calls, re.MULTILINE
    )
    expected = ["capset", "capset", "prctl(PR_SET_NO_NEW_PRIVS", "prctl(PR_SET_SECCOMP", "setns"]
    check_equal(order, expected, "rights given up")
    for sets in re.findall(r"^capset\(.*$", calls, re.MULTILINE):
        check("inheritable=0" in sets, f"inheritable capabilities: {sets}")
        check("CAP_SYS_MODULE" not in sets, f"kept without need: {sets}")


# A procfs that shows a process only to who may trace it, below what the simulated host has there.
HIDDEN_PROCESSES = r"""
set -e
mkdir -p "$0"; touch "$0/devices"; mkdir -p "$0/driver"
mount --bind /proc/driver "$0/driver"; mount --bind /proc/devices "$0/devices"
mount -t proc -o hidepid=2,gid=4711 proc /proc
mount --bind "$0/driver" /proc/driver; mount --bind "$0/devices" /proc/devices
exec "$@"
"""


@test("runc", "runc-cgroup2")
def a_host_whose_proc_hides_processes():
    """The container's process has every capability while its hooks run; the hook has given up some by then."""
    outer = ["unshare", "--mount", "sh", "-c", HIDDEN_PROCESSES, str(SETUP.work / "hidepid")]
    outcome = run_container(Case("0", outer=outer))
    check_started(outcome)
    check_gpus(outcome.view, [0])


@test("runc")
def nodes_that_are_missing_on_the_host_are_made():
    names = ["nvidiactl", "nvidia-uvm", "nvidia2"]
    missing = [word for name in names for word in ("--missing-node", name)]
    outcome = run_container(Case("0", host=missing))
    check_started(outcome)
    check_gpus(outcome.view, [0])
    lacking = [name for name in names if f"/dev/{name}" not in outcome.view.nodes()]
    check_equal(lacking, [], "missing nodes")


@test("runc")
def a_node_of_an_earlier_number_is_made_anew():
    outcome = run_container(Case("0", host=["--node-number", "nvidia2=1:3"]))
    check_started(outcome)
    check_gpus(outcome.view, [0])


@test("runc")
def an_image_whose_library_is_a_link_out_of_the_tree_gets_no_file_outside():
    """CVE-2025-23359's family: a link in the image must not lead the hook out of it."""
    victim = SETUP.work / "victim"
    victim.mkdir()

    def plant(_, directory):
        root = directory / "rootfs"
        (root / "usr/lib/firmware").mkdir(parents=True, exist_ok=True)
        (root / "usr/lib/firmware/nvidia").symlink_to(victim)

    outcome = run_container(Case("0", edit=plant))
    check_equal(list(victim.iterdir()), [], "files outside of the container")
    check(
        outcome.exit == 0 or outcome.record["exit"] in range(11, 20),
        f"exit {outcome.exit}: {outcome.errors}",
    )


@test("runc")
def a_socket_of_a_daemon_is_mounted_while_it_listens():
    directory = SETUP.driver / "run/nvidia-persistenced"
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(SETUP.driver / "run")]
    run(mount, check=True)
    try:
        directory.mkdir()
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.bind(str(directory / "socket"))
            daemon.listen()
            outcome = run_container(Case("0", env={"NVIDIA_DRIVER_CAPABILITIES": "utility"}))
        check_started(outcome)
        flags = {m[0]: m[2] for m in outcome.view.mounts()}.get(
            "/run/nvidia-persistenced/socket", set()
        )
        check({"rw", "nosuid", "nodev", "noexec"} <= flags, f"flags of the socket: {flags}")
        outcome = run_container(Case("0", env={"NVIDIA_DRIVER_CAPABILITIES": "utility"}))
        check_started(outcome)
        stale = [m for m in outcome.view.mounts() if m[0].endswith("/socket")]
        check(not stale, "the socket of a daemon that is gone was mounted")
    finally:
        run(["umount", str(SETUP.driver / "run")], check=True)
