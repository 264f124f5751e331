# SPDX-License-Identifier: Apache-2.0
"""Writes the list that floor.c executes, from a plan of the hook and from what the hook left in a
container."""

import os
import stat
import struct
from pathlib import Path

ATTRIBUTES = {"ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8}  # linux/mount.h
CHARACTER, MKNOD = 2, 1  # linux/bpf.h: BPF_DEVCG_DEV_CHAR, BPF_DEVCG_ACC_MKNOD


class Steps:
    """`shown` is the root file system of a container after the hook has run, `image` the same
    before."""

    def __init__(self, plan, driver_root, image, shown, cgroup2=False):
        self.lines, self.blob, self.slots = [], b"", 0
        self.driver_root, self.image, self.shown = str(driver_root), Path(image), Path(shown)
        self.directories = {}  # of the container: path → slot
        self.trees = []  # (slot of a tree, its target)
        self.tmpfs = {}  # target → slot
        self.cgroup2 = cgroup2
        kinds = {}
        for step in plan["steps"]:
            kinds.setdefault(step["op"], []).append(step)
        self._before_entering(kinds)
        self._inside(kinds)

    def text(self):
        return "".join(f"{line}\n" for line in self.lines).encode() + b"\0" + self.blob

    def _before_entering(self, kinds):
        self.host, self.driver = self._slot("open", "/"), self._slot("open", self.driver_root)
        for step in kinds.get("tmpfs", []):
            self._make_tmpfs(step)
        for step in kinds.get("bind", []):
            self._clone(step)
        for step in kinds.get("tree", []):
            self.trees.append((self._slot("tree", step["source"]), step["target"], True))
        self.rules = [step["device"] for step in kinds.get("allowDevice", [])]
        if self.rules:
            self.cgroup = self._slot("cgroup")
            if self.cgroup2:
                offset, length = self._keep(prologue(self.rules))
                self.granted = self._slot("program", self.cgroup, offset, length)
            else:
                self.granted = self._slot("rules", self.cgroup)

    def _inside(self, kinds):
        self._add("enter")
        self.root = self._slot("root")
        pairs = [(tree, self._target(target, directory)) for tree, target, directory in self.trees]
        links = [(self._directory(os.path.dirname(step["link"])), step) for step in kinds.get("symlink", [])]
        for tree, target in pairs:
            self._add("attach", tree, target)
        for directory, step in links:
            if (self.shown / step["link"][1:]).is_symlink():
                self._add("symlink", directory, os.path.basename(step["link"]), step["target"])
        if "loaderCache" in kinds:
            place = self._keep((self.shown / "etc/ld.so.cache").read_bytes())
            self._add("cache", self._directory("/etc"), *place)
        if self.rules and self.cgroup2:
            self._add("replace", self.granted, self.cgroup)
        elif self.rules:
            for rule in self.rules:
                self._add("allow", self.granted, f"{rule} rw")

    def _add(self, name, *fields):
        self.lines.append("\t".join(map(str, (name, *fields))))

    def _slot(self, name, *fields):
        self.slots += 1
        self._add(name, self.slots, *fields)
        return self.slots

    def _keep(self, content):
        offset = len(self.blob)
        self.blob += content
        return offset, len(content)

    def _make_tmpfs(self, step):
        slot = self._slot("tmpfs")
        for name in step["entries"]:
            path = self.shown / step["target"][1:] / name
            if path.is_dir():
                self._add("directory", slot, name)
            else:
                mode = f"{stat.S_IMODE(path.stat().st_mode):o}"
                self._add("write", slot, name, mode, *self._keep(path.read_bytes()))
        self.tmpfs[step["target"]] = slot
        self.trees.append((slot, step["target"], True))

    def _clone(self, step):
        source, attributes = step["source"], sum(ATTRIBUTES[flag] for flag in step["flags"])
        below = source.startswith(f"{self.driver_root}/")
        root = self.driver if below else self.host
        path = source.removeprefix(self.driver_root) if below else source
        tree = self._slot("clone", root, path, attributes)
        self.trees.append((tree, step["target"], step["type"] == "directory"))

    def _target(self, path, is_directory):
        for top, slot in self.tmpfs.items():
            if path.startswith(f"{top}/"):
                return self._slot("find", slot, path.removeprefix(f"{top}/"))
        if path.startswith("/proc/") or os.path.lexists(self._in_image(path)):
            return self._slot("find", self.root, path)
        if is_directory:
            return self._directory(path)
        return self._slot("file", self._directory(os.path.dirname(path)), os.path.basename(path))

    def _in_image(self, path):
        """Returns where the image has `path`; its links lead nowhere else."""
        place = self.image
        for name in path.split("/"):
            place = place / name
            for _ in range(10):
                if not place.is_symlink():
                    break
                link = os.readlink(place)
                place = self.image / link[1:] if link.startswith("/") else place.parent / link
        return place

    def _directory(self, path):
        """Returns the slot of a directory, which is made if the image lacks it."""
        if path not in self.directories:
            if self._in_image(path).is_dir():
                slot = self._slot("find", self.root, path)
            else:
                slot = self._slot("make", self._directory(os.path.dirname(path)), os.path.basename(path))
            self.directories[path] = slot
        return self.directories[path]


def is_library(step):
    return step["op"] in ("bind", "symlink") and ".so" in os.path.basename(step.get("target" if step["op"] == "bind" else "link", ""))


def with_prepared_tree(plan, directory):
    """The plan of a hook that finds the driver's libraries and their links put together in a directory of the host, and shows that
    directory at once."""
    one = {"op": "tree", "source": str(directory), "target": "/usr/lib/nvidia-driver"}
    return plan | {"steps": [step for step in plan["steps"] if not is_library(step)] + [one]}


def libraries_of(plan):
    """{name: file of the host} of what such a directory has mounted."""
    return {os.path.basename(step["target"]): step["source"] for step in plan["steps"] if step["op"] == "bind" and is_library(step)}


def instruction(code, to=0, source=0, jump=0, value=0):
    return struct.pack("=BBhi", code, source << 4 | to, jump, value)


def prologue(rules):
    """Returns instructions that allow reading and writing these character devices (`c MAJOR:MINOR`)
    and leave other devices to the instructions after them."""
    load, copy, mask, shift, unequal, mknod, give, end = 0x61, 0xBF, 0x57, 0x77, 0x55, 0x45, 0xB7, 0x95
    body = b""
    for rule in rules:
        major, minor = rule.removeprefix("c ").split(":")
        body += instruction(unequal, 4, jump=3, value=int(major))
        body += instruction(unequal, 5, jump=2, value=int(minor))
        body += instruction(give, 0, value=1) + instruction(end)
    skip = len(body) // 8
    head = instruction(load, 2, 1) + instruction(copy, 3, 2)
    head += instruction(mask, 2, value=0xFFFF) + instruction(shift, 3, value=16)
    head += instruction(load, 4, 1, jump=4) + instruction(load, 5, 1, jump=8)
    head += instruction(unequal, 2, jump=skip + 1, value=CHARACTER)
    return head + instruction(mknod, 3, jump=skip, value=MKNOD) + body
