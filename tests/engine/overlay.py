# SPDX-License-Identifier: Apache-2.0
"""A root file system on an overlay, so that a container's changes can be seen and thrown away."""

import ctypes
import filecmp
import os
import stat

MNT_DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


def check(result, path):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


def mount(lower, directory):
    """Mounts an overlay over `lower` at directory/rootfs."""
    for name in ("upper", "work", "rootfs"):
        os.mkdir(directory / name)
    options = f"lowerdir={lower},upperdir={directory}/upper,workdir={directory}/work"
    target = os.fsencode(directory / "rootfs")
    check(libc.mount(b"overlay", target, b"overlay", 0, os.fsencode(options)), target)


def unmount(directory):
    target = os.fsencode(directory / "rootfs")
    check(libc.umount2(target, MNT_DETACH), target)


def changes(upper, lower):
    """What the container has and `lower` has not. Directories and files that the overlay copied up unchanged do not count."""
    found = []
    for directory, names, files in os.walk(upper):
        for name in names + files:
            path = os.path.join(directory, name)
            name_below = os.path.relpath(path, upper)
            if not same(path, os.path.join(lower, name_below)):
                status = os.lstat(path)
                link = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
                found.append([name_below, oct(status.st_mode), status.st_uid, status.st_gid, link])
    return sorted(found)


def same(path, other):
    if not os.path.lexists(other):
        return False
    a, b = os.lstat(path), os.lstat(other)
    if (a.st_mode, a.st_uid, a.st_gid, a.st_rdev) != (b.st_mode, b.st_uid, b.st_gid, b.st_rdev):
        return False
    if stat.S_ISLNK(a.st_mode):
        return os.readlink(path) == os.readlink(other)
    return not stat.S_ISREG(a.st_mode) or filecmp.cmp(path, other, shallow=False)
