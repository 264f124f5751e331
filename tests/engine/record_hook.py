#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands between the OCI runtime and the hook under test, and writes down what the hook did.

record_hook.py RECORD HOOK [ARGUMENT...]

It runs for each of thousands of containers, so it imports no more than it needs: to start Python takes
longer than the hook.
"""

import contextlib
import ctypes
import json
import os
import signal
import stat
import subprocess
import sys

from device_rules import lines_of, rules_of

PR_SET_CHILD_SUBREAPER = 36
DEADLINE = 60  # seconds; the hook's own longest wait is 10


def file_state(path):
    """What shows that somebody changed an inode: nobody can set the time of its last change."""
    status = os.lstat(path)
    link = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
    return (path, status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_ctime_ns, link)


def tree_of(top, limit=20000):
    """All below `top` on its file system."""
    state = [file_state(top)]
    if not os.path.isdir(top):
        return state
    device = os.lstat(top).st_dev
    for directory, names, files in os.walk(top):
        names[:] = [name for name in names if os.lstat(os.path.join(directory, name)).st_dev == device]
        state += [file_state(os.path.join(directory, name)) for name in names + files]
        if len(state) > limit:
            break
    return sorted(state)


def is_safe_to_read(path):
    """Not a file system in user space, whose server may not answer."""
    over = [line.split() for line in lines_of("/proc/self/mountinfo")]
    over = [words for words in over if words[4] == "/" or f"{path}/".startswith(words[4] + "/")]
    kind = over[-1][over[-1].index("-") + 1] if over else ""
    return not kind.startswith("fuse")


def volumes_of(bundle):
    """The state of every volume of the container on the host, but for what is too large to look at."""
    found = {}
    try:
        with open(f"{bundle}/config.json") as file:
            config = json.load(file)
    except (OSError, TypeError, ValueError):
        return found  # the hook is to say what is wrong with it
    for mount in config.get("mounts", []):
        source = mount.get("source", "")
        is_bind = mount.get("type") == "bind" or {"bind", "rbind"} & set(mount.get("options", []))
        if not is_bind or not source.startswith("/") or source in ("/", "/dev", "/proc", "/sys"):
            continue
        with contextlib.suppress(OSError):  # one that is not there, or that fails on purpose
            if is_safe_to_read(source):
                found[source] = tree_of(source)
    return found


def container_state(pid):
    """The container as the kernel describes it."""
    return {"mounts": lines_of(f"/proc/{pid}/mountinfo"), "devices": rules_of(pid)}


def still_mounted(lines):
    """Those lines of the mount table whose mounts are still there: the number of a file system that is gone may be another's by now."""
    there = {tuple(line.split()[:3]) for line in lines_of("/proc/self/mountinfo")}
    return [line for line in lines if tuple(line.split()[:3]) in there]


def changes(before, after):
    """Lines about what is not as it was."""
    lines = []
    for source, old in before.items():
        was, now = set(old), set(after.get(source, []))
        lines += [f"{source}: {row} is gone or changed" for row in sorted(was - now)]
        lines += [f"{source}: {row} is new" for row in sorted(now - was)]
    return lines


def children():
    """The processes that the hook left to us: we are the reaper of what it orphaned."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        pids = file.read().split()
    return ["\n".join(lines_of(f"/proc/{pid}/comm")) for pid in pids]


def run_hook(command, text, deadline=DEADLINE, stdin=subprocess.PIPE, **more):
    """Bytes that are no UTF-8 stay visible as surrogates. With a `stdin` of its own the hook gets no `text`."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    options = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    options |= {"text": True, "errors": "surrogateescape"} | more
    late = False
    with subprocess.Popen(command, **options) as child:
        try:
            output, errors = child.communicate(text, timeout=deadline)
        except subprocess.TimeoutExpired:
            late = True
            child.send_signal(signal.SIGKILL)
            output, errors = child.communicate()
    return {
        "exit": child.returncode,
        "stdout": output,
        "stderr": errors,
        "late": late,
        "left processes": children(),
    }


def main():
    record_file, command = sys.argv[1], sys.argv[2:]
    text = sys.stdin.read()
    pid = json.loads(text)["pid"]
    host = lines_of("/proc/self/mountinfo")
    bundle = json.loads(text).get("bundle")
    record = {"state": json.loads(text), "host": host, "before": container_state(pid)}
    volumes = volumes_of(bundle) if bundle else {}
    record.update(run_hook(command, text))
    record["after"] = container_state(pid)
    record["host"] = still_mounted(record["host"])
    record["changed volumes"] = changes(volumes, volumes_of(bundle) if bundle else {})
    with open(record_file, "w") as file:
        json.dump(record, file)
    sys.stderr.write(record["stderr"].encode(errors="replace").decode())
    sys.exit(record["exit"] if record["exit"] >= 0 else 128 - record["exit"])


if __name__ == "__main__":
    main()
