# SPDX-License-Identifier: Apache-2.0
"""Files of the image where the driver's files, nodes and links go, and the loader's own files."""

import os
import socket
import struct

import images
from bundle import bind, bundle, run_container, run_in
from expect import LIBRARIES
from harness import SETUP, canary, check, check_equal, test
from hostile_image import (
    aims,
    attached,
    case,
    check_lists_gpu,
    check_refused,
    check_works,
    edits,
    identity,
    in_the_place_of,
    link_to,
    naming,
    run_watching,
    without_mount,
)

NODE = "/dev/nvidia2"  # of GPU 0
CACHE = "/etc/ld.so.cache"
LIBCUDA = f"{LIBRARIES}/libcuda.so.{SETUP.version}"


def sock(path):
    with socket.socket(socket.AF_UNIX) as server:
        # A path of at most 107 bytes: by the descriptor of its directory.
        directory = os.open(path.parent, os.O_PATH)
        server.bind(f"/proc/self/fd/{directory}/{path.name}")
        os.close(directory)


def device(major, minor):
    return lambda path: os.mknod(path, 0o20600, os.makedev(major, minor))


# What the image has in the place of a device node, and how it is made; all are mounted over.
IN_THE_PLACE_OF_A_NODE = [
    ("regular file", lambda path: path.write_text("of the image")),
    ("FIFO", os.mkfifo),
    ("socket", sock),
    ("node of the same number", device(195, 2)),
    ("node of another GPU", device(195, 3)),
    ("node of another device", device(1, 3)),
]


@test("hostile", cases=[35])
def whatever_has_the_name_of_a_node_is_mounted_over():
    for what, make in IN_THE_PLACE_OF_A_NODE:
        with naming(what):
            edit = edits(without_mount("/dev"), in_the_place_of(NODE, make))
            check_works(run_watching(case(edit=edit), NODE, "/etc/passwd"))


@test("hostile", cases=[35])
def a_link_in_the_place_of_a_node_is_followed_inside_and_what_it_leads_to_mounted_over():
    for aim, place in (
        ("elsewhere", "/dev/elsewhere"),
        ("/etc/passwd", "/etc/passwd"),
        (aims()["absolute"] + "/secret", f"{canary()}/secret"),
        (aims()["relative"] + "/below/new", f"{canary()}/below/new"),
    ):
        with naming(aim):
            edit = edits(without_mount("/dev"), in_the_place_of(NODE, link_to(aim)))
            outcome = run_watching(case(edit=edit), NODE, "/etc/passwd")
            check_lists_gpu(outcome)
            check_equal(attached(outcome).get(place), "nvidia2", "where the node is")
            check_equal(outcome.view.opened()[NODE], "ENXIO", "opening the node")


@test("hostile", cases=[35])
def a_directory_or_a_link_that_leads_nowhere_in_the_place_of_a_node_is_refused():
    for what, make, words in (
        ("directory", lambda path: path.mkdir(), [NODE, "Is a directory"]),
        ("link to a directory", link_to("/etc"), [NODE, "Is a directory"]),
        ("link to itself", link_to(NODE), [NODE, "Too many levels"]),
        ("link to a descriptor", link_to("/proc/1/fd/0"), ["in the container"]),
    ):
        with naming(what):
            edit = edits(without_mount("/dev"), in_the_place_of(NODE, make))
            check_refused(case(edit=edit), "NVH-0504", *words)


@test("hostile", cases=[35])
def a_node_that_config_json_mounts_is_mounted_over():
    for source in (NODE, "/dev/nvidia3", "/dev/null"):
        with naming(source):
            check_works(run_container(case(mounts=[bind(source, NODE)])))


def immutable(path):
    """The test is for file systems that know the flag; tmpfs does since Linux 6.6."""
    path.write_text("of the image")
    images.succeed(["chattr", "+i", path])


def hard_link(path):
    path.hardlink_to(path.with_name("passwd"))


def sparse(path):
    with path.open("wb") as file:
        file.truncate(10 << 30)


# What is at /etc/ld.so.cache, and how it is made; it is replaced, never opened for writing.
REPLACED = [
    ("link to the host", link_to(aims()["absolute"] + "/secret")),
    ("relative link to the host", link_to(aims()["relative"] + "/secret")),
    ("dangling link to the host", link_to(aims()["absolute"] + "/below/new")),
    ("link to itself", link_to("ld.so.cache")),
    ("FIFO", os.mkfifo),
    ("socket", sock),
    ("null", device(1, 3)),
    ("node of a GPU", device(195, 2)),
    ("block device", lambda path: os.mknod(path, 0o60600, os.makedev(7, 0))),
    ("hard link to a file of the image", hard_link),
    ("10 GiB sparse file", sparse),
]


def check_cache_made(outcome, kept):
    """By the loader's own ldconfig; `kept`: what the image had is still in it."""
    check_equal(check_works(outcome), LIBCUDA, "libcuda")
    check_equal("libc.so.6" in outcome.view.loader(), kept, "libc in the loader cache")


@test("hostile", cases=[40])
def a_loader_cache_that_is_no_file_of_its_own_is_replaced_and_not_written_through():
    for what, make in REPLACED:
        with naming(what), bundle(case(edit=in_the_place_of(CACHE, make))) as directory:
            before = identity(directory / "rootfs/etc/passwd")
            outcome = run_in(directory)
            cache = directory / "rootfs/etc/ld.so.cache"
            check(cache.is_file() and not cache.is_symlink(), "it is no regular file")
            check_equal(identity(directory / "rootfs/etc/passwd"), before, "/etc/passwd")
            check_equal(cache.stat().st_nlink, 1, "names of the new cache")
            check_equal(leftovers(directory), [], "temporary files")
            check_cache_made(outcome, kept=False)


@test("hostile", cases=[40])
def a_loader_cache_that_is_a_link_keeps_the_entries_of_what_it_leads_to():
    def move(_, directory):
        cache = directory / "rootfs/etc/ld.so.cache"
        moved = directory / "rootfs/var/cache/moved.cache"
        moved.parent.mkdir(parents=True, exist_ok=True)
        moved.write_bytes(cache.read_bytes())
        cache.unlink()
        cache.symlink_to("/var/cache/moved.cache")

    with bundle(case(edit=move)) as directory:
        before = identity(directory / "rootfs/var/cache/moved.cache")
        outcome = run_in(directory)
        check(not (directory / "rootfs/etc/ld.so.cache").is_symlink(), "the link is still there")
        check_equal(identity(directory / "rootfs/var/cache/moved.cache"), before, "what the link leads to")
        check_cache_made(outcome, kept=True)


def leftovers(directory):
    return [str(path) for path in (directory / "rootfs/etc").glob(".ld.so.cache*")]


def header(magic, count, rest=b"", size=4096):
    return (magic + struct.pack("<I", count) + rest).ljust(size, b"\0")


NEW = b"glibc-ld.so.cache1.1"


def entry(flags, name, path):
    return struct.pack("<iIIIQ", flags, name, path, 0, 0)


# Content of a cache that is none.
CORRUPT = [
    ("0 bytes", b""),
    ("one byte", b"g"),
    ("no cache", b"of the image"),
    ("the magic alone", NEW),
    ("2^32-1 entries", header(NEW, 0xFFFFFFFF)),
    ("2^31 entries", header(NEW, 0x80000000)),
    ("more entries than bytes", header(NEW, 200)),
    ("offsets past the end", header(NEW, 1, bytes(24) + entry(0x303, 0x7FFFFFFF, 0xFFFFFFF0))),
    ("a string without end", header(NEW, 1, bytes(24) + entry(0x303, 72, 72) + b"x" * 9, size=81)),
    ("another byte order", header(NEW, 0x01000000, struct.pack(">I", 4) + b"\3")),
    ("the flag of another byte order", header(NEW, 0, struct.pack("<I", 4) + b"\3")),
    ("extensions past the end", header(NEW, 0, struct.pack("<IIIIII", 0, 2, 0xFFFFFFF0, 0, 0, 0))),
    ("libc5's, 2^32-1 entries", header(b"ld.so-1.7.0\0", 0xFFFFFFFF)),
    ("libc5's, offsets past the end", header(b"ld.so-1.7.0\0", 1, struct.pack("<iII", 3, 0x7FFFFFFF, 0xFFFFFFFF))),
    ("libc5's, empty", header(b"ld.so-1.7.0\0", 0)),
    ("16 MiB of zeros", bytes(16 << 20)),
]


@test("hostile", cases=[40], cves=["libnvidia-container-cache-offsets"])
def a_loader_cache_that_is_corrupt_is_made_anew():
    for what, content in CORRUPT:
        with naming(what):
            make = in_the_place_of(CACHE, lambda path: path.write_bytes(content))
            check_cache_made(run_container(case(edit=make)), kept=False)


@test("hostile", cases=[40])
def a_loader_cache_of_libc5_with_one_of_glibc_in_it_is_kept():
    def combine(_, directory):
        path = directory / "rootfs/etc/ld.so.cache"
        path.write_bytes(header(b"ld.so-1.7.0\0", 0, size=16) + path.read_bytes())

    check_cache_made(run_container(case(edit=combine)), kept=True)


@test("hostile", cases=[40])
def a_loader_cache_that_cannot_be_replaced_is_refused():
    for what, edit in (
        ("directory", in_the_place_of(CACHE, lambda path: path.mkdir())),
        ("full directory", in_the_place_of(CACHE, lambda path: (path / "below").mkdir(parents=True))),
        ("immutable", in_the_place_of(CACHE, immutable)),
    ):
        with naming(what):
            check_refused(case(edit=edit), "NVH-0507", CACHE)
