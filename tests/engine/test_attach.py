# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia attach`: a container that runs gets what it would have got at its start, or nothing."""

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path

import device_rules
import images
import observe
import overlay
from bundle import Case, bind, foreign_nodes, running
from command import GOOD, WARNING, check_refused, document, oci_nvidia, text_of
from expect import LIBRARIES
from harness import CGROUP_NAME, MINORS, SETUP, UUID, check, check_equal, fail_text, mount_table, run, test
from test_userns import complete_procfs, remap, remapped_image
from volumes import on, state, volume

ALL = ("attach", "attach-cgroup2")
SLEEP = ["sleep", "1000"]


def pid_of(name):
    return json.loads(run(["runc", "state", name]).stdout)["pid"]


@contextlib.contextmanager
def container(request=None, *mounts, **options):
    case = Case(request, mounts=[foreign_nodes(), *mounts], args=SLEEP, **options)
    with running(case) as name:
        yield name


def view_of(name, path):
    done = run(["runc", "exec", name, "/bin/sh", "-c", f"export PATH=$PATH:{path}\n{observe.SCRIPT}"])
    check(done.returncode == 0, fail_text("the container", done))
    return observe.View(done.stdout)


def opened(name, *paths):
    done = run(["runc", "exec", name, "inspect", "open", *paths])
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


def layer_of(name):
    directory = SETUP.work / name.removeprefix(CGROUP_NAME)
    return overlay.changes(directory / "upper", SETUP.rootfs)


def mounts_of(name):
    lines = Path(f"/proc/{pid_of(name)}/mountinfo").read_text().splitlines()
    return sorted(line.split()[4] for line in lines)


def check_has(name, gpus, path=""):
    """These GPUs, all that belongs to them, and no other. `path`: where the programs are."""
    view = view_of(name, path)
    check_equal(view.gpus(), [f"{UUID}{gpu}" for gpu in gpus], "GPUs that nvidia-smi lists")
    for soname in ("libcuda.so.1", "libnvidia-ml.so.1"):
        check(SETUP.version in view.loaded().get(soname, ""), f"{soname} is {view.loaded()}")
    expected = {f"/foreign/gpu{minor}": "EPERM" for minor in range(8)}
    for gpu in gpus:
        expected |= {f"/foreign/gpu{MINORS[gpu]}": "ENXIO", f"/dev/nvidia{MINORS[gpu]}": "ENXIO"}
    check_equal(opened(name, *expected), expected, "opening nodes")
    shown = run(["runc", "exec", name, "ls", "/proc/driver/nvidia/gpus"]).stdout.split()
    check_equal(len(shown), len(gpus), f"GPUs in /proc/driver/nvidia: {shown}")


@test(*ALL)
def a_container_without_a_request_gets_a_gpu_while_it_runs():
    with container() as name:
        check_equal(opened(name, f"/foreign/gpu{MINORS[1]}"), {f"/foreign/gpu{MINORS[1]}": "EPERM"}, "before")
        before = mount_table()
        done = document("attach", name, "1")
        check_equal((done["id"], done["result"]), (name, "attached"), "result")
        check(f"/dev/nvidia{MINORS[1]}" in done["nodes"], done)
        check_has(name, [1])
        check_equal(mount_table(), before, "mounts of the host")
        document("inspect", name, status=GOOD)


@test(*ALL)
def another_gpu_joins_those_that_it_has():
    with container("0") as name:
        text = text_of("attach", name, f"{UUID}2")
        check("got GPU 2" in text and "1 node," in text, text)
        check_has(name, [0, 2])
        check(f"/dev/nvidia{MINORS[0]}" in text_of("inspect", name), "inspect")


@test(*ALL)
def a_second_call_changes_nothing():
    with container("0") as name:
        document("attach", name, "0,3")
        before = (mounts_of(name), layer_of(name), device_rules.rules_of(pid_of(name)))
        done = document("attach", name, "3")
        check_equal(done["result"], "nothing-to-do", "result")
        check_equal((mounts_of(name), layer_of(name), device_rules.rules_of(pid_of(name))), before, "the container")
        check_has(name, [0, 3])


@test(*ALL)
def what_was_given_at_the_start_is_nothing_to_do():
    with container("all", env={"NVIDIA_DRIVER_CAPABILITIES": "all"}) as name:
        before = (mounts_of(name), layer_of(name))
        check("nothing to do" in text_of("attach", name, "all"), "text")
        check_equal((mounts_of(name), layer_of(name)), before, "the container")


@test(*ALL)
def a_dry_run_shows_all_and_changes_nothing():
    with container() as name:
        before = (mounts_of(name), layer_of(name), device_rules.rules_of(pid_of(name)))
        text = text_of("attach", "--dry-run", name, "1")
        for word in ("would get GPU 1", f"node  /dev/nvidia{MINORS[1]}", "libcuda.so", "rule  c 195:"):
            check(word in text, f"no {word!r} in {text}")
        check_equal((mounts_of(name), layer_of(name), device_rules.rules_of(pid_of(name))), before, "the container")


@test(*ALL)
def more_capabilities_bring_more_files():
    with container("0", env={"NVIDIA_DRIVER_CAPABILITIES": "utility"}) as name:
        check(not any("libcuda.so" in one for one in mounts_of(name)), "utility alone has no libcuda")
        document("attach", "--capabilities", "compute", name, "0")
        check_has(name, [0])


@test("attach")
def errors_are_one_line_and_change_nothing():
    with container() as name:
        before = (mounts_of(name), layer_of(name), device_rules.rules_of(pid_of(name)))
        for code, words in (
            ("NVH-0202", (name, "9")),
            ("NVH-0204", (name, "void")),
            ("NVH-0201", ("--capabilities", "cuda", name, "0")),
            ("NVH-0509", ("no-such-container", "0")),
        ):
            done = oci_nvidia("attach", *words)
            check(done.returncode not in (0, 2), fail_text(words, done))
            check_refused(done, done.returncode, code)
        check_equal((mounts_of(name), layer_of(name), device_rules.rules_of(pid_of(name))), before, "the container")


@test("attach")
def a_process_of_the_host_is_refused():
    """It has the mount namespace of the host, or one of its own with the host's root directory."""
    done = oci_nvidia("attach", str(os.getpid()), "0")
    check_refused(done, done.returncode, "NVH-0502")
    with own_namespace("sleep", "1000") as pid:
        done = oci_nvidia("attach", str(pid), "0")
        check_refused(done, done.returncode, "NVH-0503", "that of the whole host")


@contextlib.contextmanager
def own_namespace(*command):
    reader, writer = os.pipe()
    script = 'echo ready >&"$0"; exec "$@"'
    words = ["unshare", "--mount", "/bin/sh", "-c", script, str(writer), *command]
    with subprocess.Popen(words, pass_fds=[writer]) as child:
        os.close(writer)
        with open(reader, encoding="utf-8") as ready:
            ready.readline()
            try:
                yield child.pid
            finally:
                child.kill()


@test("attach")
def a_process_in_a_chroot_is_refused():
    """The root directory of its namespace is another one than its own: files would be made where it chose."""
    with own_namespace("chroot", SETUP.rootfs, "sleep", "1000") as pid:
        done = oci_nvidia("attach", str(pid), "0")
        check_refused(done, done.returncode, "NVH-0503")


@test(*ALL)
def a_paused_container_is_refused():
    with container() as name:
        run(["runc", "pause", name], check=True)
        try:
            done = oci_nvidia("attach", name, "0")
            check_refused(done, done.returncode, "NVH-0511", "is paused")
        finally:
            run(["runc", "resume", name], check=True)
        document("attach", name, "0")


@test(*ALL)
def a_read_only_root_gets_its_gpu():
    """Its own layer cannot be written any more: the files go to a tmpfs that the runtime made for it."""
    run_tmpfs = {"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}
    with container(None, run_tmpfs, readonly=True) as name:
        done = document("attach", name, "1", status=WARNING)
        check(any("/usr/bin is read-only" in note for note in done["notes"]), done["notes"])
        check_has(name, [1], path="/run/nvidia-driver/bin")
        check_equal(document("attach", name, "1", status=WARNING)["result"], "nothing-to-do", "a second call")


@test("attach")
def a_volume_is_never_written():
    for place in (LIBRARIES, "/usr", "/etc"):
        with volume("attach", f"{SETUP.rootfs}{place}") as source:
            before = state(source)
            with container(None, on(source, place, "rw")) as name:
                done = oci_nvidia("attach", name, "1")
                check(done.returncode in (0, 1), fail_text("attach", done))
                check_equal(state(source), before, f"the volume over {place}")


@test("attach")
def a_container_of_a_user_namespace_gets_its_gpu():
    with complete_procfs(), container(image=remapped_image(), edit=remap) as name:
        document("attach", name, "1")
        check_has(name, [1])
        owner = run(["runc", "exec", name, "stat", "-c", "%u", "/etc/ld.so.cache"]).stdout.strip()
        check_equal(owner, "0", "owner of the loader cache")


@test("attach")
def a_container_whose_first_process_is_a_user_gets_its_gpu():
    def as_user(config, _):
        config["process"]["user"] = {"uid": 1000, "gid": 1000}

    with container(edit=as_user) as name:
        document("attach", name, "1")
        check_equal(opened(name, f"/dev/nvidia{MINORS[1]}")[f"/dev/nvidia{MINORS[1]}"], "ENXIO", "its GPU")
        owner = run(["runc", "exec", "--user", "0", name, "stat", "-c", "%u", "/etc/ld.so.cache"]).stdout.strip()
        check_equal(owner, "0", "owner of the loader cache")


@test("attach")
def a_volume_that_a_container_made_its_dev_is_not_written():
    """A container with CAP_SYS_ADMIN can mount a tmpfs of the host, that it has as a volume, over its own /dev."""
    with volume("dev", tmpfs=True) as source:

        def may_mount(config, _):
            for name in ("bounding", "effective", "permitted"):
                config["process"]["capabilities"].setdefault(name, []).append("CAP_SYS_ADMIN")

        with container(None, on(source, "/volume"), edit=may_mount) as name:
            mounted = run(["runc", "exec", name, "mount", "--bind", "/volume", "/dev"])
            check(mounted.returncode == 0, fail_text("mount", mounted))
            before = state(source)
            done = oci_nvidia("attach", name, "1")
            check(done.returncode > 3, fail_text("attach", done))
            check_equal(state(source), before, "the volume")


CALLS = {
    "open_tree": "EPERM",
    "move_mount": "EINVAL",
    "mount_setattr": "EPERM",
    "fsmount": "ENOMEM",
    "setns": "EPERM",
    "openat2": "EIO",
    "openat": "ENOSPC",
    "mkdirat": "ENOSPC",
    "symlinkat": "ENOSPC",
    "fchownat": "EPERM",
    "renameat2": "ENOSPC",
    "write": "ENOSPC",
    "umount2": "EPERM",
    "bpf": "ENOMEM",
    "seccomp": "ENOMEM",
}


def traced(name, gpu, *options):
    return oci_nvidia("attach", name, gpu, before=["strace", "-f", "-qq", *options])


def traced_command(command, name, gpu, calls):
    """How often it makes each of `calls`, in a run that succeeds."""
    trace = SETUP.work / "trace"
    strace = ["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=" + ",".join(calls)]
    done = oci_nvidia(command, name, gpu, before=strace)
    check(done.returncode == 0, fail_text(command, done))
    words = [line.split(maxsplit=1)[1].partition("(")[0] for line in trace.read_text().splitlines()]
    return {call: words.count(call) for call in calls}


def chosen(count):
    """Which of so many calls are tried."""
    return range(1, count + 1) if SETUP.long else sorted({1, (count + 1) // 2, count})


def state_of(name):
    return mounts_of(name), layer_of(name), device_rules.rules_of(pid_of(name))


@test("attach-cgroup2", rarely=("attach",))
def a_call_that_fails_leaves_the_container_as_it_was_or_complete():
    """The container has a GPU already, so that its view of /proc must be exchanged, too."""
    with container("0") as name:
        counts = traced_command("attach", name, "1", CALLS)
    faults = [(call, CALLS[call], at) for call, count in counts.items() if count for at in chosen(count)]
    tried = 0
    while tried < len(faults):
        with container("0") as name:
            before = state_of(name)
            while tried < len(faults):
                call, error, at = faults[tried]
                tried += 1
                done = traced(name, "1", "-o", "/dev/null", "-e", f"inject={call}:error={error}:when={at}")
                if done.returncode in (0, 1) or "standard output" in done.stderr:
                    check_has(name, [0, 1])
                    break
                check_equal(state_of(name), before, f"after {call} {at} {error}: {done.stderr}")
                check_equal(done.stderr.count("\n"), 1, f"lines of {done.stderr!r}")
    check(tried > 10, f"{tried} faults tried")


@test("attach-cgroup2", rarely=("attach",))
def an_attach_that_is_killed_opens_nothing_and_can_be_done_again():
    with container("0") as name:
        counts = traced_command("attach", name, "1", CALLS)
    foreign = [f"/foreign/gpu{minor}" for minor in range(8) if minor not in (MINORS[0], MINORS[1])]
    for call in ("move_mount", "umount2", "symlinkat", "renameat2", "bpf", "setns"):
        for at in sorted({1, counts[call]} - {0}):
            with container("0") as name:
                traced(name, "1", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={at}")
                check_equal(set(opened(name, *foreign).values()), {"EPERM"}, f"other GPUs, killed at {call} {at}")
                done = oci_nvidia("attach", name, "1")
                check(done.returncode in (0, 1), fail_text(f"attach after a kill at {call} {at}", done))
                check_has(name, [0, 1])


@test("attach")
def a_container_that_renames_meanwhile_leads_nothing_out():
    """It exchanges directories that get files with links into a volume of the host, as fast as it can."""
    racer = SETUP.work / "live-racer"
    images.compile_program(racer, "race.c", "-pthread", "-static", "-D_GNU_SOURCE")
    with volume("race") as source:
        # Directories of the lower layer cannot be renamed on an overlay; these are made by the container.
        pairs = [(f"{LIBRARIES}/gbm", f"{LIBRARIES}/trap"), ("/usr/lib/firmware", "/usr/lib/trap")]
        script = "".join(f"mkdir {name}; ln -s {'../' * trap.count('/')}volume {trap};" for name, trap in pairs)
        script += "/bin/sleep 1000 | exec /racer 0 " + " ".join(name for pair in pairs for name in pair)
        mounts = (on(source, "/volume"), bind(racer, "/racer", "ro"))
        before = state(source)
        for _ in range(RACES):
            with running(Case(None, mounts=list(mounts), args=["/bin/sh", "-c", script])) as name:
                for directory, _ in pairs:
                    wait_for(lambda path=directory: lost_by_naive(name, path, source))
                before = state(source)
                done = oci_nvidia("attach", "--capabilities", "all", name, "1")
                check(done.returncode in (0, 1, *range(10, 20)), fail_text("attach", done))
                check_equal(state(source), before, "the volume")


RACES = 8


def lost_by_naive(name, directory, source):
    """A file that is made by its path lands in the volume sooner or later."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid_of(name)}/root{directory}/naive").write_text("")
    found = source / "naive"
    if not found.exists():
        return False
    found.unlink()
    return True


def wait_for(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        check(time.monotonic() < deadline, "it does not come to it")
