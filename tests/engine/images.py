# SPDX-License-Identifier: Apache-2.0
"""Root file systems laid out as the distributions lay them out, from the programs of this machine."""

import dataclasses
import functools
import shutil
from pathlib import Path

from harness import HERE, SETUP, Skip, check_equal, fail_text, run

SUPPLY = "scripts/test installs it (apt-get install busybox-static musl-tools)"
CHECKER = "/usr/bin/load_check"
OTHER_VERSION = "470.82.01"


@dataclasses.dataclass
class Image:
    root: Path
    libraries: str  # where the driver's libraries must come to lie
    libraries_seen: str = ""  # the same without links, if it is another

    @property
    def real_libraries(self):
        return self.libraries_seen or self.libraries


def succeed(command):
    done = run(command)
    check_equal(done.returncode, 0, fail_text(str(command[0]), done))
    return done.stdout


def compile_program(target, source, *options, compiler="cc"):
    target.parent.mkdir(parents=True, exist_ok=True)
    succeed([compiler, "-std=gnu11", "-O1", *options, "-o", target, HERE / source, "-ldl"])


@functools.cache
def triple():
    return succeed(["cc", "-print-multiarch"]).strip()


@functools.cache
def base():
    """A tree of this machine's programs, laid out like Debian, that the others are made from."""
    root = SETUP.work / "images" / "base"
    root.parent.mkdir(exist_ok=True)
    succeed([HERE / "make-rootfs", root])
    compile_program(root / CHECKER[1:], "load_check.c")
    return root


def copy_of_base(name):
    """A new directory with the base; a kind of image is made once for each test that wants it."""
    root = SETUP.work / "images" / name
    shutil.rmtree(root, ignore_errors=True)
    succeed(["cp", "-a", base(), root])
    return root


def empty(name):
    root = SETUP.work / "images" / name
    shutil.rmtree(root, ignore_errors=True)
    for directory in ("dev", "proc", "sys", "tmp", "etc"):
        (root / directory).mkdir(parents=True)
    return root


def tell(root, os_id, *directories):
    """Names the distribution, and the directories that its loader searches."""
    (root / "etc/debian_version").unlink(missing_ok=True)
    (root / "etc/os-release").write_text(f"ID={os_id}\n")
    if directories:
        (root / "etc/ld.so.conf").write_text("".join(f"{name}\n" for name in directories))
        succeed(["/sbin/ldconfig", "-r", root])


def move_libraries(root, directory):
    """The C library and its like, from Debian's directory; the loader keeps the name that programs have in them."""
    source = root / "usr/lib" / triple()
    target = root / directory
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        file.rename(target / file.name)
    source.rmdir()


def debian():
    return Image(copy_of_base("debian"), f"/usr/lib/{triple()}")


def rhel():
    root = copy_of_base("rhel")
    move_libraries(root, "usr/lib64")
    (root / "etc/redhat-release").write_text("Red Hat Enterprise Linux release 9.4 (Plow)\n")
    tell(root, "rhel", "/usr/lib64")
    return Image(root, "/usr/lib64")


def opensuse():
    """/lib64 with the C library and /usr/lib64 are two directories."""
    root = copy_of_base("opensuse")
    (root / "lib64").unlink()
    (root / "lib64").mkdir()
    for loader in (root / "usr/lib64").iterdir():
        loader.rename(root / "lib64" / loader.name)
    move_libraries(root, "lib64")
    tell(root, "opensuse-leap", "/lib64", "/usr/lib64", "/usr/lib")
    return Image(root, "/usr/lib64")


def arch():
    """Every library directory is a link to /usr/lib."""
    root = copy_of_base("arch")
    move_libraries(root, "usr/lib")
    for loader in (root / "usr/lib64").iterdir():
        loader.rename(root / "usr/lib" / loader.name)
    (root / "usr/lib64").rmdir()
    (root / "usr/lib64").symlink_to("lib")
    tell(root, "arch", "/usr/lib")
    return Image(root, "/usr/lib64", "/usr/lib")


def nixos():
    """/lib is a link into the store, which holds every library. The C library is Debian's here: Nix's own reads no
    /etc/ld.so.cache, so that with it programs need LD_LIBRARY_PATH."""
    root = copy_of_base("nixos")
    environment = "nix/store/0c1d2e3f-image-env"
    (root / environment).mkdir(parents=True)
    move_libraries(root, f"{environment}/lib")
    (root / "lib").unlink()
    (root / "lib").symlink_to(f"/{environment}/lib")
    (root / "usr/lib").rmdir()
    (root / "usr/lib64").rename(root / environment / "lib64")
    (root / "lib64").unlink()
    (root / "lib64").symlink_to(f"/{environment}/lib64")
    tell(root, "nixos", "/lib")
    return Image(root, "/usr/lib64")


def distroless():
    """A C library, and neither a shell, nor ldconfig, nor a loader cache."""
    root = copy_of_base("distroless")
    keep = {"load_check", "inspect"}
    for directory in ("usr/bin", "usr/sbin", "usr/local/bin"):
        for file in (root / directory).iterdir():
            if file.name not in keep:
                file.unlink()
    for name in ("ld.so.cache", "ld.so.conf"):
        (root / "etc" / name).unlink()
    return Image(root, f"/usr/lib/{triple()}")


def busybox(name="busybox"):
    """One static program under all names, and no library at all."""
    program = shutil.which("busybox")
    if program is None or "not a dynamic" not in run(["ldd", program]).stderr:
        raise Skip(f"no static busybox; {SUPPLY}")
    root = empty(name)
    (root / "bin").mkdir()
    shutil.copy2(program, root / "bin/busybox")
    for applet in succeed([program, "--list"]).split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    return Image(root, "/usr/lib64")


def alpine():
    """musl, busybox, and no usr-merge."""
    loader = next(Path("/lib").glob("ld-musl-*.so.1"), None)
    if loader is None or shutil.which("musl-gcc") is None:
        raise Skip(f"no musl-gcc; {SUPPLY}")
    root = busybox("alpine").root
    for directory in ("lib", "usr/lib", "usr/bin"):
        (root / directory).mkdir(parents=True)
    shutil.copy2(loader, root / "lib" / loader.name)
    compile_program(root / CHECKER[1:], "load_check.c", compiler="musl-gcc")
    (root / "etc/alpine-release").write_text("3.20.3\n")
    tell(root, "alpine")
    return Image(root, "/usr/lib64")


def scratch():
    """One static program, and what the container runtime needs is not there."""
    root = SETUP.work / "images" / "scratch"
    shutil.rmtree(root, ignore_errors=True)
    compile_program(root / "inspect", "inspect.c", "-static", "-D_GNU_SOURCE")
    return Image(root, "/usr/lib64")


def driver_library(name):
    """A library of the simulated driver, to be left over in an image."""
    return next((SETUP.driver / "usr/lib" / triple()).glob(f"{name}.so.*.*"))


def with_link_to_another_version():
    image = debian()
    directory = image.root / image.libraries[1:]
    shutil.copy2(driver_library("libcuda"), directory / f"libcuda.so.{OTHER_VERSION}")
    (directory / "libcuda.so.1").symlink_to(f"libcuda.so.{OTHER_VERSION}")
    succeed(["/sbin/ldconfig", "-r", image.root])
    return image


def with_empty_leftovers():
    """What a container left behind that was committed to an image: mount points of another driver's files, and its links."""
    image = debian()
    directory = image.root / image.libraries[1:]
    for name in ("libcuda", "libnvidia-ml", "libnvidia-cfg"):
        (directory / f"{name}.so.{OTHER_VERSION}").touch()
        (directory / f"{name}.so.1").symlink_to(f"{name}.so.{OTHER_VERSION}")
    (directory / "libnvidia-ptxjitcompiler.so.1").touch()
    (image.root / "usr/bin/nvidia-smi").touch()
    return image
