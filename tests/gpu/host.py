# SPDX-License-Identifier: Apache-2.0
"""This machine: its driver, its GPUs, and how its own programs use them."""

import dataclasses
import datetime
import json
import os
import platform
import re
import shlex
import shutil
import sys
from pathlib import Path

from containers import finished

PROC = Path("/proc/driver/nvidia")
GPU_LINE = re.compile(r"^GPU (\d+): (.*) \(UUID: (GPU-[0-9a-f-]+)\)", re.M)

MANIFEST_ROOTS = ("etc", "usr/share")
MANIFESTS = (
    "glvnd/egl_vendor.d/*nvidia*.json",
    "egl/egl_external_platform.d/*nvidia*.json",
    "vulkan/icd.d/nvidia_icd*.json",
    "vulkan/implicit_layer.d/nvidia_layers*.json",
)


@dataclasses.dataclass
class Gpu:
    index: int
    name: str
    uuid: str
    pci: str = None
    minor: int = None


class Host:
    def __init__(self, driver_root, programs):
        self.driver_root, self.programs = Path(driver_root), programs
        listed = finished(self.smi_command())
        self.smi_list = listed.output.strip()
        self.smi_failure = None if listed.exit == 0 else listed.why
        self.gpus = self.find_gpus()

    def smi_command(self):
        """Returns the command for nvidia-smi -L on the host."""
        if self.driver_root == Path("/"):
            return [find_program("nvidia-smi"), "-L"]
        if (self.driver_root / "bin/sh").exists():  # a whole system, as in a driver container
            return [find_program("chroot"), str(self.driver_root), "nvidia-smi", "-L"]
        return self.with_libraries([str(self.driver_root / "usr/bin/nvidia-smi"), "-L"])

    def own_command(self, name):
        """Returns the command for one of our programs with the host's driver libraries."""
        return self.with_libraries([str(self.programs / name)])

    def with_libraries(self, words):
        """The loader has to be given the libraries of a driver below another root."""
        if self.driver_root == Path("/"):
            return words
        found = {str(path.parent) for path in self.driver_root.glob("usr/lib*/**/libcuda.so.1")}
        native = sorted(path for path in found if "i386" not in path)
        return [find_program("env"), f"LD_LIBRARY_PATH={':'.join(native)}", *words]

    def find_gpus(self):
        """Returns the GPUs that nvidia-smi lists, with what /proc says about them."""
        gpus = [Gpu(int(i), name, uuid) for i, name, uuid in GPU_LINE.findall(self.smi_list)]
        for file in sorted(PROC.glob("gpus/*/information")):
            text = file.read_text()
            uuid = re.search(r"GPU UUID:\s*(\S+)", text)
            minor = re.search(r"Device Minor:\s*(\d+)", text)
            for gpu in gpus:
                if uuid and gpu.uuid == uuid[1]:
                    gpu.pci = file.parent.name
                    gpu.minor = int(minor[1]) if minor else None
        return gpus

    def manifests(self):
        """Returns the driver's EGL and Vulkan manifests, in whichever of MANIFEST_ROOTS: a
        container searches both."""
        found = set()
        for root in (self.driver_root / name for name in MANIFEST_ROOTS):
            for pattern in MANIFESTS:
                found |= {str(path.relative_to(root)) for path in root.glob(pattern)}
        return sorted(found)

    def cuda(self):
        """Describes how the CUDA program does on the host itself."""
        return read_cuda_result(finished(self.own_command("cuda_add"))).words

    def describe(self, report, arguments):
        report.fact("date", datetime.datetime.now(datetime.timezone.utc).strftime("%F %T UTC"))
        report.fact("command", shlex.join(sys.argv))
        report.fact("kernel", f"{platform.release()} {platform.machine()}, {platform.version()}")
        report.fact("distribution", distribution())
        report.fact("Python", platform.python_version())
        lines = (PROC / "version").read_text().splitlines()
        report.fact("driver", lines[0].partition(":")[2].strip() or lines[0])
        report.fact("driver root", self.driver_root)
        models = sorted({gpu.name for gpu in self.gpus})
        report.fact("GPUs", self.smi_failure or f"{len(self.gpus)}: {', '.join(models)}")
        for gpu in self.gpus:
            where = f"PCI {gpu.pci}, minor {gpu.minor}"
            report.fact(f"GPU {gpu.index}", f"{gpu.name}, {gpu.uuid}, {where}")
        report.fact("/proc/driver/nvidia", ", ".join(proc_files()))
        nodes = sorted(str(path) for path in Path("/dev").glob("nvidia*"))
        report.fact("device nodes", ", ".join(nodes))
        report.fact("cgroups", cgroups())
        report.fact("hook", finished([str(arguments.hook), "--version"]).output or arguments.hook)
        report.fact("root file system", arguments.rootfs)
        report.fact("CUDA program on the host itself", self.cuda())


def find_program(name):
    """Returns the path: not every way to start a program searches PATH."""
    return shutil.which(name) or name


@dataclasses.dataclass
class CudaResult:
    right: bool
    devices: int
    words: str


def read_cuda_result(done):
    """Parses the output of a run of cuda_add."""
    try:
        told = json.loads(done.output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return CudaResult(False, 0, f"cuda_add did not run: {done.why}")
    version = f"{told['cuda'] // 1000}.{told['cuda'] % 1000 // 10}"
    what = f"CUDA {version}, {told['devices']} device(s), {told['name'] or 'no name'}"
    words = f"failed in {told['step']}: {told['error']} ({what})"
    if told["right"]:
        words = f"{told['elements']} sums right: {what}"
    return CudaResult(told["right"], told["devices"], words)


def proc_files():
    """Returns the driver's files in /proc; one entry for all GPUs, and one for all names that
    differ in a number only."""
    files = (str(path.relative_to(PROC)) for path in PROC.rglob("*") if path.is_file())
    return sorted({re.sub(r"\d+", "N", re.sub(r"^gpus/[^/]+", "gpus/*", file)) for file in files})


def distribution():
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    name = re.search(r'^PRETTY_NAME="?([^"\n]*)', text, re.M)
    inside = ", in a container" if os.path.exists("/.dockerenv") else ""
    return (name[1] if name else "unknown") + inside


def cgroups():
    rows = [line.split(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    found = [
        f"{right.split()[0]} at {left.split()[4]} ({left.split()[5].split(',')[0]})"
        for left, right in rows
        if right.startswith("cgroup")
    ]
    return ", ".join(found) or "none mounted"
