# SPDX-License-Identifier: Apache-2.0
"""What a container sees, told by itself: by as few processes as can be, for thousands of containers tell it."""

import os
import re

SCRIPT = r"""
section() { echo "== $1"; }
nodes() { for path in "$@"; do if [ -c "$path" ]; then echo "$path"; fi; done; }
driver=$(nodes /dev/nvidia* /dev/nvidia-caps/*)
section mounts; cat /proc/self/mountinfo
section nodes; [ -z "$driver" ] || stat -c '%n %t:%T' $driver
section open; inspect open $driver /dev/null
section foreign; foreign=$(nodes /foreign/*); [ -z "$foreign" ] || inspect open $foreign
section loader; /sbin/ldconfig -p
section load; inspect load libcuda.so.1 cuInit; inspect load libnvidia-ml.so.1 nvmlInit_v2
section links; find /usr/lib /usr/lib64 -type l \( -name 'lib*nv*' -o -name 'libcuda*' -o -name 'lib*GL*' \) -exec stat -c %N {} +
section smi; nvidia-smi -L
section gpus; ls /proc/driver/nvidia/gpus
section params; cat /proc/driver/nvidia/params
section end
"""

FILES = r"""
section tree; find / -xdev -exec stat -c '%n %F %a %u:%g %s' {} + | grep -v '^/ \|^/proc \|^/sys \|^/dev ' | sort
section dev; find /dev -xdev -exec stat -c '%n %F %a %u:%g %t:%T' {} + | sort
section end
"""
WITH_FILES = SCRIPT.replace("\nsection end\n", FILES)  # takes half as long again as starting the container


class View:
    """The sections of what SCRIPT printed."""

    def __init__(self, output):
        self.sections = {}
        lines = []
        for line in output.splitlines():
            if line.startswith("== "):
                lines = self.sections.setdefault(line[3:], [])
            else:
                lines.append(line)

    @property
    def complete(self):
        return "end" in self.sections

    def __getitem__(self, name):
        return self.sections.get(name, [])

    def nodes(self):
        """{path: "major:minor"} of the driver's device nodes, decimal."""
        pairs = (line.split() for line in self["nodes"])
        return {
            path: ":".join(str(int(part, 16)) for part in number.split(":"))
            for path, number in pairs
        }

    def opened(self, section="open"):
        """{path: errno name, or `opened`}."""
        return dict(line.split(maxsplit=1) for line in self[section])

    def gpus(self):
        """The UUIDs that nvidia-smi lists, in its order."""
        return re.findall(r"UUID: (GPU-[0-9a-f-]+)", "\n".join(self["smi"]))

    def loader(self):
        """{SONAME: path} of the native entries in the loader cache."""
        rows = (
            re.match(r"\s+(\S+) \((?:libc6,x86-64|libc6,AArch64)[^)]*\) => (\S+)", line)
            for line in self["loader"]
        )
        return {row[1]: row[2] for row in rows if row}

    def loaded(self):
        """{SONAME: the file that dlopen took}."""
        return dict(line.split(maxsplit=1) for line in self["load"])

    def mounts(self):
        """[(target, source path in its file system, flags, file system)]."""
        rows = []
        for line in self["mounts"]:
            left, _, right = line.partition(" - ")
            fields = left.split()
            rows.append((fields[4], fields[3], set(fields[5].split(",")), right.split()[0]))
        return rows

    def normalized_mounts(self, directory):
        """The mount table without what differs from run to run of a bundle in `directory`."""
        rows = []
        for line in self["mounts"]:
            left, _, right = line.partition(" - ")
            text = " ".join(left.split()[3:]) + " - " + right
            text = re.sub(r"(lowerdir|upperdir|workdir|size|nr_inodes)=[^, ]*", r"\1", text)
            text = text.replace(directory, "BUNDLE").replace(os.path.basename(directory), "BUNDLE")
            rows.append(re.sub(r"(shared|master|propagate_from):\d+ ", r"\1 ", text))
        return rows
