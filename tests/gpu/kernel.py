# SPDX-License-Identifier: Apache-2.0
"""System calls that Python's library does not have: namespaces, mounts, inotify."""

import ctypes
import os
import struct

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
IN_OPEN, IN_NONBLOCK = 0x20, 0o4000

libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def unshare(flags):
    checked(libc.unshare(flags), "unshare")


def mount(source, target, kind=None, flags=0, options=None):
    words = [
        None if word is None else os.fsencode(str(word))
        for word in (source, target, kind, options)
    ]
    result = libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3])
    checked(result, f"mount {kind or source} on {target}")


def bind(source, target):
    mount(source, target, None, MS_BIND | MS_REC)


def unmount(target):
    detach = 2
    checked(libc.umount2(os.fsencode(str(target)), detach), f"unmount {target}")


def private_mounts():
    """Enters a private mount namespace, if necessary in a user namespace. Returns whether that
    worked."""
    try:
        unshare(CLONE_NEWNS)
        rootless = False
    except OSError:
        user, group = os.geteuid(), os.getegid()
        unshare(CLONE_NEWUSER | CLONE_NEWNS)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"0 {user} 1"),
            ("gid_map", f"0 {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
        rootless = True
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    return rootless


class OpenWatch:
    """Watches which of these files are opened, by any process, while it exists."""

    def __init__(self, paths):
        self.fd = checked(libc.inotify_init1(IN_NONBLOCK), "inotify_init1")
        self.paths = {}
        for path in paths:
            number = libc.inotify_add_watch(self.fd, os.fsencode(str(path)), IN_OPEN)
            self.paths[checked(number, f"watch {path}")] = str(path)

    def opened(self):
        """Returns the names of files that were opened since the last call, sorted."""
        header = struct.Struct("iIII")
        found = set()
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return sorted(found)
            while data:
                number, _, _, length = header.unpack_from(data)
                found.add(self.paths[number])
                data = data[header.size + length :]

    def close(self):
        os.close(self.fd)


def watch_tells_opens():
    """Returns None, or why an OpenWatch proves nothing here: it must report an open, but not one
    with O_PATH."""
    try:
        watch = OpenWatch(["/dev/null"])
    except OSError as error:
        return str(error)
    try:
        os.close(os.open("/dev/null", os.O_PATH))
        if watch.opened():
            return "this kernel reports opens with O_PATH, which open no device"
        os.close(os.open("/dev/null", os.O_RDONLY))
        return None if watch.opened() else "inotify did not report an open"
    finally:
        watch.close()
