# SPDX-License-Identifier: Apache-2.0
"""What must hold after every run of the hook, whatever the image and the faults were.

I1 the host's files are as they were               harness.host_state, around every test
   and so is every volume of the container          record_hook, around the hook
I2 the host's mount table is as it was             harness.host_state, around every test
I3 only files of the driver, nodes of the driver and tmpfs of the hook's own are mounted in the container
I4 if the hook failed, the container's mounts and device rules are as they were (its files: Outcome.changes, compared by the test)
I5 no process is left behind
I6 it ended by itself, within the deadline
I7 on success nothing is said, on failure one line with code and remedy, at most 4 KiB, valid UTF-8
"""

import os
import re
import unicodedata

from harness import SETUP, check, check_equal

MAX_LINE = 4096
ERROR_LINE = re.compile(r"oci-nvidia-hook: NVH-\d{4}: \S.*\. Try: \S.*\.\n")
# What of the host, beside the driver's files, a container may be given.
OF_HOST = re.compile(
    r"/dev/(nvidia[^/]*|nvidia-caps(-imex-channels)?/[^/]+|dri/[^/]+|infiniband/[^/]+|gdrdrv|dxg)"
    r"|/proc/driver/nvidia/(gpus/[0-9a-f:.]+|capabilities(/.+)?)"
    r"|/run/nvidia-(persistenced|fabricmanager)/socket|/tmp/nvidia-mps|/run/udev|/etc/cufile\.json"
)


class Mount:
    """A line of mountinfo."""

    def __init__(self, line):
        left, _, right = line.partition(" - ")
        self.key, _, self.device, self.root, self.target, self.flags = left.split()[:6]
        self.kind = right.split()[0]

    @property
    def lasting(self):
        """What nobody may change of a mount of the runtime's. Its propagation may become that of a slave."""
        return self.device, self.root, self.target, self.flags, self.kind

    def __repr__(self):
        return f"{self.target} from {self.root} of {self.kind} {self.device}"


def is_below(path, top):
    return path == top or path.startswith(top.rstrip("/") + "/")


def paths_of(mount, host):
    """The names that what was mounted has on the host."""
    return {
        one.target.rstrip("/") + mount.root[len(one.root.rstrip("/")) :]
        for one in host
        if one.device == mount.device and is_below(mount.root, one.root)
    }


def is_allowed(mount, host):
    """Whether a mount that the hook made is of one of the kinds that it may make."""
    if mount.kind == "tmpfs" and mount.device not in {one.device for one in host}:
        return True
    tops = [os.path.realpath(top) for top in [SETUP.driver, *SETUP.sources]]
    return any(
        OF_HOST.fullmatch(path) or any(is_below(path, top) for top in tops)
        for path in paths_of(mount, host)
    )


def mounts_of(record, when):
    """Without those of other containers of these tests, which come and go while the hook runs."""
    bundle = record.get("state", {}).get("bundle") or str(SETUP.work)
    found = map(Mount, record[when]["mounts"])
    work = str(SETUP.work)
    return [one for one in found if is_below(one.target, bundle) or not is_below(one.target, work)]


def check_mounts(record):
    """I3; mounts that were there stay, but for their propagation."""
    before, after = ({mount.key: mount for mount in mounts_of(record, when)} for when in ("before", "after"))
    host = [Mount(line) for line in record["host"]]
    for key, old in before.items():
        check(key in after, f"the hook took away {old}")
        check_equal(after[key].lasting, old.lasting, "a mount that the hook did not make")
    made = [mount for key, mount in after.items() if key not in before]
    foreign = [mount for mount in made if not is_allowed(mount, host)]
    check(not foreign, f"mounted from elsewhere than the driver: {[(one, paths_of(one, host)) for one in foreign]}")


def is_control(character):
    """What a terminal acts on, what ends a line or turns its direction, what is not seen, and what is no UTF-8."""
    return unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs")


def check_words(record):
    """I7."""
    output, errors = record["stdout"], record["stderr"]
    if record["exit"] == 0:
        check_equal((output, errors), ("", ""), "what the hook said though it succeeded")
        return
    check(ERROR_LINE.fullmatch(errors), f"not one line with code and remedy: {errors!r}")
    check_equal(output, "", "standard output of the hook")
    check(len(errors.encode(errors="surrogateescape")) <= MAX_LINE, "more than 4 KiB")
    check(not any(map(is_control, errors[:-1])), f"control characters: {errors!r}")


def check_end(record):
    """I5 and I6."""
    check(not record["late"], "the hook did not end by itself")
    check_equal(record["left processes"], [], "processes that the hook left behind")
    check(record["exit"] >= 0, f"the hook was killed by signal {-record['exit']}: {record['stderr']}")


def check_volumes(record):
    """I1 of what the container was given of the host: the hook changes nothing there, whether it is read-only or not."""
    check_equal(record.get("changed volumes", []), [], "volumes of the host that the hook changed")


def check_record(record):
    """I1 of volumes, and I3 to I7, of one run that was recorded by record_hook."""
    check_volumes(record)
    check_end(record)
    check_words(record)
    if record["exit"] == 0:
        check_mounts(record)
    else:
        check_equal(record["after"], record["before"], "the container after a hook that failed")
