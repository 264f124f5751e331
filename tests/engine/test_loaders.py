# SPDX-License-Identifier: Apache-2.0
"""Debian's loaders of Vulkan, EGL and OpenCL show each GPU once, in 64 and 32 bit, and its X server finds the driver's modules."""

import contextlib
import functools
import shutil

import loaders
from bundle import Case, bind, run_container
from cdi_edits import add_cdi_devices
from harness import SETUP, Skip, check, check_equal, run, test

GPUS = "0,2"
NATIVE = "compute,utility,graphics"
WITH_32_BIT = "compute,utility,graphics,compat32"
EMULATOR = "qemu-i386-static"
SUPPLY = "this kernel starts no 32-bit program, and qemu-user-static is not installed: apt-get install qemu-user-static"


@functools.cache
def command_for(bits):
    """What starts a program of this class in a container; empty if the kernel does. Raises Skip."""
    if bits == 64:
        return ""
    program = SETUP.work / "starts"
    loaders.build(32, program, "count_gpus.c", f"-Wl,--dynamic-linker={SETUP.rootfs}{loaders.LINKERS[32]}")
    try:
        run([program, "none"])
        return ""
    except OSError:  # ENOEXEC
        if shutil.which(EMULATOR) is None:
            raise Skip(SUPPLY) from None
        return f"/counters/{EMULATOR} "
    finally:
        program.unlink()


@functools.cache
def counters():
    """A directory for containers, with the program that counts, of each class, and what starts it."""
    directory = SETUP.work / "counters"
    for bits in loaders.TRIPLES:
        loaders.build(bits, directory / f"count{bits}", "count_gpus.c")
    if shutil.which(EMULATOR):
        shutil.copy(shutil.which(EMULATOR), directory)
    return bind(directory, "/counters", "ro")


def script(bits):
    return "".join(f"{command_for(bits)}/counters/count{bits} {api}; " for api in loaders.MANIFESTS)


def by_hook(tree, capabilities, command, edit):
    config = SETUP.config.read_text().replace(str(SETUP.driver), str(tree))
    env = {"NVIDIA_DRIVER_CAPABILITIES": capabilities}
    return run_container(Case(GPUS, env, [counters()], command, config=config, edit=edit))


def by_cdi(mode):
    """A door that has an engine do what a specification of this mode says."""

    def run_with_devices(tree, capabilities, command, edit):
        def edit_spec(config, directory):
            (edit or nothing)(config, directory)
            settings = directory / "config.toml"
            settings.write_text(SETUP.config.read_text().replace(str(SETUP.driver), str(tree)))
            add_cdi_devices(config, GPUS.split(","), mode=mode, capabilities=capabilities, config_file=settings)

        return run_container(Case(None, {}, [counters()], command, hook=[], edit=edit_spec))

    return run_with_devices


def container(tree, capabilities, command, edit=None, door=by_hook):
    """What a container with two GPUs of the driver in `tree` prints."""
    outcome = door(tree, capabilities, command, edit)
    check_equal(outcome.exit, 0, f"the container did not run: {outcome.errors or outcome.output[-600:]}; exit code")
    return outcome.output


def counted(tree, capabilities, bits, edit=None, door=by_hook):
    """{API: how many GPUs its loader shows}."""
    output = container(tree, capabilities, script(bits), edit, door)
    return {api: int(number) for api, number in map(str.split, output.splitlines())}


def each(number):
    return dict.fromkeys(loaders.MANIFESTS, number)


# ---- what an image may have of its own


def nothing(_, directory):
    pass


def copy_of_manifests(top):
    """As an image has them that was built before NVIDIA's toolkit brought manifests."""

    def edit(_, directory):
        for api, name in loaders.MANIFESTS.items():
            base = "etc" if api == "opencl" else top
            text = "libnvidia-opencl.so.1" if api == "opencl" else loaders.icd(loaders.APIS[api])
            loaders.write(directory / "rootfs" / base / name, text)

    return edit


def under_other_names(_, directory):
    root = directory / "rootfs/etc"
    loaders.write(root / "vulkan/icd.d/my-gpu.json", loaders.icd("libGLX_nvidia.so.0"))
    loaders.write(root / "glvnd/egl_vendor.d/00_mine.json", loaders.icd("libEGL_nvidia.so.0"))
    loaders.write(root / "OpenCL/vendors/mine.icd", "libnvidia-opencl.so.1")


def twice(_, directory):
    """Of two packages, or of a package and a recipe."""
    copy_of_manifests("usr/share")(_, directory)
    under_other_names(_, directory)


def by_path(_, directory):
    root, library = directory / "rootfs/usr/share", f"/usr/lib/{loaders.TRIPLES[64]}"
    loaders.write(root / "vulkan/icd.d/nvidia_icd.json", loaders.icd(f"{library}/libGLX_nvidia.so.0"))
    loaders.write(root / "glvnd/egl_vendor.d/10_nvidia.json", loaders.icd(f"{library}/libEGL_nvidia.so.0"))


def of_both_classes(_, directory):
    """As RPM packages bring them, with the paths of this image."""
    root = directory / "rootfs/usr/share"
    for bits, triple in loaders.TRIPLES.items():
        name = f"vulkan/icd.d/nvidia_icd.{loaders.WORDS[bits]}.json"
        loaders.write(root / name, loaders.icd(f"/usr/lib/{triple}/libGLX_nvidia.so.0"))


def that_lead_nowhere(_, directory):
    """What is left of alternatives whose packages were removed, where the driver's manifests go."""
    for api, name in loaders.MANIFESTS.items():
        path = directory / "rootfs" / ("usr/share" if api == "egl" else "etc") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(f"/etc/alternatives/nvidia--{path.name}")


IMAGES = {
    "an image without manifests": nothing,
    "an image with copies of the manifests": copy_of_manifests("usr/share"),
    "an image with copies in etc": copy_of_manifests("etc"),
    "an image with manifests of other names": under_other_names,
    "an image with two manifests for each library": twice,
    "an image with manifests that name paths": by_path,
    "an image with manifests of both classes": of_both_classes,
    "an image with manifests that lead nowhere": that_lead_nowhere,
}
DOORS = {"the hook": by_hook, "CDI": by_cdi("full")}


def register(layout, title, edit):
    def body():
        with loaders.driver(loaders.LAYOUTS[layout]) as tree:
            for name, door in DOORS.items():
                check_equal(counted(tree, NATIVE, 64, edit, door), each(2), f"GPUs that loaders show by {name}")
                for bits in loaders.TRIPLES:
                    seen = counted(tree, WITH_32_BIT, bits, edit, door)
                    check_equal(seen, each(2), f"GPUs that {bits}-bit loaders show with compat32 by {name}")

    body.__name__ = f"each GPU is there once with a driver of {layout} in {title}"
    test("loaders")(body)


for a_layout in loaders.LAYOUTS:
    for a_title, an_edit in IMAGES.items():
        register(a_layout, a_title, an_edit)


@test("loaders")
def without_compat32_a_32_bit_loader_shows_no_gpu():
    with loaders.driver(loaders.rpm) as tree:
        check_equal(counted(tree, NATIVE, 32), each(0), "GPUs")


@test("loaders")
def a_second_manifest_would_be_seen():
    """Else the tests above would prove nothing. GLVND tells by the library's handle that it has the vendor."""
    copies = "cd /etc; cp vulkan/icd.d/nvidia_icd.json vulkan/icd.d/2.json; cp OpenCL/vendors/nvidia.icd OpenCL/vendors/2.icd; "
    with loaders.driver(loaders.debian) as tree:
        output = container(tree, NATIVE, copies + script(64))
    check_equal(output.split(), "vulkan 4 egl 2 opencl 4".split(), "GPUs with a second manifest")


# ---- the X server

X_CONFIGURATION = """
Section "ServerFlags"
  Option "AutoAddDevices" "false"
EndSection
Section "Device"
  Identifier "gpu"
  Driver "nvidia"
EndSection
"""
# Without a screen it ends, after it has loaded its modules.
START_X = "cd /tmp; /usr/lib/xorg/Xorg -config x.conf -logfile x.log -novtswitch -sharevts :7 2>&1 >/dev/null; cat x.log"
X_MODULES = {
    "Debian": ("/usr/lib/xorg/modules/drivers", "/usr/lib/xorg/modules/extensions", "libglxserver_nvidia.so"),
    "Debian without alternatives": (
        "/usr/lib/xorg/modules/drivers",
        "/usr/lib/xorg/modules/extensions",
        f"libglxserver_nvidia.so.{SETUP.version}",
    ),
    "RPM packages": ("/usr/lib64/xorg/modules/drivers", "/usr/lib64/xorg/modules/extensions", "libglxserver_nvidia.so"),
}


@contextlib.contextmanager
def driver_for_x(drivers, extensions, name):
    with loaders.driver(loaders.debian) as tree:
        module = tree / drivers[1:] / "nvidia_drv.so"
        loaders.build(64, module, "xorg_module.c", "-shared", "-DMODULE=nvidia", "-DLOADS=glxserver_nvidia")
        glx = tree / extensions[1:] / name
        loaders.build(64, glx, "xorg_module.c", "-shared", "-DMODULE=glxserver_nvidia")
        yield tree


def configure_x(_, directory):
    (directory / "rootfs/tmp/x.conf").write_text(X_CONFIGURATION)


def register_x(layout, places):
    def body():
        with driver_for_x(*places) as tree:
            log = container(tree, "graphics,display,utility", START_X, configure_x)
        check("no screens found" in log, f"the X server: {log[-600:]}")
        for module in ("nvidia", "glxserver_nvidia"):
            check(f'Module {module}: vendor="simulated"' in log, f"{module} was not loaded: {log[-2000:]}")

    body.__name__ = f"an X server finds the modules of a driver of {layout}"
    test("loaders")(body)


for a_layout, some_places in X_MODULES.items():
    register_x(a_layout, some_places)
