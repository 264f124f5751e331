# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia refresh`: a container that runs gets today's driver in the place of the one of before."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

import device_rules
import images
from bundle import Case, bind, foreign_nodes, running
from command import BROKEN, GOOD, WARNING, check_refused, document, oci_nvidia, text_of
from expect import LIBRARIES
from harness import MINORS, SETUP, UUID, check, check_equal, fail_text, mount_table, run, test
from test_attach import SLEEP, layer_of, mounts_of, opened, pid_of, view_of
from test_inspect import covered
from upgrade import NEW_VERSION, replaced_driver
from volumes import on, state, volume

ALL = ("refresh", "refresh-cgroup2")
OLD_UVM, NEW_UVM = 511, 510


@contextlib.contextmanager
def container(request="0", *mounts, config=None, **options):
    case = Case(request, mounts=[foreign_nodes(), *mounts], args=SLEEP, config=config, **options)
    with running(case) as name:
        yield name


@contextlib.contextmanager
def host_to_upgrade(driver=replaced_driver, version=NEW_VERSION):
    """A configuration, and what makes the host one with the new driver, whose uvm module has another major number."""
    with contextlib.ExitStack() as stack:
        config, replace = stack.enter_context(driver())

        def upgrade():
            replace()
            texts = {
                "/proc/driver/nvidia/version": (SETUP.version, version),
                "/proc/devices": (f"{OLD_UVM} nvidia-uvm", f"{NEW_UVM} nvidia-uvm"),
            }
            pairs = []
            for number, (path, (old, new)) in enumerate(texts.items()):
                source = SETUP.work / f"upgraded-{number}"
                source.write_text(Path(path).read_text().replace(old, new))
                pairs.append((source, path))
            for minor, name in enumerate(("nvidia-uvm", "nvidia-uvm-tools")):
                source = SETUP.work / f"new-{name}"
                with contextlib.suppress(FileExistsError):
                    os.mknod(source, 0o20666, os.makedev(NEW_UVM, minor))
                os.chmod(source, 0o666)
                pairs.append((source, f"/dev/{name}"))
            stack.enter_context(covered(*pairs))

        yield config, upgrade


def state_of(name):
    return mounts_of(name), layer_of(name), device_rules.rules_of(pid_of(name))


@test(*ALL)
def files_of_a_driver_that_is_gone_go_with_the_last_gpu():
    with host_to_upgrade() as (config, upgrade), container(config=config.read_text()) as name:
        upgrade()
        document("detach", name, "0", config=config)
        check_has_nothing(name)


def check_has_nothing(name):
    left = [one for one in mounts_of(name) if "nvidia" in one or "libcuda" in one]
    check_equal(left, [], "mounts of the driver")
    names = run(["runc", "exec", name, "/bin/sh", "-c", f"ls {LIBRARIES}; ldconfig -p"]).stdout
    check(SETUP.version not in names and "libcuda" not in names, names[:200])


def check_has(name, version, gpus, uvm, was_killed=False):
    """The driver of this version and nothing of another, and these GPUs. `was_killed`: places of old mounts may be left."""
    view = view_of(name, "")
    check_equal(view.gpus(), [f"{UUID}{gpu}" for gpu in gpus], "GPUs that nvidia-smi lists")
    for soname in ("libcuda.so.1", "libnvidia-ml.so.1"):
        check(version in view.loaded().get(soname, ""), f"{soname} is {view.loaded()}")
    other = NEW_VERSION if version == SETUP.version else SETUP.version
    check(not any(other in one for one in mounts_of(name)), f"mounts of {other}: {mounts_of(name)}")
    names = run(["runc", "exec", name, "/bin/sh", "-c", f"{'' if was_killed else f'ls {LIBRARIES};'} ldconfig -p"]).stdout
    ours = [line.strip() for line in names.splitlines() if "nvidia" in line or "cuda" in line]
    check(version in names and other not in names, f"names and loader cache: {ours}")
    broken = run(["runc", "exec", name, "/bin/sh", "-c", f"for f in {LIBRARIES}/*; do [ -e $f ] || echo $f; done"]).stdout
    check_equal(broken, "", "links that lead nowhere")
    text = run(["runc", "exec", name, "cat", "/proc/driver/nvidia/version"]).stdout
    check(version in text, text)
    number = run(["runc", "exec", name, "stat", "-c", "%t:%T", "/dev/nvidia-uvm"]).stdout.strip()
    check_equal(number, f"{uvm:x}:0", "number of nvidia-uvm")
    expected = {f"/foreign/gpu{minor}": "EPERM" for minor in range(8)} | {"/dev/nvidia-uvm": "ENXIO"}
    for gpu in gpus:
        expected |= {f"/foreign/gpu{MINORS[gpu]}": "ENXIO", f"/dev/nvidia{MINORS[gpu]}": "ENXIO"}
    check_equal(opened(name, *expected), expected, "opening nodes")


def only(found):
    check_equal(len(found["containers"]), 1, f"containers in {found}")
    return found["containers"][0]


@test(*ALL)
def an_upgraded_driver_takes_the_place_of_the_old_one():
    with host_to_upgrade() as (config, upgrade), container(config=config.read_text()) as name:
        check_has(name, SETUP.version, [0], OLD_UVM)
        check_equal(only(document("refresh", name, config=config))["result"], "nothing-to-do", "before")
        upgrade()
        document("inspect", name, config=config, status=WARNING)
        host = mount_table()
        done = only(document("refresh", name, config=config, status=GOOD))
        check_equal((done["result"], done["holders"]), ("refreshed", []), "result")
        check_equal((done["allowed"], done["denied"]), ([f"c {NEW_UVM}:0", f"c {NEW_UVM}:1"], [f"c {OLD_UVM}:0", f"c {OLD_UVM}:1"]), "rules")
        check_has(name, NEW_VERSION, [0], NEW_UVM)
        check_equal(mount_table(), host, "mounts of the host")
        document("inspect", name, config=config, status=GOOD)
        before = state_of(name)
        again = text_of("refresh", name, config=config)
        check("nothing to do: up to date with the driver of the host" in again, again)
        check_equal(state_of(name), before, "the container")


@test(*ALL)
def a_dry_run_shows_all_and_changes_nothing():
    with host_to_upgrade() as (config, upgrade), container(config=config.read_text()) as name:
        upgrade()
        before = state_of(name)
        text = text_of("refresh", "--dry-run", name, config=config)
        for word in (
            "would be refreshed",
            f"remove {LIBRARIES}/libcuda.so.{SETUP.version}",
            f"mount  {LIBRARIES}/libcuda.so.{NEW_VERSION}",
            f"allow  c {NEW_UVM}:0",
            f"deny   c {OLD_UVM}:0",
        ):
            check(word in text, f"no {word!r} in {text}")
        check_equal(state_of(name), before, "the container")


def hold_library(name):
    """A process that has the library of the container mapped; its number."""
    words = ["runc", "exec", "--detach", "--env", "LD_PRELOAD=libcuda.so.1", name, "sleep", "1234"]
    subprocess.run(list(map(str, words)), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: holders_in(name))
    return holders_in(name)[0]


def holders_in(name):
    cgroup = Path(f"/proc/{pid_of(name)}/cgroup").read_text()
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (directory / "cgroup").read_text() == cgroup and "libcuda.so" in (directory / "maps").read_text():
                found.append(int(directory.name))
    return found


def wait_for(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        check(time.monotonic() < deadline, "it does not come to it")
        time.sleep(0.02)


@test(*ALL)
def processes_that_map_the_old_driver_are_named_and_nothing_is_done_without_force():
    with host_to_upgrade() as (config, upgrade), container(config=config.read_text()) as name:
        user = hold_library(name)
        library = f"{LIBRARIES}/libcuda.so.{SETUP.version}"
        check_equal(only(document("refresh", name, config=config))["result"], "nothing-to-do", "before")
        upgrade()
        before = state_of(name)
        shown = text_of("refresh", "--dry-run", name, config=config, status=WARNING)
        check(f"process {user} (sleep) has {library} open" in shown, shown)
        done = oci_nvidia("refresh", name, config=config)
        check_refused(done, done.returncode, "NVH-0512", f"{user} (sleep, {library})", "--force")
        check_equal(state_of(name), before, "the container")
        done = only(document("refresh", "--force", name, config=config, status=WARNING))
        check_equal([(one["pid"], one["node"]) for one in done["holders"]], [(user, library)], "holders")
        check(Path(f"/proc/{user}").exists(), "the process has ended")
        check_has(name, NEW_VERSION, [0], NEW_UVM)


@test(*ALL)
def a_container_without_a_request_keeps_what_was_attached():
    """What it has tells what it is to have."""
    with host_to_upgrade() as (config, upgrade), container(None, config=config.read_text()) as name:
        document("attach", name, "3", config=config)
        upgrade()
        document("refresh", name, config=config)
        check_has(name, NEW_VERSION, [3], NEW_UVM)


@test(*ALL)
def all_containers_with_gpus_are_refreshed_each_on_its_own():
    with host_to_upgrade() as (config, upgrade), contextlib.ExitStack() as stack:
        text = config.read_text()
        first, second, plain = (stack.enter_context(container(one, config=text)) for one in ("0", "2,3", None))
        held = hold_library(second)
        upgrade()
        before = state_of(plain), state_of(second)
        done = {one["id"]: one for one in document("refresh", "--all", config=config, status=BROKEN)["containers"]}
        check_equal(set(done), {first, second}, "containers")
        check_equal((done[first]["result"], done[second]["result"]), ("refreshed", "failed"), "results")
        check("NVH-0512" in done[second]["reason"] and f"{held} (sleep" in done[second]["reason"], done[second])
        check_has(first, NEW_VERSION, [0], NEW_UVM)
        check_equal((state_of(plain), state_of(second)), before, "the others")
        lines = text_of("refresh", "--all", "--force", config=config, status=WARNING).splitlines()
        check(any(first in line and "nothing to do" in line for line in lines), lines)
        check(any(second in line and "refreshed: " in line for line in lines), lines)
        check_has(second, NEW_VERSION, [2, 3], NEW_UVM)


@test("refresh")
def a_read_only_root_gets_the_new_driver():
    run_tmpfs = {"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}
    with host_to_upgrade() as (config, upgrade), container("0", run_tmpfs, config=config.read_text(), readonly=True) as name:
        check_equal(only(document("refresh", name, config=config))["result"], "nothing-to-do", "before")
        upgrade()
        done = only(document("refresh", name, config=config, status=WARNING))
        check_equal(done["result"], "refreshed", "result")
        cached = run(["runc", "exec", name, "/sbin/ldconfig", "-p"]).stdout
        check("/run/nvidia-driver" in cached and SETUP.version not in cached, cached)
        left = [one for one in mounts_of(name) if SETUP.version in one]
        check_equal(left, [], "mounts of the old driver")


@test("refresh")
def errors_are_one_line_and_change_nothing():
    with container() as name:
        before = state_of(name)
        done = oci_nvidia("refresh", "no-such-container")
        check_refused(done, done.returncode, "NVH-0509")
        for words in ((), (name, "--all"), (name, "0")):
            check_equal(oci_nvidia("refresh", *words).returncode, 2, f"refresh {words}")
        check_equal(state_of(name), before, "the container")


# ---- faults and hostile containers

CALLS = {
    "open_tree": "EPERM",
    "move_mount": "EINVAL",
    "fsmount": "ENOMEM",
    "setns": "EPERM",
    "openat2": "EIO",
    "mkdirat": "ENOSPC",
    "symlinkat": "ENOSPC",
    "renameat2": "ENOSPC",
    "write": "ENOSPC",
    "umount2": "EPERM",
    "bpf": "ENOMEM",
}


def traced(name, config, *options):
    return oci_nvidia("refresh", name, config=config, before=["strace", "-f", "-qq", *options])


def count_calls(name, config):
    trace = SETUP.work / "trace"
    done = traced(name, config, "-o", str(trace), "-e", "trace=" + ",".join(CALLS))
    check(done.returncode == 0, fail_text("refresh", done))
    words = [line.split(maxsplit=1)[1].partition("(")[0] for line in trace.read_text().splitlines()]
    return {call: words.count(call) for call in CALLS}


@test("refresh-cgroup2", rarely=("refresh",))
def a_call_that_fails_leaves_the_container_as_it_was_or_complete():
    containers = 8 if not SETUP.long else 60
    step = 1 if SETUP.long else 12
    with host_to_upgrade() as (config, upgrade), contextlib.ExitStack() as stack:
        names = [stack.enter_context(container("0", config=config.read_text())) for _ in range(containers)]
        upgrade()
        counts = count_calls(names.pop(), config)
        faults = [(call, at) for call, count in counts.items() if count for at in sorted({1, count, *range(1, count, step)})]
        tried = 0
        while names and tried < len(faults):
            name = names.pop()
            before = state_of(name)
            while tried < len(faults):
                call, at = faults[tried]
                tried += 1
                done = traced(name, config, "-o", "/dev/null", "-e", f"inject={call}:error={CALLS[call]}:when={at}")
                if done.returncode in (0, 1) or "standard output" in done.stderr:
                    if done.returncode == 1:
                        text_of("refresh", name, config=config)  # what has no way back is done last, and said
                    check_has(name, NEW_VERSION, [0], NEW_UVM, was_killed=done.returncode == 1)
                    break
                check_equal(state_of(name), before, f"after {call} {at}: {done.stderr}")
                check_equal(done.stderr.count("\n"), 1, f"lines of {done.stderr!r}")
        check(tried > 20, f"{tried} of {len(faults)} faults tried")


@test("refresh-cgroup2", rarely=("refresh",))
def a_refresh_that_is_killed_opens_nothing_and_can_be_done_again():
    kills = [(call, last) for call in ("move_mount", "umount2", "symlinkat", "renameat2", "bpf") for last in (False, True)]
    with host_to_upgrade() as (config, upgrade), contextlib.ExitStack() as stack:
        names = [stack.enter_context(container("0", config=config.read_text())) for _ in range(len(kills) + 1)]
        upgrade()
        counts = count_calls(names.pop(), config)
        for call, last in kills:
            name = names.pop()
            at = counts[call] if last else 1
            traced(name, config, "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={at}")
            foreign = [f"/foreign/gpu{minor}" for minor in range(8) if minor != MINORS[0]]
            check_equal(set(opened(name, *foreign).values()), {"EPERM"}, f"other GPUs, killed at {call} {at}")
            done = oci_nvidia("refresh", name, config=config)
            check(done.returncode in (0, 1), fail_text(f"refresh after a kill at {call} {at}", done))
            check_has(name, NEW_VERSION, [0], NEW_UVM, was_killed=True)


@test("refresh")
def a_container_that_renames_meanwhile_leads_nothing_out():
    """It exchanges directories that have files of the driver with links into a volume of the host, as fast as it can."""
    racer = SETUP.work / "refresh-racer"
    images.compile_program(racer, "race.c", "-pthread", "-static", "-D_GNU_SOURCE")
    pairs = [(f"{LIBRARIES}/gbm", f"{LIBRARIES}/trap"), ("/usr/lib/firmware", "/usr/lib/trap")]
    script = "".join(f"mkdir -p {name}; ln -s {'../' * trap.count('/')}volume {trap};" for name, trap in pairs)
    script += "/bin/sleep 1000 | exec /racer 0 " + " ".join(name for pair in pairs for name in pair)
    with host_to_upgrade() as (config, upgrade), volume("race") as source, contextlib.ExitStack() as stack:
        mounts = [on(source, "/volume"), bind(racer, "/racer", "ro")]
        env = {"NVIDIA_DRIVER_CAPABILITIES": "all"}
        case = Case("0", env=env, mounts=mounts, args=["/bin/sh", "-c", script], config=config.read_text())
        names = [stack.enter_context(running(case)) for _ in range(RACES)]
        upgrade()
        before = state(source)
        for name in names:
            done = oci_nvidia("refresh", name, config=config)
            check(done.returncode in (0, 1, *range(10, 20)), fail_text("refresh", done))
            check_equal(state(source), before, "the volume")


RACES = 6
