# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's own user-space driver, as Debian installs it, as driver root. Only the kernel module is simulated."""

import contextlib
import json
import re
import shutil

import images
import overlay
from bundle import Case, foreign_nodes, run_container
from expect import LIBRARIES, check_foreign_nodes, check_loader, check_nodes, check_started
from harness import SETUP, check, check_equal, run, test
from observe import SCRIPT
from trees import version_of

# What the driver's libraries need of others, and an image that uses them brings along: X11, GLVND, Wayland, GBM, OpenSSL, and what
# these need.
IMAGE_LIBRARIES = (
    "libX11.so.6 libXext.so.6 libxcb.so.1 libXau.so.6 libXdmcp.so.6 libbsd.so.0 libmd.so.0 libGL.so.1 libGLX.so.0 libEGL.so.1 "
    "libGLdispatch.so.0 libwayland-client.so.0 libwayland-server.so.0 libffi.so.8 libgbm.so.1 libdrm.so.2 libexpat.so.1 "
    "libxcb-randr.so.0 libvulkan.so.1 libcrypto.so.3"
).split()
OURS = re.compile("nvidia|cuda|nvcuvid|nvoptix")
CAPABILITIES = "utility compute video graphics display ngx compute,utility all".split()
LOAD_ALL = r"""
echo "== loaded"; load_check $(/sbin/ldconfig -p | sed -n 's/^\t\([^ ]*\) (libc6,x86-64.*/\1/p' | sort -u)
"""
# Where the loaders of these search if the environment does not tell them otherwise.
SHOW_MANIFESTS = """
for directory in /etc/xdg /etc /usr/local/share /usr/share; do
  for file in $directory/vulkan/icd.d/*.json $directory/glvnd/egl_vendor.d/*.json \
    $directory/egl/egl_external_platform.d/*.json $directory/OpenCL/vendors/*.icd; do
    [ ! -f $file ] || { echo "== $file"; cat $file; echo; }
  done
done
"""


def started(devices, capabilities, **options):
    env = {"NVIDIA_DRIVER_CAPABILITIES": capabilities}
    outcome = run_container(Case(devices, env, mounts=[foreign_nodes()], **options))
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


def tree_of_the_images_debian():
    """The driver root that was made of the image's own release, whose libraries need no later C library."""
    return min(SETUP.driver, SETUP.other_driver, key=version_of) if SETUP.other_driver.name else SETUP.driver


def add_image_libraries(_, directory):
    """The image's share. Debian's alternatives divert what NVIDIA's packages could replace."""
    root = directory / "rootfs"
    images.compile_program(root / "usr/local/bin/load_check", "load_check.c")
    tree = tree_of_the_images_debian()
    places = [tree / LIBRARIES[1:] / name for name in IMAGE_LIBRARIES]
    diverted = tree / LIBRARIES[1:].replace("lib/", "lib/mesa-diverted/")
    for place in places:
        source = place if place.exists() else diverted / place.name
        shutil.copy(source, root / LIBRARIES[1:] / place.name)


def is_too_new(reason):
    """A few libraries are Debian's own builds. Those of a later Debian need its C library, whatever the hook does."""
    return SETUP.driver != tree_of_the_images_debian() and re.search("version `GLIBC_[0-9.]+' not found", reason)


def register_loading(capabilities):
    def body():
        command = SCRIPT + LOAD_ALL
        view = started("0", capabilities, command=command, edit=add_image_libraries)
        files = {mount[0] for mount in view.mounts() if ".so" in mount[0]}
        injected = {file for file in files if file.startswith(f"{LIBRARIES}/")}
        lines = [line.split(maxsplit=1) for line in view["loaded"] if OURS.search(line)]
        too_new = [line for line in lines if is_too_new(line[1])]
        check(len(too_new) < len(lines) / 4, f"too many need another C library: {too_new}")
        lines = [line for line in lines if line not in too_new]
        injected = {file for file in injected if not file.startswith(tuple(f"{LIBRARIES}/{line[0]}" for line in too_new))}
        wrong = [" ".join(line) for line in lines if line[1].startswith("not loaded")]
        check(not wrong, "\n".join(wrong))
        check(injected, "no library was injected")
        check_equal({line[1] for line in lines} & files, injected, "libraries that were loaded")

    body.__name__ = f"every library of {capabilities.replace(',', ' and ')} can be loaded"
    test("real-driver")(body)


for each in CAPABILITIES:
    register_loading(each)


@test("real-driver")
def what_is_loaded_from_the_image_is_not_of_the_driver():
    """Else the tests above would prove nothing."""
    of_driver = [name for name in IMAGE_LIBRARIES if OURS.search(name)]
    check_equal(of_driver, [], "libraries of the image")


def manifests(kind, capability):
    """{file: text} of those that the container's loaders find."""
    view = started("0", capability, command=SCRIPT + SHOW_MANIFESTS)
    found = {name: "\n".join(view[name]) for name in view.sections if f"/{kind}/" in name}
    check(found, f"no manifest in any {kind}")
    return found


def check_entry_point(capability, kind, wanted, library_of):
    """The library that each of the manifests names is the driver's, and has the entry point that a loader asks for."""
    for file, text in manifests(kind, capability).items():
        library = library_of(text)
        check(OURS.search(library), f"{file} names {library}")
        command = SCRIPT + f'echo "== loaded"; load_check {library},{wanted}'
        view = started("0", capability, command=command, edit=add_image_libraries)
        path = view["loaded"][0].split(maxsplit=1)[1]
        if is_too_new(path):
            continue
        check(path in {mount[0] for mount in view.mounts()}, f"{file}: {library}: {path}")


def icd_library(text):
    return json.loads(text)["ICD"]["library_path"]


@test("real-driver")
def the_vulkan_loader_finds_the_driver():
    check_entry_point("graphics", "vulkan/icd.d", "vk_icdGetInstanceProcAddr", icd_library)


@test("real-driver")
def glvnd_finds_the_driver_for_egl():
    check_entry_point("graphics", "glvnd/egl_vendor.d", "__egl_Main", icd_library)


@test("real-driver")
def egl_finds_its_external_platforms():
    directory = "egl/egl_external_platform.d"
    check_entry_point("graphics", directory, "loadEGLExternalPlatform", icd_library)


@test("real-driver")
def the_opencl_loader_finds_the_driver():
    check_entry_point("compute", "OpenCL/vendors", "clGetExtensionFunctionAddress", str.strip)


@test("real-driver")
def gbm_finds_its_backend():
    backend = f"{LIBRARIES}/gbm/nvidia-drm_gbm.so"
    command = SCRIPT + f'echo "== loaded"; load_check {backend},gbmint_get_backend'
    view = started("0", "graphics", command=command, edit=add_image_libraries)
    driver = f"{LIBRARIES}/libnvidia-allocator.so.{SETUP.version}"
    check_equal(view["loaded"], [f"{backend} {driver}"], "dlopen of the backend")


# Every file that a loader initialises, also those that it lets go again; and what it found.
RUN_VULKAN = r"""
(LD_DEBUG=files VK_LOADER_DEBUG=all vulkan_check 2>&1) |
  sed -n 's,.*calling init: .*/,,p; s,.*Found ICD manifest file .*/\([^/]*\)\, version.*,\1,p' | sort -u
"""


@contextlib.contextmanager
def driver_root_as_root():
    """The driver's own tree, with what programs need to run in it: what a container should be like."""
    directory = SETUP.work / "host"
    directory.mkdir()
    overlay.mount(SETUP.driver, directory)
    root = directory / "rootfs"
    try:
        for name in ("dev", "proc"):
            run(["mount", "--rbind", f"/{name}", root / name], check=True)
        yield root
    finally:
        run(["umount", "-R", "-l", root], check=True)
        shutil.rmtree(directory)


def add_vulkan_check(config, directory):
    add_image_libraries(config, directory)
    images.compile_program(directory / "rootfs/usr/local/bin/vulkan_check", "vulkan_check.c")


@test("real-driver")
def the_real_vulkan_loader_gets_as_far_as_on_the_host():
    """Without the kernel's driver it ends before the first device; until then it loads X11, EGL and Wayland parts of the driver."""
    with driver_root_as_root() as root:
        images.compile_program(root / "usr/local/bin/vulkan_check", "vulkan_check.c")
        told = run(["chroot", root, "/bin/sh", "-c", RUN_VULKAN]).stdout
    on_host = [name for name in told.splitlines() if OURS.search(name)]  # and not Mesa's
    check("libnvidia-eglcore.so." + SETUP.version in on_host, f"on the host: {on_host}")
    load = f'echo "== loaded"; load_check {" ".join(name for name in on_host if ".so" in name)}\n'
    command = SCRIPT + load + 'echo "== vulkan"' + RUN_VULKAN
    view = started("0", "graphics", command=command, edit=add_vulkan_check)
    too_new = {line.split()[0] for line in view["loaded"] if is_too_new(line)}
    on_host = [name for name in on_host if name not in too_new]
    seen = [name for name in view["vulkan"] if OURS.search(name)]
    check_equal(seen, on_host, "what is loaded in the container")
