# SPDX-License-Identifier: Apache-2.0
"""Root file systems that a user namespace restricts, and that show other owners than the disk has."""

import contextlib
import ctypes
import os
import subprocess
import time
from pathlib import Path

import images
import overlay
from bundle import bind, bundle, run_container, run_in
from expect import LIBRARIES, check_one_line
from harness import SETUP, Skip, check_equal, test, tree_state
from hostile_image import case, check_hook_succeeded, check_refused, check_works, edits
from test_userns import ROOT, complete_procfs, remap, remapped_image

LIBCUDA = f"{LIBRARIES}/libcuda.so.{SETUP.version}"


def flags(words):
    """An `edit`: the root file system with mount flags that no user namespace may take off."""

    def edit(_, directory):
        options = f"remount,bind,{words}"
        subprocess.run(["mount", "-o", options, directory / "rootfs"], check=True)

    return edit


@test("hostile", cases=[55])
def a_user_namespace_on_a_nosuid_and_nodev_root_file_system_works():
    with complete_procfs():
        edit = edits(remap, flags("nosuid,nodev"))
        check_equal(check_works(run_container(case(image=remapped_image(), edit=edit))), LIBCUDA, "libcuda")


@test("hostile", cases=[55])
def a_user_namespace_on_a_noexec_root_file_system_gets_its_nodes():
    """The image's own programs cannot run there: one comes on a volume."""
    tools = SETUP.work / "tools"
    images.compile_program(tools / "inspect", "inspect.c", "-static", "-D_GNU_SOURCE")
    nodes = ["/dev/nvidia2", "/dev/nvidiactl", "/dev/nvidia-uvm"]
    edit = edits(remap, flags("nosuid,nodev,noexec"))
    one = case(image=remapped_image(), edit=edit, mounts=[bind(tools, "/tools")])
    one.args = ["/tools/inspect", "open", *nodes, "/usr/bin/nvidia-smi"]
    with complete_procfs():
        outcome = run_container(one)
    check_hook_succeeded(outcome)
    seen = dict(line.split(maxsplit=1) for line in outcome.output.splitlines())
    expected = dict.fromkeys(nodes, "ENXIO") | {"/usr/bin/nvidia-smi": "EACCES"}
    check_equal(seen, expected, f"opening ({outcome.errors})")


OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
AT_FDCWD, EMPTY_PATH, CLONE, FROM_EMPTY_PATH, IDMAP = -100, 0x1000, 1, 4, 0x100000


def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


@contextlib.contextmanager
def user_namespace():
    """A descriptor of one that maps 0 to ROOT."""
    with subprocess.Popen(["unshare", "--user", "cat"], stdin=subprocess.PIPE) as process:
        try:
            ours = os.readlink("/proc/self/ns/user")
            while os.readlink(f"/proc/{process.pid}/ns/user") == ours:
                time.sleep(0.01)
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{process.pid}/{name}").write_text(f"0 {ROOT} 65536")
            descriptor = os.open(f"/proc/{process.pid}/ns/user", os.O_RDONLY)
            yield descriptor
            os.close(descriptor)
        finally:
            process.stdin.close()


def mount_mapped(source, target):
    """`source` at `target`, where what belongs to 0 belongs to ROOT."""
    tree = call(OPEN_TREE, AT_FDCWD, os.fsencode(source), CLONE | os.O_CLOEXEC)
    try:
        with user_namespace() as namespace:
            attributes = (ctypes.c_uint64 * 4)(IDMAP, 0, 0, namespace)
            call(MOUNT_SETATTR, tree, b"", EMPTY_PATH, attributes, ctypes.sizeof(attributes))
        call(MOVE_MOUNT, tree, b"", AT_FDCWD, os.fsencode(target), FROM_EMPTY_PATH)
    except OSError as error:
        raise Skip(f"no idmapped mount of a tmpfs ({error.strerror}); run Linux 6.3 or later") from error
    finally:
        os.close(tree)


def idmapped(image):
    """An `edit`: that directory, idmapped, in the place of the overlay."""

    def edit(_, directory):
        overlay.unmount(directory)
        mount_mapped(image, directory / "rootfs")

    return edit


def owners_of_new(image, before):
    known = {entry[0] for entry in before}
    return {entry[2:4] for entry in tree_state(image) if entry[0] not in known}


@test("hostile", cases=[56])
def what_is_made_on_an_idmapped_root_file_system_belongs_to_the_containers_root():
    """On the disk that is 0, whom the mount shows as the root of the container's user namespace."""
    image = images.copy_of_base("idmapped")
    before = tree_state(image)
    with complete_procfs():
        outcome = run_container(case(edit=edits(remap, idmapped(image))))
    check_equal(check_works(outcome), LIBCUDA, "libcuda")
    made = owners_of_new(image, before)
    check_equal(made, {(0, 0)}, "owners on the disk")
    cache = os.lstat(image / "etc/ld.so.cache")
    check_equal((cache.st_uid, cache.st_gid, cache.st_mode & 0o777), (0, 0, 0o644), "loader cache")
    names = [name for name in os.listdir(image / "etc") if name.startswith(".ld.so")]
    check_equal(names, [], "temporary files")


@test("hostile", cases=[56])
def a_loader_cache_that_is_missing_on_an_idmapped_root_file_system_is_made():
    image = images.copy_of_base("idmapped")
    (image / "etc/ld.so.cache").unlink()
    with complete_procfs():
        check_works(run_container(case(edit=edits(remap, idmapped(image)))))
    check_equal(os.lstat(image / "etc/ld.so.cache").st_uid, 0, "owner on the disk")


@test("hostile", cases=[56])
def a_loader_cache_of_another_owner_in_a_remapped_container_is_replaced():
    def give_away(_, directory):
        os.chown(directory / "rootfs/etc/ld.so.cache", 4242, 4242)

    with complete_procfs(), bundle(case(image=remapped_image(), edit=edits(remap, give_away))) as directory:
        check_works(run_in(directory, image=remapped_image()))
        cache = os.lstat(directory / "upper/etc/ld.so.cache")
        check_equal((cache.st_uid, cache.st_gid), (ROOT, ROOT), "owner")


@test("hostile", cases=[56])
def a_hook_that_fails_on_an_idmapped_root_file_system_leaves_it_as_it_was():
    image = images.copy_of_base("idmapped")
    (image / "etc/ld.so.cache").unlink()
    (image / "etc/ld.so.cache").mkdir()
    before = [entry[:5] for entry in tree_state(image)]
    with complete_procfs():
        outcome = run_container(case(edit=edits(remap, idmapped(image))))
    check_one_line(outcome.record["stderr"], "NVH-0507", "/etc/ld.so.cache")
    check_equal([entry[:5] for entry in tree_state(image)], before, "the image")


@test("hostile", cases=[56])
def an_idmapped_root_file_system_that_does_not_know_the_containers_root_is_refused():
    image = images.copy_of_base("idmapped")
    before = [entry[:5] for entry in tree_state(image)]
    outcome = run_container(case(edit=idmapped(image)))
    check_one_line(outcome.record["stderr"], "NVH-0504", "Value too large", "idmapped")
    check_equal([entry[:5] for entry in tree_state(image)], before, "the image")


@test("hostile", cases=[56])
def a_remapped_container_on_an_image_of_another_owner_is_refused():
    """Its root may make nothing there, and so nothing is made for it."""
    edit = edits(remap, lambda _, directory: [os.chown(directory / name, 0, 0) for name in ("upper", "rootfs")])
    with complete_procfs():
        check_refused(case(edit=edit), "NVH-0504", "Permission denied", "/usr/")
