# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia detach`: a container that runs loses a GPU, and nothing that it still needs."""

import os
import shutil
from pathlib import Path

import images
from command import GOOD, WARNING, check_refused, document, oci_nvidia, text_of
from gpu_users import all_users, hold, openable_gpus, wait_for_users
from harness import MINORS, SETUP, check, check_equal, fail_text, mount_table, run, test
from test_attach import check_has, chosen, container, layer_of, mounts_of, opened, pid_of, state_of, traced_command
from test_old_kernel import wrapper
from volumes import on, volume

ALL = ("attach", "attach-cgroup2")


def node(gpu):
    return f"/dev/nvidia{MINORS[gpu]}"


def check_has_none(name):
    """It is as if it had never had one."""
    expected = {f"/foreign/gpu{minor}": "EPERM" for minor in range(8)}
    check_equal(opened(name, *expected), expected, "opening nodes")
    listed = run(["runc", "exec", name, "/bin/sh", "-c", "ls /dev/nvidia* 2>/dev/null"]).stdout
    check_equal(listed, "", "nodes")
    left = [one for one in mounts_of(name) if "nvidia" in one or "libcuda" in one]
    check_equal(left, [], "mounts of the driver")
    cached = run(["runc", "exec", name, "/sbin/ldconfig", "-p"]).stdout
    check("libcuda" not in cached, f"the loader cache has {cached}")


@test(*ALL)
def a_gpu_that_was_attached_is_taken_again():
    with container() as name:
        before = (mounts_of(name), [one for one in layer_of(name) if one[0] != "etc/ld.so.cache"])
        host = mount_table()
        document("attach", name, "1")
        check_has(name, [1])
        done = document("detach", name, "1")
        check_equal((done["result"], done["driver"], done["holders"]), ("detached", True, []), "result")
        check_has_none(name)
        check_equal(mounts_of(name), before[0], "mounts")
        made = {"usr/lib/firmware", "usr/lib/firmware/nvidia", f"usr/lib/firmware/nvidia/{SETUP.version}"}
        left = [one for one in layer_of(name) if one[0] not in made | {"etc/ld.so.cache"} and "gbm" not in one[0]]
        check_equal(left, before[1], "files of its layer")
        check_equal(mount_table(), host, "mounts of the host")
        document("attach", name, "2")
        check_has(name, [2])


@test(*ALL)
def one_of_two_goes_and_the_other_stays():
    with container("0,1") as name:
        check_has(name, [0, 1])
        text = text_of("detach", name, "1")
        check("lost GPU 1" in text and "the driver" not in text, text)
        check_has(name, [0])
        check(node(1) not in run(["runc", "exec", name, "ls", "/dev"]).stdout, "its node is there")
        check("nothing to do" in text_of("detach", name, "1"), "a second call")
        document("attach", name, "1")
        check_has(name, [0, 1])
        document("inspect", name, status=GOOD)


@test(*ALL)
def what_was_given_at_the_start_goes_as_well():
    with container("all", env={"NVIDIA_DRIVER_CAPABILITIES": "all"}) as name:
        document("detach", name, "all")
        check_has_none(name)


@test(*ALL)
def processes_that_have_it_open_are_named_and_nothing_is_done_without_force():
    with openable_gpus(), container("0,1") as name:
        run(["runc", "exec", "--detach", name, "/bin/sh", "-c", f"exec >/dev/null 2>&1; {hold(1)}"], check=True)
        (user,) = wait_for_users(1)
        before = state_of(name)
        shown = text_of("detach", "--dry-run", name, "1", status=WARNING)
        check(f"process {user} (sleep) has {node(1)} open" in shown, shown)
        done = oci_nvidia("detach", name, "1")
        check_refused(done, done.returncode, "NVH-0512", f"{user} (sleep, {node(1)})", "--force")
        check_equal(state_of(name), before, "the container")
        check("nothing to do" in text_of("detach", name, "3"), "a GPU that it does not have")
        done = document("detach", "--force", name, "1", status=WARNING)
        check_equal([(one["pid"], one["node"]) for one in done["holders"]], [(user, node(1))], "holders")
        check_equal(all_users(), {user: {1}}, "who has it open")
        check_equal(opened(name, node(1))[node(1)], "ENOENT", "its node")


@test("attach")
def a_process_with_thousands_of_descriptors_is_named():
    """The one that matters is the last. There are so many that a listing of them takes several calls."""

    def may_open_many(config, _):
        config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 8192, "soft": 8192}]

    many = "for i in $(seq 6000); do exec {fd}</dev/null; done"
    with openable_gpus(), container("0,1", edit=may_open_many) as name:
        run(["runc", "exec", "--detach", name, "bash", "-c", f"exec >/dev/null 2>&1; {many}; {hold(1)}"], check=True)
        (user,) = wait_for_users(1)
        check(len(os.listdir(f"/proc/{user}/fd")) > 6000, "its descriptors")
        check_refused(oci_nvidia("detach", name, "1"), 15, "NVH-0512", f"{user} (sleep, {node(1)})")


@test("attach")
def a_process_of_the_host_that_has_it_open_does_not_matter():
    with openable_gpus(), container("0,1") as name:
        held = os.open(node(1), os.O_RDWR | os.O_NOCTTY)
        try:
            check_equal(document("detach", name, "1")["holders"], [], "holders")
        finally:
            os.close(held)


@test("attach")
def what_the_user_mounted_in_the_same_places_stays():
    """A tmpfs at a directory of ours, and a loader cache of the user's own."""
    profiles = "/etc/nvidia/nvidia-application-profiles-rc.d"
    own = {"destination": profiles, "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}
    with volume("cache", tmpfs=True) as source:
        shutil.copy(f"{SETUP.rootfs}/etc/ld.so.cache", source / "cache")
        with container(None, own, on(source / "cache", "/etc/ld.so.cache")) as name:
            before = mounts_of(name)
            document("attach", name, "1")
            document("detach", name, "1")
            check_equal(mounts_of(name), before, "mounts")


@test("attach-cgroup2")
def a_kernel_that_hides_filters_lets_gpus_come_and_go():
    """What the container has is known by its nodes; the filter is then guessed (docs/device-permissions.md)."""
    hidden = wrapper(SETUP.work / "hidden.log", "EPERM", ("bpf-hidden",))
    with container("0") as name:
        for command, gpu, has in (("attach", "1", [0, 1]), ("detach", "0", [1]), ("attach", "2", [1, 2])):
            done = oci_nvidia(command, name, gpu, before=hidden)
            check_equal(done.returncode, GOOD, fail_text(command, done))
            check_has(name, has)


@test(*ALL)
def a_dry_run_shows_all_and_changes_nothing():
    with container("0,1") as name:
        before = state_of(name)
        text = text_of("detach", "--dry-run", name, "1")
        for word in ("would lose GPU 1", "deny   c 195:", f"remove {node(1)}"):
            check(word in text, f"no {word!r} in {text}")
        check_equal(state_of(name), before, "the container")


@test("attach")
def errors_are_one_line_and_change_nothing():
    with container("0") as name:
        before = state_of(name)
        for code, words in (("NVH-0202", (name, "9")), ("NVH-0509", ("no-such-container", "0"))):
            done = oci_nvidia("detach", *words)
            check_refused(done, done.returncode, code)
        check("nothing to do" in text_of("detach", name, "3"), "a GPU that it does not have")
        check_equal(state_of(name), before, "the container")


@test("attach")
def a_privileged_container_can_have_it_again():
    """Its list of devices (cgroup v1) says that all are allowed, also when one was denied."""

    def allow_all(config, _):
        config["linux"]["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}

    with container("0,1", edit=allow_all) as name:
        document("detach", name, "1")
        check_equal(opened(name, f"/foreign/gpu{MINORS[1]}"), {f"/foreign/gpu{MINORS[1]}": "EPERM"}, "after detach")
        document("attach", name, "1")
        check_equal(opened(name, node(1)), {node(1): "ENXIO"}, "after attach")


CALLS = {"open_tree": "EPERM", "umount2": "EPERM", "openat2": "EIO", "move_mount": "EINVAL", "bpf": "ENOMEM", "write": "EIO"}


@test("attach-cgroup2", rarely=("attach",))
def a_call_that_fails_leaves_the_container_as_it_was_or_complete():
    with container("0,1") as name:
        counts = traced_command("detach", name, "1", CALLS)
    faults = [(call, CALLS[call], at) for call, count in counts.items() if count for at in chosen(count)]
    tried = 0
    while tried < len(faults):
        with container("0,1") as name:
            before = state_of(name)
            while tried < len(faults):
                call, error, at = faults[tried]
                tried += 1
                strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:error={error}:when={at}"]
                done = oci_nvidia("detach", name, "1", before=strace)
                if done.returncode in (0, 1) or "standard output" in done.stderr:
                    check_has(name, [0])
                    break
                check_equal(state_of(name)[:2], before[:2], f"after {call} {at} {error}: {done.stderr}")
                check_has(name, [0, 1])
    check(tried > 10, f"{tried} faults tried")


@test("attach-cgroup2", rarely=("attach",))
def a_detach_that_is_killed_opens_nothing_and_can_be_done_again():
    with container("0,1") as name:
        counts = traced_command("detach", name, "1", CALLS)
    for call in ("umount2", "open_tree", "move_mount", "bpf"):
        for at in sorted({1, counts[call]} - {0}):
            with container("0,1") as name:
                strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={at}"]
                oci_nvidia("detach", name, "1", before=strace)
                done = oci_nvidia("detach", name, "1")
                check(done.returncode in (0, 1), fail_text(f"detach after a kill at {call} {at}", done))
                check_equal(opened(name, f"/foreign/gpu{MINORS[1]}"), {f"/foreign/gpu{MINORS[1]}": "EPERM"}, f"{call} {at}")


def musl_image(text):
    """An image with musl and this path file, and the name of that."""
    image = images.alpine()
    loader = next((image.root / "lib").glob("ld-musl-*"))
    name = loader.name.replace(".so.1", ".path")
    (image.root / "etc" / name).write_text(text)
    return image.root, f"/etc/{name}"


@test(*ALL)
def lines_of_musls_path_file_go_with_the_last_gpu():
    text = "/lib:/usr/lib\n/opt\n"  # and the file's own lines stay
    image, path = musl_image(text)
    with container(image=image) as name:
        file = Path(f"/proc/{pid_of(name)}/root{path}")
        document("attach", name, "0", status=WARNING)  # programs that need glibc are left out
        document("attach", name, "1", status=WARNING)
        check_equal(file.read_text(), f"{text}/usr/lib64\n", "after attach")
        document("detach", name, "0")
        check_equal(file.read_text(), f"{text}/usr/lib64\n", "while it has another GPU")
        document("detach", name, "1")
        check_equal(file.read_text(), text, "after detach")


@test("attach")
def lines_that_an_image_with_musl_had_before_stay():
    text = "/lib:/usr/lib\n/usr/lib64\n"
    image, path = musl_image(text)
    with container(image=image) as name:
        document("attach", name, "0", status=WARNING)
        document("detach", name, "0")
        check_equal(Path(f"/proc/{pid_of(name)}/root{path}").read_text(), text, "after detach")


@test("attach")
def a_read_only_path_file_of_musl_is_uncovered():
    text = "/lib:/usr/lib\n"
    image, path = musl_image(text)
    (image / "etc/ld.so.cache").unlink(missing_ok=True)  # musl needs none, and none can be made here
    run_tmpfs = {"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}
    with container(None, run_tmpfs, image=image, readonly=True) as name:
        file = Path(f"/proc/{pid_of(name)}/root{path}")
        document("attach", name, "0", status=WARNING)
        check_equal(file.read_text(), f"{text}/run/nvidia-driver/lib64\n", "after attach")
        document("detach", name, "0", status=GOOD)
        check_equal((file.read_text(), path in mounts_of(name)), (text, False), "after detach")
