# SPDX-License-Identifier: Apache-2.0
"""Checks of what a container with the hook must show, from inside."""

import collections
import re

from containers import Outcome, Request
from host import GPU_LINE, MANIFEST_ROOTS, read_cuda_result

SETS = ("utility", "compute,utility", "graphics", "video", "display", "all")
# A device number for experiments, without a driver: opening it shows whether device rules are in
# force.
CONTROL = "60:0"
COMMAND_MISSING = "127"  # exit status of the shell
SCRIPT = r"""
section() { echo "== $1"; }
section smi; nvidia-smi >/dev/null 2>&1; echo $?
section list; nvidia-smi -L 2>&1
section nodes; for node in /dev/nvidia*; do if [ -c "$node" ]; then echo "$node"; fi; done
section libraries
/verify/load_libraries $(sed -n 's,^[^ ]* [^ ]* [^ ]* [^ ]* \([^ ]*/lib[^/ ]*\.so[^/ ]*\) .*,\1,p' /proc/self/mountinfo)
"""
CUDA_SCRIPT = "section cuda; /verify/cuda_add\n"
# Names that belong to the driver: if a library lacks one of these, the hook left it out.
OF_THE_DRIVER = re.compile(r"nvidia|libcuda|libnvcuvid|libnvoptix")
MISSING = re.compile(r"^(\S+): cannot open shared object file")


class View:
    """The sections of a container's output."""

    def __init__(self, output):
        self.sections = {}
        name = ""
        for line in output.splitlines():
            if line.startswith("== "):
                name = line[3:]
            self.sections.setdefault(name, [])
            if not line.startswith("== "):
                self.sections[name].append(line)

    def __getitem__(self, name):
        return self.sections.get(name, [])

    def text(self, name):
        return "\n".join(self[name]).strip()

    def gpu_nodes(self):
        return [node for node in self["nodes"] if re.fullmatch(r"/dev/nvidia\d+", node)]

    def uuids(self):
        return [uuid for _, _, uuid in GPU_LINE.findall(self.text("list"))]


class Checks:
    def __init__(self, report, host, launcher):
        self.report, self.host, self.launcher = report, host, launcher

    def start(self, name, devices, capabilities, script=SCRIPT, wrapper=()):
        """Returns the view of a container; None if it did not start, which is a failed check."""
        outcome = self.launcher.run(Request(devices, capabilities, script, list(wrapper)))
        # The exit status of a script says nothing; what counts is that it ran to its end.
        started = outcome.output.startswith("== ")
        words = f"the hook took {(outcome.hook_ns or 0) / 1e6:.2f} ms"
        self.report.expect(f"{name}: the container starts", started, words, outcome.why)
        return View(outcome.output) if started else None

    def capability_sets(self):
        for name in SETS:
            if name == "display" and not self.host_has_modeset():
                self.report.not_checked("display", "this host has no /dev/nvidia-modeset")
                continue
            self.capability_set(name)

    def host_has_modeset(self):
        return (self.host.driver_root / "dev/nvidia-modeset").exists()

    def capability_set(self, name):
        words = name.split(",")
        manifests = self.host.manifests()
        script = SCRIPT
        if "compute" in words or name == "all":
            script += CUDA_SCRIPT
        script += "section manifests\n"
        roots = " ".join(f"/{name}" for name in MANIFEST_ROOTS)
        for path in manifests:
            script += f"for root in {roots}; do if [ -s $root/{path} ]; then echo {path}; fi; done\n"
        view = self.start(name, "all", name, script)
        if view is None:
            return
        if "utility" in words or name == "all":
            self.smi(name, view)
        if "compute" in words or name == "all":
            self.cuda(name, view)
        self.libraries(name, view)
        if name in ("graphics", "display", "all"):
            self.manifests(name, view, manifests)

    def smi(self, name, view):
        status = view.text("smi")
        list_text = view.text("list")
        detail = f"exit status {status}: {list_text}"
        what = f"{name}: nvidia-smi ends with 0"
        self.report.expect(what, status == "0", "exit status 0", detail)
        what = f"{name}: nvidia-smi -L equals the host's"
        if self.host.smi_failure:
            self.report.not_checked(what, f"it fails on the host: {self.host.smi_failure}")
            return
        differs = f"inside: {list_text}; on the host: {self.host.smi_list}"
        same = list_text == self.host.smi_list
        self.report.expect(what, same, f"{len(view.uuids())} GPU(s)", differs)

    def cuda(self, name, view):
        told = cuda_result(view)
        self.report.expect(f"{name}: a CUDA program computes right", told.right, told.words)

    def libraries(self, name, view):
        what = f"{name}: every injected library loads by its SONAME"
        rows = [line.split("\t") for line in view["libraries"] if line.count("\t") == 3]
        rows = [row for row in rows if "/xorg/" not in row[0]]  # modules for the X server only
        failed, lacking = [], []
        for path, soname, verdict, detail in rows:
            missing = MISSING.match(detail)
            if verdict == "other":
                failed.append(f"{soname} is {detail}, not {path}")
            elif verdict == "failed" and missing and not OF_THE_DRIVER.search(missing[1]):
                lacking.append(f"{soname}: the image has no {missing[1]}")
            elif verdict == "failed":
                failed.append(f"{soname or path}: {detail}")
        words = library_words(rows)
        loaded = any(row[2] == "loaded" for row in rows)
        self.report.expect(what, loaded and not failed, words, "; ".join([words, *failed]))
        if lacking:
            what = f"{name}: libraries that need more than this image has"
            self.report.not_checked(what, "; ".join(lacking))

    def manifests(self, name, view, expected):
        what = f"{name}: EGL and Vulkan manifests of the driver are there"
        if not expected:
            self.report.not_checked(what, "this host has none")
            return
        missing = [path for path in expected if path not in view["manifests"]]
        self.report.expect(what, not missing, ", ".join(expected), f"missing: {', '.join(missing)}")

    def selections(self):
        """Selects one GPU by each kind of name: the last GPU, since a mistake would most likely
        select the first."""
        if not self.host.gpus:
            what = "one GPU by index, UUID, PCI address"
            self.report.not_checked(what, "nvidia-smi lists no GPU on the host")
            return
        gpu = self.host.gpus[-1]
        ways = {"index": str(gpu.index), "UUID": gpu.uuid, "PCI address": gpu.pci}
        for way, value in ways.items():
            name = f"one GPU by {way} ({value})"
            if value is None:
                self.report.not_checked(name, "/proc/driver/nvidia/gpus does not tell it")
                continue
            others = [other for other in self.host.gpus if other.index != gpu.index]
            script = self.node_script(self.host.gpus) + CUDA_SCRIPT
            view = self.start(name, value, "compute,utility", script)
            if view is None:
                continue
            seen = view.uuids()
            what = f"{name}: nvidia-smi shows it alone"
            self.report.expect(what, seen == [gpu.uuid], gpu.uuid, f"shown: {seen}")
            if way == "index":
                self.unselected(name, view, others)
                self.selected_opens(name, view, gpu)
                told = cuda_result(view)
                what = f"{name}: CUDA computes right and counts one device"
                self.report.expect(what, told.right and told.devices == 1, told.words)

    def no_gpu(self):
        name = "NVIDIA_VISIBLE_DEVICES=none"
        view = self.start(name, "none", "utility", self.node_script(self.host.gpus))
        if view is None:
            return
        # A program that is missing shows none either.
        good = not view.uuids() and view.text("smi") != COMMAND_MISSING
        self.report.expect(f"{name}: nvidia-smi shows no GPU", good, view.text("list"))
        self.unselected(name, view, self.host.gpus)

    def node_script(self, gpus):
        known = [gpu.minor for gpu in gpus if gpu.minor is not None]
        words = [f"195:{minor}" for minor in known] + [f"/dev/nvidia{minor}" for minor in known]
        return SCRIPT + f"section tried; /verify/try_node /dev {CONTROL} {' '.join(words)}\n"

    def unselected(self, name, view, others):
        """GPUs that were not requested must have no node, and a node made by hand must not open."""
        absent = f"{name}: other GPUs have no node"
        denied = f"{name}: other GPUs are denied by number"
        known = [gpu for gpu in others if gpu.minor is not None]
        if not known:
            why = "/proc does not tell their minors" if others else "this machine has none"
            self.report.not_checked(absent, why)
            self.report.not_checked(denied, why)
            return
        present = [f"/dev/nvidia{gpu.minor}" for gpu in known]
        present = [node for node in present if node in view["nodes"]]
        count = f"{len(known)} GPU(s)"
        self.report.expect(absent, not present, count, f"present: {', '.join(present)}")
        if self.launcher.leaves_cgroups_alone:
            self.report.not_checked(denied, "these containers have no device cgroup of their own")
            return
        results = tried(view)
        control = results.get(CONTROL, "nothing")
        if control != "open EPERM":
            why = f"no device rules are in force: {CONTROL}, which no rule allows, gave `{control}`"
            self.report.not_checked(denied, why)
            return
        seen = {f"195:{gpu.minor}": results.get(f"195:{gpu.minor}", "nothing") for gpu in known}
        wrong = [f"{number}: {result}" for number, result in seen.items() if result != "open EPERM"]
        self.report.expect(denied, not wrong, f"EPERM for {', '.join(seen)}", "; ".join(wrong))

    def selected_opens(self, name, view, gpu):
        what = f"{name}: its node can be opened"
        node = f"/dev/nvidia{gpu.minor}"
        seen = tried(view).get(node, "nothing")
        self.report.expect(what, seen == "opened", node, f"{node}: {seen}")


def library_words(rows):
    """Describes how many injected libraries load, and which were not for this loader."""
    count = collections.Counter(row[2] for row in rows)
    words = f"{count['loaded']} of {len(rows)} load"
    if count["foreign"]:
        words += f"; {count['foreign']} of another ELF class"
    if count["no-soname"]:
        words += f"; {count['no-soname']} without SONAME"
    return words


def cuda_result(view):
    return read_cuda_result(Outcome(0, view.text("cuda"), ""))


def tried(view):
    """Returns {node or number: result of opening it}."""
    return dict(line.split(" ", 1) for line in view["tried"] if " " in line)
