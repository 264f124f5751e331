# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's own user-space driver, as Debian installs it, as driver root. Only the kernel module is simulated."""

from bundle import Case, foreign_nodes, run_container
from expect import LIBRARIES, check_foreign_nodes, check_loader, check_nodes, check_started
from harness import SETUP, check, test


def started(devices, capabilities):
    case = Case(devices, {"NVIDIA_DRIVER_CAPABILITIES": capabilities}, mounts=[foreign_nodes()])
    outcome = run_container(case)
    check_started(outcome)
    return outcome.view


@test("real-driver")
def compute_and_utility_load_the_real_libraries():
    view = started("1", "compute,utility")
    check_nodes(view, [1])
    check_foreign_nodes(view, [1])
    check_loader(view)


@test("real-driver")
def the_real_nvidia_smi_starts():
    """It can only say that there is no driver: but it says so, so that it was found, and found its library."""
    view = started("0", "utility")
    check("NVIDIA-SMI has failed" in "\n".join(view["smi"]), f"nvidia-smi: {view['smi']}")


@test("real-driver")
def all_capabilities_bring_what_debian_packages():
    targets = {mount[0] for mount in started("0", "all").mounts()}
    names = (
        "libcuda libcudadebugger libnvidia-ml libnvidia-cfg libnvidia-ptxjitcompiler libnvidia-nvvm "
        "libnvidia-opencl libnvidia-allocator libnvcuvid libnvidia-encode libnvidia-opticalflow "
        "libGLX_nvidia libEGL_nvidia libGLESv2_nvidia libnvidia-glcore libnvidia-rtcore libnvoptix libnvidia-ngx"
    ).split()
    missing = [name for name in names if f"{LIBRARIES}/{name}.so.{SETUP.version}" not in targets]
    check(not missing, f"missing: {missing}")
    for name in ("nvidia-smi", "nvidia-persistenced", "nvidia-cuda-mps-control"):
        check(f"/usr/bin/{name}" in targets, f"{name} is missing")
