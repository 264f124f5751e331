# SPDX-License-Identifier: Apache-2.0
"""Free GPUs and exclusive ones: who gets which, who is refused in whose favour, and when a GPU is free again."""

import concurrent.futures
import contextlib
import itertools
import json
import os
import signal
import time

import shim
from bundle import HOOK_ENV, Case, bundle, foreign_nodes, run_container, run_in, running
from command import GOOD, check_refused, document, oci_nvidia, text_of
from edited import precreate
from expect import check_gpus, check_one_line
from harness import CGROUP_NAME, MINORS, SETUP, UUID, check, check_equal, require_program, run, test
from leases import (
    REGISTRY,
    check_distinct,
    config_file,
    config_text,
    end,
    files,
    gpus_of,
    holder,
    leased,
    leases,
    pid_of,
    refused,
    start,
)
from observe import View

ALL = ("runc", "runc-cgroup2")
GPUS = 8
TAKEN, TOO_FEW, DAMAGED, OFF = "NVH-0206", "NVH-0207", "NVH-0112", "NVH-0205"


@test(*ALL)
def any_takes_the_first_gpu_that_nobody_has_and_it_is_free_again_when_the_container_ends():
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(holder("any"))
        check_equal(gpus_of(first), [0], "GPUs of the first")
        second = stack.enter_context(holder("any:2"))
        third = stack.enter_context(holder("any"))
        check_equal({one["container"] for one in leases()}, {first, second, third}, "leases")
        config = config_file()
        check(f"/dev/nvidia{MINORS[1]}" in text_of("inspect", second, config=config), "inspect")
        document("regrant", second, config=config)
        end(first)
        fourth = stack.enter_context(holder("any"))
        shown = document("ps")["leases"]
        check_equal({one["container"]: [each["device"] for each in one["devices"]] for one in shown},
                    {second: ["1", "2"], third: ["3"], fourth: ["0"]}, "what ps says")
        check(all(each["exclusive"] for one in shown for each in one["devices"]), shown)


@test(*ALL)
def the_container_has_exactly_the_gpus_that_were_chosen():
    with holder("any:2"):
        outcome = run_container(leased("any:3", mounts=[foreign_nodes()]))
    check_equal(outcome.exit, 0, outcome.errors)
    check_gpus(outcome.view, [2, 3, 4])


@test("runc")
def a_taken_gpu_is_refused_with_the_name_of_its_holder():
    with holder("exclusive:2,4-5") as name:
        words = (f"container {name} (process {pid_of(name)})", "since 20", "oci-nvidia ps", "lease-wait")
        for devices in ("2", "all", f"{UUID}4", "exclusive:5", "1-3"):
            refused(leased(devices), TAKEN, "is leased by", *words)
        check_equal(run_container(leased("0,1,3,6-7", args=["/bin/true"])).exit, 0, "GPUs that nobody has")
        refused(leased("any:6"), TOO_FEW, "6 free GPUs are asked for, and of 8 there are 5", *words[:1])
        refused(leased("any:9"), "NVH-0202", "this host has 8 that can be leased")
    check_equal(run_container(leased("2", args=["/bin/true"])).exit, 0, "after the container ended")


@test("runc")
def a_shared_gpu_is_shared_and_not_free():
    with holder("0") as name, holder("0,1"):
        refused(leased("exclusive:0"), TAKEN, f"GPU 0 is in use by container {name}")
        with holder("any") as third:
            check_equal(gpus_of(third), [2], "the first free GPU")
        refused(leased("any:7"), TOO_FEW, "GPU 0 is in use by", "GPU 1 is in use by")


@test("runc")
def a_container_without_a_gpu_has_no_lease():
    before = files()  # of containers that have ended: whoever starts the next one removes them
    with holder("none"):
        check_equal(files(), before, "files of the registry")


@test("runc")
def without_leases_the_words_are_refused_and_nothing_is_recorded():
    before = files()
    for devices in ("any", "any:2", "exclusive:0"):
        refused(Case(devices), OFF, "leases are off", "leases = true")
    check_equal(run_container(Case("0-2", mounts=[foreign_nodes()])).exit, 0, "a range")
    check_equal(files(), before, "files of the registry")


@test("runc")
def a_waiting_container_starts_when_the_gpu_is_free():
    with holder("exclusive:all") as name, concurrent.futures.ThreadPoolExecutor() as pool:
        waits = leased("any", config=config_text(lease_wait=60), args=["/bin/true"])
        pending = pool.submit(run_container, waits)
        while "waiting: 1 free GPU is asked for" not in (SETUP.work / "hook.log").read_text():
            check(not pending.done(), "it did not wait")
            time.sleep(0.01)
        check(not pending.done(), "it did not wait")
        end(name)
        outcome = pending.result(60)
    check_equal(outcome.exit, 0, outcome.errors)


@test("runc")
def a_failed_start_gives_the_lease_back():
    before = files()
    refused(leased("any", env={"NVIDIA_REQUIRE_CUDA": "cuda>=99"}), "NVH-0302", "unsatisfied condition")
    check_equal(set(files()) - {"lock"} - set(before), set(), "new leases")


@test("runc")
def a_damaged_lease_makes_no_gpu_free_and_is_named():
    REGISTRY.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        damaged = REGISTRY / "1-1.json"
        stack.callback(damaged.unlink)
        for text in ("", "{", "x" * 100_000):
            damaged.write_text(text)
            for devices in ("any", "0"):
                refused(leased(devices), DAMAGED, str(damaged), "remove the file")
        note = text_of("ps", status=GOOD)
        check(str(damaged) in note, note)
    check_equal(run_container(leased("any", args=["/bin/true"])).exit, 0, "without that file")


@test("runc")
def a_registry_that_others_can_write_is_not_used():
    REGISTRY.mkdir(parents=True, exist_ok=True)
    REGISTRY.chmod(0o777)
    try:
        refused(leased("any"), DAMAGED, str(REGISTRY), "writable by group or others")
    finally:
        REGISTRY.chmod(0o755)


@test("runc")
def a_full_registry_starts_nothing_and_leaves_no_half_of_a_lease():
    REGISTRY.mkdir(parents=True, exist_ok=True)
    full = ["mount", "-t", "tmpfs", "-o", "mode=755,nr_inodes=2", "tmpfs", REGISTRY]  # its root, and the lock
    check_equal(run(full).returncode, 0, "the mount")
    try:
        for devices in ("any", "0"):
            refused(leased(devices), DAMAGED, "No space left on device")
        check_equal(files(), ["lock"], "files of the registry")
    finally:
        run(["umount", REGISTRY])
    check_equal(run_container(leased("any", args=["/bin/true"])).exit, 0, "with space again")


@test("runc")
def a_hook_that_is_killed_anywhere_leaves_a_registry_that_works():
    require_program("strace")
    config = config_file()
    calls = ["flock", "getdents64", "write", "fchmod", "renameat2", "unlinkat", "open_tree", "setns", "move_mount"]
    with bundle(Case("any:8", hook=[])) as directory:
        for call, when in itertools.product(calls, (1, 2)):
            with start(directory) as one:
                trace = ["strace", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL:when={when}"]
                one.begin(config, trace)
                one.wait()
            with start(directory) as other:
                other.begin(config)
                status, error = other.wait()
                check_equal((status, error), (0, ""), f"the start after a kill at {call} {when}")
                check_equal(check_distinct([other]), 1, "containers with a GPU")
            check([name for name in files() if name.startswith(".")] == [], f"left behind: {files()}")


@test("runc")
def of_starts_at_once_no_two_get_the_same_gpu():
    """In batches of twenty; each batch is more than the host has GPUs for."""
    batch = 20
    config = config_file()
    with contextlib.ExitStack() as stack:
        directories = [stack.enter_context(bundle(Case("any", hook=[]))) for _ in range(batch)]
        for _ in range(1000 // batch if SETUP.long else 3):
            with contextlib.ExitStack() as alive:
                starts = [alive.enter_context(start(directory)) for directory in directories]
                for one in starts:
                    one.begin(config)
                results = [one.wait() for one in starts]
                check_equal(check_distinct(starts), GPUS, "containers with a GPU")
                statuses = sorted(status for status, _ in results)
                check_equal(statuses, [0] * GPUS + [12] * (batch - GPUS), f"exit statuses: {results}")
                for status, error in results:
                    if status != 0:
                        check_one_line(error, TOO_FEW)


@test("runc-cgroup2")
def what_is_left_of_a_container_keeps_its_gpu():
    """Without a PID namespace of its own, a container outlives its first process."""

    def share_processes(config, _directory):
        config["linux"]["namespaces"] = [one for one in config["linux"]["namespaces"] if one["type"] != "pid"]

    program = ["/bin/sh", "-c", "sleep 1000 & exec sleep 1000"]
    with running(leased("exclusive:0", args=program, edit=share_processes)) as name:
        processes = run(["runc", "ps", "--format", "json", name]).stdout
        while len(json.loads(processes)) < 2:
            processes = run(["runc", "ps", "--format", "json", name]).stdout
        end(name)
        refused(leased("0"), TAKEN, f"container {name}")
        for pid in json.loads(run(["runc", "ps", "--format", "json", name]).stdout):
            os.kill(pid, signal.SIGKILL)
    check_equal(run_container(leased("0", args=["/bin/true"])).exit, 0, "when all its processes have ended")


@test("runc")
def explain_and_a_dry_run_show_the_choice_and_take_nothing():
    with holder("any") as name, bundle(leased("any", hook=[])) as directory:
        before = files()
        found = document("explain", "--bundle", str(directory), config=config_file())
        check(any("lease, if it started now: GPU 1, chosen as free" in note for note in found["notes"]), found["notes"])
        check(f"/dev/nvidia{MINORS[1]}" in json.dumps(found), "the plan")
        text = text_of("ps", "--leases", config=config_file())
        check(name in text and "alone" in text and "held" in text, text)
        check_equal(files(), before, "the registry")


@test("runc")
def attach_takes_a_lease_and_detach_gives_it_back():
    config = config_file()

    def devices():
        return {one["container"]: [each["device"] for each in one["devices"]] for one in document("ps")["leases"]}

    with holder("exclusive:0") as other, holder("none") as name:
        check_refused(oci_nvidia("attach", name, "0", config=config), 12, TAKEN, f"container {other}")
        check("got GPU 1" in text_of("attach", name, "any", config=config), "the first free GPU")
        text_of("attach", name, "2", config=config)
        check("would get GPU 3" in text_of("attach", "--dry-run", name, "any", config=config), "one more")
        check_equal(devices(), {other: ["0"], name: ["1", "2"]}, "leases")
        refused(leased("1"), TAKEN, f"container {name}")
        text_of("detach", name, "1", config=config)
        check_equal(devices(), {other: ["0"], name: ["2"]}, "leases after detach")
        text_of("detach", name, "2", config=config)
        check_equal(devices(), {other: ["0"]}, "leases after the last detach")
        check_refused(oci_nvidia("attach", name, "any"), 12, OFF, "leases are off")


@test("runc")
def gpus_by_number_are_free_ones_if_the_policy_says_so():
    def order(config, _directory):
        args = ["nvidia-container-runtime-hook", "prestart"]
        env = [*HOOK_ENV, f"NVIDIA_CTK_CONFIG_FILE_PATH={config_file(lease_count='true')}"]
        config["hooks"]["prestart"].append({"path": str(SETUP.hook), "args": args, "env": env})

    def run_order(devices):
        with bundle(Case(devices, hook=[], edit=order)) as directory:
            return run_in(directory)

    with holder("exclusive:0"):
        check_gpus(run_order("0,1").view, [1, 2])
        outcome = run_order("0,2")  # --gpus '"device=0,2"'
        check(TAKEN in outcome.errors, outcome.errors)


@test("runc")
def two_hooks_of_one_container_take_one_lease():
    config = config_file()

    def twice(document_of, _directory):
        command = {"path": str(SETUP.hook), "args": ["oci-nvidia-hook", f"-config={config}", "createRuntime"], "env": HOOK_ENV}
        document_of["hooks"].setdefault("createRuntime", []).extend([command, command])

    outcome = run_container(Case("any:2", hook=[], edit=twice))
    check_equal(outcome.exit, 0, outcome.errors)
    check_gpus(outcome.view, [0, 1])


@test("runc")
def the_runtime_shim_leaves_the_choice_to_the_hook():
    config = config_file()
    with holder("any"), bundle(Case("any", hook=[])) as directory:
        environment = shim.environment() | {"NVIDIA_CTK_CONFIG_FILE_PATH": str(config)}
        done = run([shim.program(), "run", "--bundle", directory, f"{CGROUP_NAME}{directory.name}"], env=environment)
        check_gpus(View(done.stdout), [1])
        (added,) = json.loads((directory / "config.json").read_text())["hooks"]["createRuntime"]
        check_equal(added["args"][1:], [f"-config={config}", "createRuntime"], "arguments of the hook")


@test("runc")
def precreate_leaves_the_choice_to_the_hook():
    with bundle(Case("exclusive:0-1", hook=[])) as directory:
        text = (directory / "config.json").read_text()
        done = precreate(text, f"-config={config_file()}", cwd=directory)
    config = json.loads(done.stdout)
    check_equal(config["hooks"].pop("createRuntime")[0]["args"][1:], [f"-config={config_file()}", "createRuntime"], "hook")
    original = json.loads(text)
    check_equal(config["mounts"], original["mounts"], "mounts")
    check_equal(config["linux"]["resources"], original["linux"]["resources"], "device rules")


@test("runc")
def a_caller_without_a_process_is_told_that_nothing_can_be_leased():
    cli = SETUP.work / "nvidia-container-cli"
    cli.symlink_to(SETUP.hook)
    env = {**os.environ, "NVIDIA_CTK_CONFIG_FILE_PATH": str(config_file())}
    with bundle(Case(hook=[])) as directory:
        words = [cli, f"--root={SETUP.driver}", "configure", "--device=any", "--no-cgroups", f"{directory}/rootfs"]
        done = run(["unshare", "--mount", *words], env=env)
    check(done.returncode != 0 and "does not say which process" in done.stderr, done.stderr)
    cli.unlink()
