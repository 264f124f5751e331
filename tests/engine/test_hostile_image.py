# SPDX-License-Identifier: Apache-2.0
"""Directories of the image that lead elsewhere, are no directories, or are not there."""

import contextlib
import os
import stat

from bundle import bind, bundle, run_container, run_in
from expect import LIBRARIES
from harness import SETUP, canary, check, check_equal, require_program, test
from hostile_image import (
    aims,
    attached,
    case,
    changed_by,
    check_hook_succeeded,
    check_refused,
    check_works,
    edits,
    in_the_place_of,
    link_to,
    movable,
    naming,
)

LIBCUDA = f"libcuda.so.{SETUP.version}"


def run_movable(*several, **options):
    return run_container(case(image=movable(), edit=edits(*several), **options))


def refuse_movable(code, *words, edit):
    return check_refused(case(image=movable(), edit=edit), code, *words)


def check_all_below(outcome, top, *names):
    """What the hook mounted of these names is at `top` inside the image, and nowhere else."""
    seen = {path for path, source in attached(outcome).items() if source in names}
    check_equal(seen, {f"{top}/{name}" for name in names}, "where the driver's files are")


@test("hostile", cases=[29])
def a_library_directory_that_is_a_link_to_the_host_is_made_inside():
    for spelling, aim in aims().items():
        outcome = run_movable(in_the_place_of(LIBRARIES, link_to(aim)))
        check_equal(check_works(outcome), f"{canary()}/{LIBCUDA}", f"libcuda with {spelling} link")
        check_all_below(outcome, str(canary()), LIBCUDA, f"libnvidia-ml.so.{SETUP.version}")
        made = [row[0] for row in outcome.changes if row[0] == str(canary())[1:]]
        check(made, "the directory was not made in the image")


@test("hostile", cases=[29])
def a_library_directory_that_leads_to_the_host_by_a_chain_is_made_inside():
    for spelling, aim in aims().items():

        def chain(path):
            path.symlink_to("../../srv/lib")
            path.parents[2].joinpath("srv").mkdir(exist_ok=True)
            path.parents[2].joinpath("srv/lib").symlink_to(f"{aim}/below/made")

        outcome = run_movable(in_the_place_of(LIBRARIES, chain))
        seen = check_works(outcome)
        check_equal(seen, f"{canary()}/below/made/{LIBCUDA}", f"libcuda with {spelling} link")


@test("hostile", cases=[29])
def a_library_directory_that_leads_up_from_what_is_not_there_is_refused():
    """The kernel finds nothing behind `missing/..`, and what it does not find is not guessed."""
    edit = in_the_place_of(LIBRARIES, link_to(f"/missing/../../..{canary()}"))
    refuse_movable("NVH-0504", "/missing/..", edit=edit)


@test("hostile", cases=[29])
def a_library_directory_behind_a_link_of_procfs_is_not_used():
    """Such a link of the kernel's leads to the host's root, whatever root a path is resolved in."""
    for aim in ("/proc/self/root", "/proc/1/root", "/proc/self/cwd", "/proc/thread-self/root/usr/lib"):
        with naming(aim):
            outcome = run_movable(in_the_place_of(LIBRARIES, link_to(f"{aim}{canary()}")))
            refused = outcome.record["exit"] == 15 and "NVH-0504" in outcome.errors
            check(refused or f"/usr/local/nvidia/lib64/{LIBCUDA}" in attached(outcome), outcome.errors)


@test("hostile", cases=[30])
def lib_as_a_link_to_usr_lib_works():
    firmware = f"firmware/nvidia/{SETUP.version}/gsp_ga10x.bin"
    for target in ("usr/lib", "/usr/lib", "../../usr/lib", "/lib64/../lib"):
        outcome = run_movable(in_the_place_of("/lib", link_to(target)))
        check_equal(check_works(outcome), f"{LIBRARIES}/{LIBCUDA}", f"libcuda with /lib -> {target}")
        check(f"/usr/lib/{firmware}" in attached(outcome), f"firmware with /lib -> {target}")


@test("hostile", cases=[31])
def a_file_in_the_place_of_usr_lib_is_refused_and_named():
    edit = in_the_place_of("/usr/lib", lambda path: path.write_text("of the image"))
    refuse_movable("NVH-0504", LIBRARIES, "`/usr/lib` is not a directory", edit=edit)


@test("hostile", cases=[31])
def a_link_to_a_file_in_the_place_of_a_directory_is_refused_and_named():
    for aim in ("/etc/passwd", "/etc/passwd/below", "../../etc/passwd"):
        edit = in_the_place_of(LIBRARIES, link_to(aim))
        refuse_movable("NVH-0504", f"`{LIBRARIES}` is not a directory", edit=edit)


@test("hostile", cases=[31])
def a_fifo_or_device_in_the_place_of_the_library_directory_is_refused_and_named():
    for make in (os.mkfifo, lambda path: os.mknod(path, 0o20666, os.makedev(1, 5))):
        edit = in_the_place_of(LIBRARIES, make)
        refuse_movable("NVH-0504", f"`{LIBRARIES}` is not a directory", edit=edit)


def loop(path):
    path.symlink_to(path.name)


def loop_of_two(path):
    path.symlink_to("loop-a")
    path.with_name("loop-a").symlink_to(path.name)


def chain_of(number, end=None):
    """As many links, each in the directory of the first."""

    def make(path):
        for i in range(1, number):
            path.with_name(f"link-{i}").symlink_to(f"link-{i + 1}" if i + 1 < number else end or "end")
        path.symlink_to("link-1")

    return make


# (what it is, how it is made, the reason that the line must give)
ENDLESS = [
    ("link to itself", loop, "Too many levels of symbolic links"),
    ("loop of two links", loop_of_two, "Too many levels of symbolic links"),
    ("dangling chain of 41 links", chain_of(41), "Too many levels of symbolic links"),
    ("chain of 41 links to a directory", chain_of(41, "/srv"), "Too many levels of symbolic links"),
    ("link to a name of 4095 bytes", link_to("n" * 4095), "File name too long"),
    ("link to names of 256 bytes", link_to("/".join(["n" * 256] * 15)), "File name too long"),
    ("link of 4095 bytes", link_to("/".join(["n"] * 2048)), "File name too long"),
    ("link to 1000 directories", link_to("/".join(["n"] * 1000)), "Too many levels of symbolic links"),
]


@test("hostile", cases=[32])
def endless_links_and_long_names_are_refused():
    for what, make, reason in ENDLESS:
        for place in (LIBRARIES, "/etc"):
            edit = edits(
                in_the_place_of("/srv", lambda path: path.mkdir()), in_the_place_of(place, make)
            )
            with naming(f"{what} at {place}"):
                refuse_movable("NVH-0504", reason, edit=edit)


@test("hostile", cases=[32])
def a_chain_of_39_links_is_followed_to_where_it_leads():
    """With the link to the library it is as many as the kernel follows."""
    srv = in_the_place_of("/srv", lambda path: path.mkdir())
    outcome = run_movable(srv, in_the_place_of(LIBRARIES, chain_of(39, "/srv")))
    check_equal(check_works(outcome), f"/srv/{LIBCUDA}", "libcuda behind 39 links")


def dev_of_the_engine(config, directory):
    """A /dev that the engine made: runc 1.1.5 itself would follow a link there to the host (CVE-2026-41579)."""
    config["mounts"] = [m for m in config["mounts"] if not m["destination"].startswith("/dev")]
    config["mounts"].append(bind(directory / "dev", "/dev"))
    (directory / "dev").mkdir()
    for name, minor in (("null", 3), ("zero", 5)):
        os.mknod(directory / "dev" / name, 0o20666, os.makedev(1, minor))
        os.chmod(directory / "dev" / name, 0o666)


@test("hostile", cases=[33])
def dev_as_a_link_to_the_host_means_a_directory_inside():
    """The engine's is a volume, in which no node is made."""
    for spelling, aim in aims().items():
        with naming(spelling):
            edit = edits(in_the_place_of("/dev", link_to(aim)), dev_of_the_engine)
            refuse_movable("NVH-0510", "/dev/nvidia", "the volume `/dev`", edit=edit)


@test("hostile", cases=[33])
def dev_that_becomes_a_link_after_the_runtime_made_it_means_a_directory_inside():
    for spelling, aim in aims().items():
        swap = changed_by(f"umount -R -l $1/dev; rmdir $1/dev; ln -s {aim} $1/dev")
        outcome = run_movable(swap)
        check_hook_succeeded(outcome)
        check_equal(attached(outcome).get(f"{canary()}/nvidia2"), "nvidia2", f"{spelling} link")


@test("hostile", cases=[34])
def dev_that_is_missing_is_made():
    """The runtime cannot start a program without /dev/null: what is judged is the hook."""
    gone = changed_by("umount -R -l $1/dev; rmdir $1/dev")
    with bundle(case(image=movable(), edit=gone)) as directory:
        outcome = run_in(directory, image=movable())
        status = (directory / "upper/dev").stat()
    check_hook_succeeded(outcome)
    check_equal(attached(outcome).get("/dev/nvidia2"), "nvidia2", "node of GPU 0")
    check_equal((status.st_mode, status.st_uid), (stat.S_IFDIR | 0o755, 0), "/dev")


# (what /proc is, a command that makes it so, words of the line; none: the hook succeeds)
PROCS = [
    ("absolute link", f"rmdir $1/proc; ln -s {aims()['absolute']} $1/proc", ["no procfs"]),
    ("relative link", f"rmdir $1/proc; ln -s {aims()['relative']} $1/proc", ["no procfs"]),
    (
        "link to a procfs",
        "mkdir $1/real; mount -t proc proc $1/real; rmdir $1/proc; ln -s real $1/proc",
        ["no procfs"],
    ),
    ("empty directory", "true", ["no procfs"]),
    ("tmpfs", "mount -t tmpfs tmpfs $1/proc; mkdir -p $1/proc/driver/nvidia", ["no procfs"]),
    ("directory of the host", f"mount --bind {canary()} $1/proc", ["no procfs"]),
    (
        "part of another procfs",
        "mkdir $1/mnt; mount -t proc proc $1/mnt; mount --bind $1/mnt/1 $1/proc",
        ["/proc/driver/nvidia", "No such file"],
    ),
    ("without the driver", "mount -t proc proc $1/proc", ["/proc/driver/nvidia", "No such file"]),
    (
        "procfs of processes alone",
        "mount -t proc -o subset=pid proc $1/proc",
        ["/proc/driver/nvidia", "No such file"],
    ),
    ("procfs of the host", "mount --rbind /proc $1/proc", []),
]


@test("hostile", cases=[36])
def proc_that_shows_no_driver_is_refused():
    """With the host's own there, only the container's mounts change: harness.host_state tells."""
    for what, command, words in PROCS:
        edit = changed_by(f"umount -R -l $1/proc; {command}")
        with naming(what):
            if words:
                refuse_movable("NVH-0504", *words, edit=edit)
            else:
                check_hook_succeeded(run_movable(edit))


# What the hook could look itself up in is its own procfs, which the container cannot reach, or one of the namespace that it entered.
COVERS = [
    ("a tmpfs over the container's", "mount -t tmpfs tmpfs $1/proc/1/fd"),
    ("a host directory over the container's", f"mount --bind {canary()} $1/proc/1/fd"),
    ("a tmpfs over the namespace's", "mount -t tmpfs tmpfs /proc/self/fd"),
    (
        "links to the host over the namespace's",
        "mount -t tmpfs tmpfs /mnt; mkdir -p /mnt/self/fd /mnt/driver/nvidia; "
        f"for n in $(seq 0 60); do ln -s {canary()} /mnt/self/fd/$n; done; mount --move /mnt /proc",
    ),
]


@test("hostile", cases=[37])
def a_mount_over_the_list_of_descriptors_has_no_effect():
    for what, command in COVERS:
        with naming(what):
            outcome = run_movable(changed_by(command))
            check_hook_succeeded(outcome)
            check_all_below(outcome, LIBRARIES, LIBCUDA)


@test("hostile", cases=[37])
def a_hook_that_fails_takes_its_mounts_back_with_links_to_the_host_over_its_procfs():
    """What is unmounted is named by a link of procfs."""
    late = "rm $1/etc/ld.so.cache; mkdir $1/etc/ld.so.cache; "  # refused after the mounts
    refuse_movable("NVH-0507", "/etc/ld.so.cache", edit=changed_by(late + COVERS[-1][1]))


@test("hostile", cases=[38])
def etc_that_is_missing_is_made():
    gone = in_the_place_of("/etc", lambda path: None)
    with bundle(case(edit=gone)) as directory:
        outcome = run_in(directory)
        made = [(directory / "upper" / name).stat() for name in ("etc", "etc/ld.so.cache")]
    # Without /etc/debian_version it is none of Debian's layouts.
    check_equal(check_works(outcome), f"/usr/lib64/{LIBCUDA}", "libcuda")
    owners_and_modes = [(status.st_uid, status.st_gid, status.st_mode & 0o7777) for status in made]
    check_equal(owners_and_modes, [(0, 0, 0o755), (0, 0, 0o644)], "/etc and the loader cache")


@test("hostile", cases=[39])
def etc_behind_a_link_of_procfs_is_not_used():
    for aim in ("/proc/self/cwd", "../proc/self/cwd", "/proc/1/root/etc", "/proc/1/cwd"):
        with naming(aim):
            outcome = run_movable(in_the_place_of("/etc", link_to(aim)))
            code = outcome.record["exit"]
            check(code == 0 or (code == 15 and "NVH-0504" in outcome.errors), outcome.errors)
            made = [row[0] for row in outcome.changes if "ld.so.cache" in row[0] or "ld-musl" in row[0]]
            check_equal(made, [], "loader files that were made")


@test("hostile", cases=[39])
def etc_as_a_link_to_the_host_means_a_directory_inside():
    for spelling, aim in aims().items():
        with naming(spelling):
            outcome = run_container(case(edit=in_the_place_of("/etc", link_to(aim))))
            check_works(outcome)
            made = [row[0] for row in outcome.changes]
            check(f"{canary()}/ld.so.cache"[1:] in made, f"made: {made}")


@contextlib.contextmanager
def calls_that_fail_meanwhile(which):
    """These openat2 of the hook find that something was renamed or mounted while they walked."""
    require_program("strace")
    failing = f"inject=openat2:error=EAGAIN:when={which}"
    SETUP.wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=openat2", "-e", failing]
    try:
        yield
    finally:
        SETUP.wrapper = []


@test("hostile")
def a_burst_of_renames_and_mounts_on_the_host_is_waited_for():
    with calls_that_fail_meanwhile("1..400"):
        check_works(run_container(case()))


@test("hostile")
def renames_on_the_host_that_never_end_are_not_waited_for_for_ever():
    with calls_that_fail_meanwhile("1+"):
        outcome = run_container(case())
        check(outcome.exit != 0 and outcome.record["exit"] != 0, "the container started")
