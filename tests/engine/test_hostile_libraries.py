# SPDX-License-Identifier: Apache-2.0
"""What the image has among its libraries: files of other drivers, of its own, far too many, oddly named, or bogus.

OCI_NVIDIA_TEST_FILES is the number of files in a directory that is far too full (default 100000).
"""

import collections
import contextlib
import functools
import json
import os
import re
import shutil
import struct
from pathlib import Path

import images
import test_compat
from bundle import bundle, run_container, run_in
from expect import LIBRARIES, check_started
from harness import HERE, SETUP, canary, check, check_equal, require_program, run, test
from hostile_image import (
    aims,
    attached,
    case,
    check_hook_succeeded,
    check_lists_gpu,
    check_refused,
    check_works,
    edits,
    identity,
    in_the_place_of,
    link_to,
    movable,
    naming,
    run_watching,
)

MANY = int(os.environ.get("OCI_NVIDIA_TEST_FILES", "100000"))
LIBCUDA = f"{LIBRARIES}/libcuda.so.{SETUP.version}"
COMPAT = test_compat.DIRECTORY
LOG_LINE = re.compile(r"oci-nvidia-hook\[\d+\] \+\d+us .*")


@contextlib.contextmanager
def traced():
    """The hook runs under strace; gives a function that tells its calls so far: [(name, line)]."""
    require_program("strace")
    trace = SETUP.work / "trace"
    SETUP.wrapper = ["strace", "-f", "-qq", "-s", "256", "-o", str(trace)]
    try:
        yield lambda: [
            (line.split("(")[0].split()[-1], line)
            for line in trace.read_text(errors="replace").splitlines()
            if "(" in line and "+++" not in line
        ]
    finally:
        SETUP.wrapper = []
        trace.unlink(missing_ok=True)


def conf_of(text):
    return in_the_place_of("/etc/ld.so.conf", lambda path: path.write_text(text))


# What the image tells ldconfig, which never runs.
CONFS = [
    ("include loop", conf_of("include /etc/ld.so.conf\n")),
    ("include of a FIFO", edits(conf_of("include /etc/pipe\n"), in_the_place_of("/etc/pipe", os.mkfifo))),
    ("FIFO", in_the_place_of("/etc/ld.so.conf", os.mkfifo)),
    ("glob over procfs", conf_of("include /proc/*/environ /proc/*/task/*/fd/*\n")),
    ("10^6 lines", conf_of("/usr/lib/here\n" * 10**6)),
    ("link to the host", in_the_place_of("/etc/ld.so.conf", link_to(aims()["relative"] + "/secret"))),
    ("ld.so.conf.d on the host", in_the_place_of("/etc/ld.so.conf.d", link_to(aims()["absolute"]))),
]


@test("hostile", cases=[41])
def what_is_told_to_ldconfig_is_not_read():
    for what, edit in CONFS:
        with naming(what), traced() as calls:
            check_equal(check_works(run_container(case(edit=edit))), LIBCUDA, "libcuda")
            check(len(calls()) > 100, "the trace is empty")
            check(any("ld.so.cache" in line for _, line in calls()), "the cache was not looked at")
            read = [line for _, line in calls() if "ld.so.conf" in line]
            check_equal(read, [], "calls that name ld.so.conf")


OTHER = images.OTHER_VERSION


def leftovers(_, directory):
    """What was committed to an image from a container that had another driver, and this one."""
    libraries = directory / "rootfs" / LIBRARIES[1:]
    for name in ("libcuda", "libnvidia-ml"):
        (libraries / f"{name}.so.{OTHER}").touch()
        (libraries / f"{name}.so.1").symlink_to(f"{name}.so.{OTHER}")
    (libraries / f"libcuda.so.{SETUP.version}").touch(0o600)
    (directory / "rootfs/usr/bin/nvidia-smi").touch()


@test("hostile", cases=[42])
def empty_leftovers_of_another_version_are_left_and_of_this_one_mounted_over():
    stay = [f"{LIBRARIES}/{name}.so.{OTHER}" for name in ("libcuda", "libnvidia-ml")]
    outcome = run_watching(case(edit=leftovers), *stay, LIBCUDA, "/usr/bin/nvidia-smi")
    check_equal(check_works(outcome), LIBCUDA, "libcuda")
    check(not set(stay) & set(attached(outcome)), "another version's file was mounted over")


@test("hostile", cases=[43])
def the_images_own_libcuda_is_covered_and_not_changed():
    """Under the name that programs ask for, under the driver's, and with both names for one file."""
    name = f"{LIBRARIES}/libcuda.so.1"
    content = images.driver_library("libcuda").read_bytes() + b"of the image"

    def real(path):
        path.write_bytes(content)
        os.utime(path, (1, 1))

    def both(_, directory):
        libraries = directory / "rootfs" / LIBRARIES[1:]
        (libraries / "libcuda.so.1").hardlink_to(libraries / f"libcuda.so.{SETUP.version}")

    own = in_the_place_of(LIBCUDA, real)
    for what, edit, paths in (
        ("libcuda.so.1", in_the_place_of(name, real), [name]),
        ("the driver's file", own, [LIBCUDA]),
        ("hard links", edits(own, both), [name, LIBCUDA]),
    ):
        with naming(what):
            outcome = run_watching(case(edit=edit), *paths)
            check(check_works(outcome) in (name, LIBCUDA), "libcuda is not the driver's")


def acl():
    """Of a file: its owner, user 1234, its group, the mask, others."""
    entries = [(1, 6, 2**32 - 1), (2, 7, 1234), (4, 4, 2**32 - 1), (16, 7, 2**32 - 1), (32, 4, 2**32 - 1)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def marked(path):
    """With everything that a careless chown, chmod or write would take off."""
    path.write_text("of the image")
    os.chown(path, 1234, 5678)
    path.chmod(0o6751)
    os.setxattr(path, "user.image", b"its own")
    os.setxattr(path, "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 21, 0, 0, 0))
    os.setxattr(path, "system.posix_acl_access", acl())
    os.utime(path, (1, 1))


@test("hostile", cases=[44])
def mode_owner_and_attributes_of_a_target_are_untouched():
    paths = [LIBCUDA, f"{LIBRARIES}/libnvidia-ml.so.1", "/usr/bin/nvidia-smi"]
    edit = edits(*(in_the_place_of(path, marked) for path in paths))
    outcome = run_watching(case(edit=edit), *paths)
    check_equal(check_works(outcome), LIBCUDA, "libcuda")
    check(set(paths) <= set(attached(outcome)), "not all were mounted over")
    flags = {mount[0]: mount[2] for mount in outcome.view.mounts()}
    check("nosuid" in flags["/usr/bin/nvidia-smi"], "a mount without nosuid")


def fill(directory, number, name="libfull-{}.so.1"):
    """One file under so many names."""
    directory.mkdir(parents=True)
    first = directory / name.format(0)
    first.touch()
    for i in range(1, number):
        os.link(first, directory / name.format(i))


@contextlib.contextmanager
def layer_with(number, path):
    """An image with `number` names in a directory."""
    layer = SETUP.work / "full"
    fill(layer / path[1:], number)
    try:
        yield f"{layer}:{SETUP.rootfs}"
    finally:
        shutil.rmtree(layer)


def calls_with(number, path):
    """{system call: how often} of a hook for an image with `number` names in a directory."""
    with layer_with(number, path) as image, traced() as calls:
        outcome = run_container(case(image=image))
        check_equal(check_works(outcome), LIBCUDA, f"libcuda with {number} names")
        # Of memory the C library asks for more or less as the heap happens to begin.
        return collections.Counter(name for name, _ in calls() if name not in ("brk", "mmap", "munmap"))


@test("hostile", cases=[47])
def a_full_library_directory_costs_nothing():
    usual = calls_with(10, LIBRARIES)
    check(usual.total() > 100, f"the trace shows {usual}")
    check_equal(calls_with(MANY, LIBRARIES), usual, "system calls")


ODD = "a\nNVH-0000: forged.\x1b[2J\r\x7f\udcff\udce2\udc80\u202e"  # newline, escape codes, invalid UTF-8, right to left


def compat_at(place):
    """An `edit`: compatibility libraries, in a directory of another name."""

    def edit(config, directory):
        test_compat.Image(drivers=[470]).add_to(config, directory)
        compat = directory / "rootfs" / COMPAT[1:]
        target = directory / "rootfs" / place[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        compat.rename(target)
        compat.symlink_to(place)

    return edit


def check_log_is_clean(text, what):
    """Every line is one of the hook's; nothing in it is a control character or no text at all."""
    lines = text.decode().split("\n")
    check_equal(lines[-1], "", "what follows the last line")
    for line in lines[:-1]:
        check(LOG_LINE.fullmatch(line) and line.isprintable(), f"{what}: {line!r}")


@test("hostile", cases=[48])
def odd_names_are_escaped_in_the_log():
    log = SETUP.work / "hook.log"
    log.unlink(missing_ok=True)
    old_link = in_the_place_of(f"{LIBRARIES}/libcuda.so.1", link_to(ODD))
    outcome = run_container(case(edit=edits(old_link, compat_at(f"/srv/{ODD}"))))
    check_equal(check_works(outcome), LIBCUDA, "libcuda")
    text = log.read_bytes()
    check_log_is_clean(text, "debug log")
    for word in (b"which led to a\\x0aNVH-0000: forged", b"/srv/a\\x0aNVH-0000"):
        check(word in text, f"{word} is not in the log")


@test("hostile", cases=[48])
def odd_names_are_escaped_in_the_error_and_what_is_kept_of_it():
    too_long = in_the_place_of(LIBRARIES, link_to(f"/srv/{ODD}/{'n' * 256}"))
    outcome = check_refused(
        case(edit=too_long, image=movable()), "NVH-0504", "/srv/a\\x0aNVH-0000: forged.\\x1b[2J"
    )
    kept = Path("/run/oci-nvidia-hook/last-failure").read_bytes().decode().splitlines()
    check(all(line.isprintable() for line in kept), f"last-failure: {kept}")
    check(outcome.record["stderr"].split(": ", 1)[1].strip() in "\n".join(kept), f"last-failure: {kept}")


@test("hostile", cases=[48])
def a_plan_with_odd_names_is_valid_json():
    with bundle(case(edit=compat_at(f"/srv/{ODD}"))) as directory:
        state = {"ociVersion": "1.0.2", "id": "oci-nvidia-test", "pid": os.getpid(), "bundle": str(directory)}
        command = [SETUP.hook, f"-config={SETUP.config}", "--dry-run", "createRuntime"]
        done = run(command, input=json.dumps(state))
    check_equal((done.returncode, done.stderr), (0, ""), "dry run")
    check("NVH-0000: forged" in "\n".join(json.loads(done.stdout)["notes"]), "the notes do not name it")
    check(done.stdout.replace("\n", "").isprintable(), "control characters")


def compat_with(*makers):
    """An `edit`: the compatibility libraries of a newer driver, and what `makers` do to their directory."""

    def edit(config, directory):
        compat = directory / "rootfs" / COMPAT[1:]
        compat.mkdir(parents=True)
        (compat.parents[1] / "cuda").symlink_to(compat.parent.name)
        for make in makers:
            make(compat)

    return edit


@functools.cache
def library():
    """A compatibility libcuda that fits."""
    directory = SETUP.work / "compat-library"
    directory.mkdir()
    test_compat.Image(drivers=[535]).add_to(None, directory)
    return (directory / "rootfs" / COMPAT[1:] / f"libcuda.so.{test_compat.NEWER}").read_bytes()


def put(content=None, name=f"libcuda.so.{test_compat.NEWER}"):
    return lambda compat: (compat / name).write_bytes(library() if content is None else content())


def patched(*changes):
    """The library with bytes replaced: (offset or bytes to look for, distance, struct format, value)."""

    def content():
        image = bytearray(library())
        for start, distance, form, value in changes:
            at = image.index(start) if isinstance(start, bytes) else start
            struct.pack_into(form, image, at + distance, value)
        return bytes(image)

    return content


OWNER = b"NVIDIA Corporation\0"  # of the note; its sizes are before it
# (what the compatibility directory holds, how it is made)
COMPATS = [
    ("directories", lambda compat: [(compat / f"lib{i}.so.1").mkdir() for i in ("a", "b", "cuda")]),
    ("a directory as libcuda", lambda compat: (compat / "libcuda.so.999.1").mkdir()),
    ("a FIFO as libcuda", lambda compat: os.mkfifo(compat / "libcuda.so.999.1")),
    ("a device as libcuda", lambda compat: os.mknod(compat / "libcuda.so.999.1", 0o20600, os.makedev(1, 5))),
    ("a link to the host", lambda compat: (compat / "libcuda.so.999.1").symlink_to(canary() / "secret")),
    ("a link to itself", lambda compat: (compat / "libcuda.so.999.1").symlink_to("libcuda.so.999.1")),
    ("empty libcuda", put(bytes)),
    ("two libcuda", lambda compat: [put(name=f"libcuda.so.{v}")(compat) for v in ("550.1", "555.1")]),
    ("half an ELF header", put(lambda: library()[:40])),
    ("sections past the end", put(patched((0x28, 0, "<Q", 0x7FFFFFFFFFFFFFFF)))),
    ("sections at 2^64-1", put(patched((0x28, 0, "<Q", 0xFFFFFFFFFFFFFFFF)))),
    ("65535 sections", put(patched((0x3C, 0, "<H", 0xFFFF)))),
    ("sections of no size", put(patched((0x3A, 0, "<H", 0)))),
    ("names in a section that is not there", put(patched((0x3E, 0, "<H", 0xFFFE)))),
    ("segments past the end", put(patched((0x20, 0, "<Q", 0x7FFFFFFFFFFFFFF0)))),
    ("note owner of 4 GiB", put(patched((OWNER, -12, "<I", 0xFFFFFFFF)))),
    ("note of 4 GiB", put(patched((OWNER, -8, "<I", 0xFFFFFFFF)))),
    ("note of no owner", put(patched((OWNER, -12, "<I", 0)))),
    ("note of nested text", put(patched((b'{"Format"', 0, "40s", b"[" * 40)))),
    ("note of another format", put(patched((b'"Format": 1', 10, "<B", ord("9"))))),
    ("note that is not UTF-8", put(patched((b'"CUDA Version"', 3, "<B", 0xFF)))),
    ("SONAME of another library", put(lambda: library().replace(b"libcuda.so.1\0", b"libc.so.6\0\0\0\0"))),
    ("10 GiB", lambda compat: os.truncate(os.open(compat / "libcuda.so.999.1", os.O_CREAT | os.O_WRONLY), 10 << 30)),
]


@test("hostile", cases=[49])
def a_compat_directory_of_bogus_files_harms_nothing():
    """Which libcuda is loaded is the image's choice; the container works with the one or the other."""
    for what, make in COMPATS:
        with naming(what):
            outcome = run_container(case(edit=compat_with(make)))
            check_hook_succeeded(outcome)
            check_started(outcome)
            check_lists_gpu(outcome)
            reached = [path for path in attached(outcome) if path.startswith(COMPAT)]
            check_equal(reached, [], "mounts in the image's directory")


@test("hostile", cases=[49])
def a_full_compat_directory_costs_no_more_than_it_may_have_names():
    """1024 names are looked at, and a directory with more is left out."""
    few, limit, many = (calls_with(n, "/usr/local/cuda/compat").total() for n in (10, 1100, MANY))
    check(few < limit, f"{few} calls with 10 names and {limit} with 1100: the count shows nothing")
    check_equal(many, limit, f"system calls with {MANY} names")
