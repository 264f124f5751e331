# SPDX-License-Identifier: Apache-2.0
"""What every engine's containers must show."""

import re

from harness import BUSES, MINORS, SETUP, UUID, check, check_equal

CONTROL_NODES = {"/dev/nvidiactl": "195:255"}
COMPUTE_NODES = {"/dev/nvidia-uvm": "511:0", "/dev/nvidia-uvm-tools": "511:1"}
LIBRARIES = "/usr/lib/x86_64-linux-gnu"  # of a Debian image
ERROR_LINE = re.compile(r"oci-nvidia-hook: NVH-\d{4}: \S.*\.\n")
REMEDY = re.compile(r"\. Try: \S.*\.\n")


def check_started(outcome):
    detail = outcome.errors.strip() or outcome.output.strip()[-300:]
    check(outcome.exit == 0 and outcome.view.complete, f"the container did not run: {detail}")


def check_gpus(view, indices, compute=True):
    """Exactly these GPUs: listed, present, allowed; their procfs entries and no others."""
    check_equal(view.gpus(), [f"{UUID}{index}" for index in sorted(indices)], "nvidia-smi -L")
    check_nodes(view, indices, compute)


def check_nodes(view, indices, compute=True):
    nodes = dict(CONTROL_NODES, **(COMPUTE_NODES if compute else {}))
    nodes |= {f"/dev/nvidia{MINORS[index]}": f"195:{MINORS[index]}" for index in indices}
    check_equal(view.nodes(), nodes, "device nodes")
    # There is no driver behind them: ENXIO is what an open gives that was allowed.
    check_equal(
        view.opened(), dict.fromkeys(nodes, "ENXIO") | {"/dev/null": "opened"}, "opening the nodes"
    )
    check_equal(
        sorted(view["gpus"]),
        sorted(f"0000:{BUSES[index]}:00.0" for index in indices),
        "/proc/driver/nvidia/gpus",
    )


def check_foreign_nodes(view, indices):
    """A node of every GPU, from elsewhere: the device cgroup tells the selected ones from the others."""
    expected = {f"/foreign/gpu{minor}": "EPERM" for minor in range(8)}
    expected |= {f"/foreign/gpu{MINORS[index]}": "ENXIO" for index in indices}
    check_equal(view.opened("foreign"), expected, "opening nodes by number")


def check_loader(view):
    """The loader's cache and the loader itself take the injected files."""
    for soname, name in (("libcuda.so.1", "libcuda.so"), ("libnvidia-ml.so.1", "libnvidia-ml.so")):
        file = f"{LIBRARIES}/{name}.{SETUP.version}"
        check_equal(view.loader().get(soname), f"{LIBRARIES}/{soname}", f"ldconfig -p for {soname}")
        check_equal(view.loaded().get(soname), file, f"dlopen of {soname}")
        check(file in [mount[0] for mount in view.mounts()], f"{file} is no mount")
    check("libc.so.6" in view.loader(), "the image's own libraries are gone from the loader cache")


def check_params(view):
    check("ModifyDeviceFiles: 0" in view["params"], f"params: {view['params']}")


def check_mount_flags(view):
    """docs/behaviour.md §7.4."""
    expected = {
        f"{LIBRARIES}/libcuda.so.{SETUP.version}": {"ro", "nosuid", "nodev"},
        "/usr/bin/nvidia-smi": {"ro", "nosuid", "nodev"},
        "/dev/nvidiactl": {"ro", "nosuid", "noexec"},
        "/proc/driver/nvidia": {"rw", "nosuid", "nodev", "noexec"},
    }
    seen = {
        mount[0]: mount[2] & {"ro", "rw", "nosuid", "nodev", "noexec"} for mount in view.mounts()
    }
    check_equal({path: seen.get(path) for path in expected}, expected, "mount flags")
    for path, flags in seen.items():
        if path.startswith("/proc/driver/nvidia/gpus/"):
            check_equal(flags, {"ro", "nosuid", "nodev", "noexec"}, f"flags of {path}")


def check_one_line(text, code, *words):
    """The hook's standard error: exactly one line, with the code and each of the words."""
    check(
        ERROR_LINE.fullmatch(text) and REMEDY.search(text),
        f"not one line with code and remedy: {text!r}",
    )
    check(f" {code}: " in text, f"expected {code} in {text!r}")
    for word in words:
        check(word in text, f"expected {word!r} in {text!r}")
