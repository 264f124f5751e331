# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's own driver, as Debian installs it: the modules of the X server, and what 32-bit programs need."""

import struct

from expect import LIBRARIES
from harness import SETUP, check, check_equal, test
from observe import SCRIPT
from test_real_driver import started

EXTENSIONS = "/usr/lib/xorg/modules/extensions"
LIBRARIES32 = "/usr/lib/i386-linux-gnu"
NAMES32 = (
    "libcuda libnvidia-ml libnvidia-ptxjitcompiler libnvidia-opencl libnvidia-encode libGLX_nvidia libEGL_nvidia "
    "libGLESv2_nvidia libnvidia-glcore libnvidia-eglcore libnvidia-glsi libnvidia-glvkspirv"
).split()
ELF_CLASS_AT, ELF_CLASS_32 = 4, 1


def sources(view):
    """{where it is mounted: the file of the driver root}."""
    return {mount[0]: mount[1] for mount in view.mounts()}


@test("real-driver")
def the_x_server_has_the_drivers_modules():
    show = f"; echo '== modules'; readlink -f {EXTENSIONS}/libglxserver_nvidia.so; ls /usr/lib/xorg/modules/drivers"
    view = started("0", "graphics,display", command=SCRIPT.rstrip() + show)
    targets = sources(view)
    check("/usr/lib/xorg/modules/drivers/nvidia_drv.so" in targets, f"nvidia_drv.so is no mount: {sorted(targets)}")
    glx, driver = view["modules"]
    check_equal(driver, "nvidia_drv.so", "modules of the driver")
    check(glx in targets and f"libglxserver_nvidia.so.{SETUP.version}" in targets[glx], f"{glx}: {targets.get(glx)}")


@test("real-driver")
def compat32_brings_the_libraries_of_its_class():
    view = started("0", "compute,utility,video,graphics,compat32")
    targets = sources(view)
    missing = [name for name in NAMES32 if f"{LIBRARIES32}/{name}.so.{SETUP.version}" not in targets]
    check_equal(missing, [], "32-bit libraries that are missing")
    for target, source in targets.items():
        if not target.startswith((LIBRARIES32, LIBRARIES)) or ".so" not in target:
            continue
        header = (SETUP.driver / source.split(SETUP.driver.name + "/", 1)[-1].lstrip("/")).open("rb").read(5)
        is_32_bit = struct.unpack_from("B", header, ELF_CLASS_AT)[0] == ELF_CLASS_32
        check_equal(is_32_bit, target.startswith(LIBRARIES32), f"{target} is of 32 bit")


@test("real-driver")
def without_compat32_there_is_nothing_of_32_bit():
    found = [target for target in sources(started("0", "compute,utility,video,graphics")) if "i386" in target]
    check_equal(found, [], "32-bit files")
