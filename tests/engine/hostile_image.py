# SPDX-License-Identifier: Apache-2.0
"""Images that are made to do harm, and what must have become of their containers."""

import contextlib
import dataclasses
import functools
import os
import shutil
from pathlib import Path

import images
import observe
import overlay
from bundle import Case, bundle, run_container, run_in
from expect import check_gpus, check_one_line, check_started
from harness import SETUP, UUID, canary, check, check_equal

UNREAD = ("section links", "section params", "section foreign")
SCRIPT = "\n".join(
    line for line in observe.SCRIPT.splitlines() if not line.startswith(UNREAD)
)
CLASS_OF = {"NVH-05": 15}  # exit codes of the classes of errors that an image can cause


def case(**options):
    """A container that asks for GPU 0 and tells of no more than these tests look at."""
    return Case("0", command=SCRIPT, **options)


@functools.cache
def movable():
    """Debian's layout, but the C library is in /usr/lib64: /usr/lib and what is below it may be anything."""
    root = images.copy_of_base("movable")
    images.move_libraries(root, "usr/lib64")
    (root / "etc/ld.so.conf").write_text("/usr/lib64\n")
    images.succeed(["/sbin/ldconfig", "-r", root])
    return root


@contextlib.contextmanager
def naming(row):
    """A failure names the row of the table."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{row}: {error}") from error


def aims(target=None):
    """The two spellings of a link that leads to a directory of the host."""
    path = str(target or canary())
    return {"absolute": path, "relative": "../" * 20 + path[1:]}


def remove(path):
    """Whatever has that name."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def in_the_place_of(path, make):
    """An `edit` of a bundle: `make(path)` instead of what the image has at `path`."""

    def edit(_, directory):
        full = directory / "rootfs" / path.lstrip("/")
        remove(full)
        full.parent.mkdir(parents=True, exist_ok=True)
        make(full)

    return edit


def link_to(target):
    return lambda path: path.symlink_to(target)


def edits(*several):
    def edit(config, directory):
        for one in several:
            one(config, directory)

    return edit


def without_mount(destination):
    """An `edit`: the engine mounts nothing there, nor below."""

    def edit(config, _):
        config["mounts"] = [
            mount
            for mount in config["mounts"]
            if not f"{mount['destination']}/".startswith(f"{destination}/")
        ]

    return edit


def changed_by(script):
    """An `edit`: a shell script in the container's mount namespace, before the hook and after the runtime. $1 is the root file system.

    It stands for whatever made the container so: another hook, a runtime that mounts otherwise, or a tenant who is faster.
    """

    def edit(config, directory):
        command = f'exec nsenter --mount="/proc/$(grep -o "\\"pid\\": *[0-9]*" | grep -o "[0-9]*")/ns/mnt" sh -ec \'{script}\' sh "$0"'
        entry = {"path": "/bin/sh", "args": ["sh", "-c", command, str(directory / "rootfs")]}
        entry["env"] = config["hooks"]["prestart"][0]["env"]
        config["hooks"]["prestart"].append(entry)

    return edit


def attached(outcome):
    """{where the hook mounted something, as the container names it: the name of what}."""
    top = f"{outcome.directory}/rootfs"
    before = {line.split()[0] for line in outcome.record["before"]["mounts"]}
    rows = [line.split() for line in outcome.record["after"]["mounts"]]
    found = {row[4]: os.path.basename(row[3]) for row in rows if row[0] not in before}
    check(found and all(t.startswith(f"{top}/") for t in found), f"mounted elsewhere: {found}")
    return {target.removeprefix(top): source for target, source in found.items()}


def check_hook_succeeded(outcome):
    check(outcome.record is not None, f"the hook did not run: {outcome.errors.strip()}")
    check_equal(outcome.record["exit"], 0, f"exit code ({outcome.record['stderr'].strip()})")


def check_works(outcome, index=0):
    """The GPU is listed from inside, its nodes are there, the loader takes libcuda; the file that it took."""
    check_hook_succeeded(outcome)
    check_started(outcome)
    check_gpus(outcome.view, [index])
    loaded = outcome.view.loaded()["libcuda.so.1"]
    check(loaded in attached(outcome), f"libcuda.so.1 is {loaded}, which the hook did not mount")
    return loaded


def check_lists_gpu(outcome, index=0):
    """The same of a container that ran no more than `nvidia-smi -L`."""
    check_hook_succeeded(outcome)
    check(f"UUID: {UUID}{index}" in outcome.output, f"nvidia-smi: {outcome.output}{outcome.errors}")


def keep_layer(config, directory):
    """An `edit`: the writable layer as it is before the hook is copied to directory/before."""
    command = ["cp", "-a", str(directory / "upper"), str(directory / "before")]
    env = config["hooks"]["prestart"][0]["env"]
    config["hooks"]["prestart"].append({"path": "/bin/cp", "args": command, "env": env})


def check_refused(one, code, *words):
    """One line with these words, and nothing done: the writable layer is as before the hook."""
    image = one.image or SETUP.rootfs
    kept = dataclasses.replace(one, edit=edits(*filter(None, [one.edit]), keep_layer))
    with bundle(kept) as directory:
        outcome = run_in(directory, image=image)
        check(outcome.record is not None, f"the hook did not run: {outcome.errors.strip()}")
        before = overlay.changes(directory / "before", image)
    told = outcome.record["stderr"]
    check(outcome.exit != 0, "the container started")
    check_equal(outcome.record["exit"], CLASS_OF[code[:6]], f"exit code ({told.strip()})")
    check_one_line(told, code, *words)
    check_equal(outcome.changes, before, "the writable layer changed")
    return outcome


def identity(path):
    """What an observer could see changed of a file, whatever it is. A pending mount is not on the host."""
    status = os.lstat(path)
    regular = not os.path.islink(path) and os.path.isfile(path)
    return {
        "mode": oct(status.st_mode),
        "owner": (status.st_uid, status.st_gid),
        "device": status.st_rdev,
        "mtime": status.st_mtime_ns,
        "content": Path(path).read_bytes() if regular and status.st_size < 1 << 24 else status.st_size,
        "link": os.readlink(path) if os.path.islink(path) else "",
        "xattrs": {n: os.getxattr(path, n, follow_symlinks=False) for n in os.listxattr(path, follow_symlinks=False)},
    }


def run_watching(one, *paths):
    """The outcome, after what is said of these files of the image was compared."""
    with bundle(one) as directory:
        files = [directory / "rootfs" / path.lstrip("/") for path in paths]
        before = [identity(file) for file in files]
        outcome = run_in(directory, image=one.image)
        check_equal([identity(file) for file in files], before, f"{paths} in the image")
    return outcome
