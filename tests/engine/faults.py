# SPDX-License-Identifier: Apache-2.0
"""How each system call may plausibly fail, and which of all faults a short run tries."""

import collections
import errno
import functools

from harness import SETUP

# To whoever looks for a name these say that there is nothing to be had, and a driver or image without that file is what they make.
ABSENT = "ENOENT ENOTDIR ELOOP EACCES EPERM".split()
LOOKUPS = "openat2 openat newfstatat statx readlinkat readlink getdents64".split()
# A call that is not named here is swept with DEFAULT.
DEFAULT = "EPERM EINVAL ENOMEM EIO"
PLAUSIBLE = {
    "openat2": "EACCES ENOENT ENOMEM EMFILE ELOOP ESTALE EIO EAGAIN ENOSYS EPERM",
    "openat": "EACCES ENOENT ENOMEM EMFILE ENFILE EIO",
    "open_tree": "EPERM EINVAL ENOMEM EMFILE ENOSYS",
    "move_mount": "EPERM EINVAL ENOMEM ENOSPC ELOOP ENOSYS",
    "mount_setattr": "EPERM EINVAL ENOMEM ENOSYS",
    "fsopen": "EPERM ENODEV ENOMEM EMFILE ENOSYS",
    "fsconfig": "EPERM EINVAL ENOMEM",
    "fsmount": "EPERM EINVAL ENOMEM EMFILE",
    "mount": "EPERM EINVAL ENOMEM ENOSPC",
    "umount2": "EINVAL EBUSY ENOMEM",
    "setns": "EPERM EINVAL ENOMEM ESRCH",
    "pidfd_open": "ESRCH EMFILE ENOMEM ENOSYS EPERM",
    "read": "EIO EINTR ENOMEM ESTALE",
    "pread64": "EIO EINTR ENOMEM",
    "write": "ENOSPC EDQUOT EIO EINTR",
    "pwrite64": "ENOSPC EDQUOT EIO EINTR",
    "close": "EIO EINTR",
    "close_range": "ENOMEM ENOSYS EPERM",
    "getdents64": "EIO ENOENT ENOMEM",
    "newfstatat": "EACCES ENOENT ENOMEM EIO ESTALE",
    "fstat": "ENOMEM EIO ESTALE",
    "statx": "EACCES ENOENT ENOMEM EIO ENOSYS EPERM",
    "fstatfs": "EIO ENOMEM ENOSYS",
    "readlinkat": "EACCES ENOENT ENOMEM EIO EINVAL",
    "readlink": "EACCES ENOENT ENOMEM",
    "fcntl": "EMFILE EBADF EINVAL",
    "mkdirat": "EACCES EEXIST ENOSPC EDQUOT EROFS ENOMEM EIO EPERM",
    "symlinkat": "EACCES EEXIST ENOSPC EDQUOT EROFS ENOMEM EIO EPERM",
    "linkat": "EACCES EEXIST ENOSPC EDQUOT EXDEV EMLINK EPERM EIO",
    "renameat2": "EACCES ENOSPC EDQUOT EROFS ENOMEM EIO EPERM EINVAL",
    "unlinkat": "EACCES EROFS EIO EPERM",
    "fchmod": "EPERM EROFS EIO",
    "fchown": "EPERM EROFS EIO EDQUOT",
    "fchownat": "EPERM EROFS EIO EDQUOT",
    "poll": "EINTR ENOMEM",
    "bpf": "EPERM EINVAL ENOMEM ENOSPC EBADF EACCES EFAULT",
    "brk": "ENOMEM",
    "mmap": "ENOMEM",
    "munmap": "ENOMEM",
    "mprotect": "ENOMEM EACCES",
    "prctl": "EPERM EINVAL",
    "prlimit64": "EPERM",
    "getrandom": "EAGAIN ENOSYS EINTR",
    "futex": "EAGAIN ENOSYS",
    "chdir": "EACCES ENOENT EIO",
    "pipe2": "EMFILE ENFILE",
    "clone": "EAGAIN ENOMEM",
    "wait4": "ECHILD EINTR",
    "kill": "EPERM ESRCH",
    "setfsuid": "",
    "setfsgid": "",
    # They cannot fail.
    "getpid": "",
    "getuid": "",
    "geteuid": "",
    "umask": "",
    "exit_group": "",
    # The C library's first words with the kernel, before main.
    "arch_prctl": "",
    "set_tid_address": "",
    "set_robust_list": "",
    "rseq": "ENOSYS EINVAL",
}


# Those that a sanitizer makes for itself, too. It hangs or dies of their failure, or tells of it.
OF_SANITIZER = "mmap munmap mprotect madvise brk futex pipe2 write readlink".split()


@functools.cache
def is_sanitized():
    return b"__asan_init" in SETUP.hook.read_bytes()


def errors_of(call):
    if is_sanitized() and call.name in OF_SANITIZER:
        return []
    return PLAUSIBLE.get(call.name, DEFAULT).split()


def all_faults(calls):
    """[(call, name of the error)]: everything."""
    return [(call, error) for call in calls for error in errors_of(call)]


def short_selection(calls, step):
    """Of each call the first, the middle and the last with every error, and every `step`th with one error, in turn."""
    places = collections.defaultdict(list)
    for call in calls:
        places[call.name].append(call)
    chosen = {}
    for same in places.values():
        for call in (same[0], same[len(same) // 2], same[-1]):
            chosen |= dict.fromkeys((call, error) for error in errors_of(call))
    for at, call in enumerate(calls):
        errors = errors_of(call)
        if errors and at % step == 0:
            chosen[call, errors[at // step % len(errors)]] = None
    return list(chosen)


def hides_a_name(call, error):
    if call.name == "readlinkat" and error == "EINVAL":  # what is there is no link
        return True
    return call.name in LOOKUPS and error in ABSENT


def number_of(error):
    return getattr(errno, error)
