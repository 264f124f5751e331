# SPDX-License-Identifier: Apache-2.0
"""A driver of ours that Debian's own loaders of Vulkan, EGL, OpenCL and X can use, in 64 and 32 bit, installed as distributions
install theirs; and what the loaders in a container make of it."""

import contextlib
import functools
import json
import shutil

from damaged_driver import driver_copy
from harness import HERE, SETUP, check_equal, fail_text, run

SOURCES = HERE / "loaders"
TRIPLES = {64: "x86_64-linux-gnu", 32: "i386-linux-gnu"}
LINKERS = {64: "/lib64/ld-linux-x86-64.so.2", 32: "/lib/ld-linux.so.2"}
WORDS = {64: "x86_64", 32: "i686"}
# Source, library and SONAME.
DRIVERS = (
    ("vulkan_driver.c", "libGLX_nvidia.so", "libGLX_nvidia.so.0"),
    ("egl_driver.c", "libEGL_nvidia.so", "libEGL_nvidia.so.0"),
    ("opencl_driver.c", "libnvidia-opencl.so", "libnvidia-opencl.so.1"),
)
APIS = {"vulkan": "libGLX_nvidia.so.0", "egl": "libEGL_nvidia.so.0"}
MANIFESTS = {
    "vulkan": "vulkan/icd.d/nvidia_icd.json",
    "egl": "glvnd/egl_vendor.d/10_nvidia.json",
    "opencl": "OpenCL/vendors/nvidia.icd",
}


def build(bits, target, source, *options):
    """A program, or with -shared a library, of the C library and headers in the image: this machine has none for 32 bit."""
    root, triple = SETUP.rootfs, TRIPLES[bits]
    libraries = root / "usr/lib" / triple
    command = ["cc", f"-m{bits}", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"]
    command += ["-isystem", root / "usr/include" / triple, "-isystem", root / "usr/include", "-nostdlib", *options]
    if "-shared" in options:
        objects = ["-fPIC", SOURCES / source]
    else:
        starts = [libraries / "crt1.o", libraries / "crti.o"]
        objects = ["-no-pie", f"-Wl,--dynamic-linker={LINKERS[bits]}", *starts, SOURCES / source, libraries / "crtn.o"]
    target.parent.mkdir(parents=True, exist_ok=True)
    done = run([*command, "-o", target, *objects, libraries / "libc.so.6"])
    check_equal(done.returncode, 0, fail_text(source, done))


def directory_of(tree, bits):
    return tree / "usr/lib" / TRIPLES[bits]


def icd(library):
    return json.dumps({"file_format_version": "1.0.1", "ICD": {"library_path": library, "api_version": "1.3.204"}})


def layers(library="libGLX_nvidia.so.0"):
    """A layer for machines with two vendors' GPUs, which nothing asks for here."""
    layer = {
        "name": "VK_LAYER_NV_optimus",
        "type": "INSTANCE",
        "library_path": library,
        "api_version": "1.3.204",
        "implementation_version": "1",
        "description": "of the simulated driver",
        "enable_environment": {"__NV_PRIME_RENDER_OFFLOAD": "1"},
        "disable_environment": {"DISABLE_LAYER_NV_OPTIMUS_1": ""},
    }
    return json.dumps({"file_format_version": "1.0.1", "layers": [layer]})


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


# ---- what distributions install, beside libraries that are where Debian has them


def debian(tree):
    """One manifest serves both classes, because it names the library only."""
    share = tree / "usr/share"
    write(share / "vulkan/icd.d/nvidia_icd.json", icd("libGLX_nvidia.so.0"))
    write(share / "vulkan/implicit_layer.d/nvidia_layers.json", layers())
    write(share / "glvnd/egl_vendor.d/10_nvidia.json", icd("libEGL_nvidia.so.0"))
    write(tree / "etc/OpenCL/vendors/nvidia.icd", "libnvidia-opencl.so.1")


def rpm(tree):
    """A manifest of each class names the library by its path, in directories that Debian's images do not have."""
    share = tree / "usr/share"
    for bits, directory in ((64, "/usr/lib64"), (32, "/usr/lib")):
        for library in APIS.values():
            (tree / directory[1:] / library).symlink_to(f"/usr/lib/{TRIPLES[bits]}/{library}")
        write(share / f"vulkan/icd.d/nvidia_icd.{WORDS[bits]}.json", icd(f"{directory}/libGLX_nvidia.so.0"))
    write(share / "vulkan/implicit_layer.d/nvidia_layers.json", layers())
    write(share / "glvnd/egl_vendor.d/10_nvidia.json", icd("libEGL_nvidia.so.0"))
    write(tree / "etc/OpenCL/vendors/nvidia.icd", "libnvidia-opencl.so.1")


def nixos(tree):
    """Each class has a directory, and files of the same names in it, which name paths in the store."""
    for bits, name in ((64, "opengl-driver"), (32, "opengl-driver-32")):
        store = f"/nix/store/{bits}-nvidia-x11/lib"
        (tree / store[1:]).parent.mkdir(parents=True)
        (tree / store[1:]).symlink_to(f"/usr/lib/{TRIPLES[bits]}")
        top = tree / "run" / name
        write(top / "share/vulkan/icd.d" / f"nvidia_icd.{WORDS[bits]}.json", icd(f"{store}/libGLX_nvidia.so.0"))
        write(top / "share/vulkan/implicit_layer.d/nvidia_layers.json", layers(f"{store}/libGLX_nvidia.so.0"))
        write(top / "share/glvnd/egl_vendor.d/10_nvidia.json", icd(f"{store}/libEGL_nvidia.so.0"))
        write(top / "etc/OpenCL/vendors/nvidia.icd", f"{store}/libnvidia-opencl.so.1")


LAYOUTS = {"Debian": debian, "RPM packages": rpm, "NixOS": nixos}


@functools.cache
def libraries(bits):
    """The directory with the libraries of a class, under the names of the driver's."""
    directory = SETUP.work / f"libraries{bits}"
    for source, library, soname in DRIVERS:
        build(bits, directory / f"{library}.{SETUP.version}", source, "-shared", f"-Wl,-soname,{soname}")
    return directory


@contextlib.contextmanager
def driver(layout):
    """A driver root with these manifests; our libraries in the place of the simulated ones."""
    with driver_copy(layout.__name__) as tree:
        for bits in TRIPLES:
            shutil.copytree(libraries(bits), directory_of(tree, bits), dirs_exist_ok=True)
        layout(tree)
        run(["/sbin/ldconfig", "-r", tree], check=True)
        yield tree
