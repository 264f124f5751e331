# SPDX-License-Identifier: Apache-2.0
"""Trees that tests/engine/run makes once and keeps: images, drivers, hosts. Each is named after a
digest of what makes it."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from engines import PACKAGES
from harness import HERE, SIMULATED_HOST, Skip


def digest(*files, words=""):
    content = b"".join(path.read_bytes() for path in sorted(files)) + words.encode()
    return hashlib.sha256(content).hexdigest()[:12]


def cached(path, command):
    """`path`, made by `command` unless it is there. A half-made tree never has that name."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(f"{path}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    print(f"making {path}", flush=True)
    done = subprocess.run(
        [*map(str, command), str(partial)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise Skip(
            f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-300:]}; "
            "check the connection to the Debian archive (DEBIAN_MIRROR names another), or free space"
        )
    partial.rename(path)
    return path


def make_driver(cache):
    sources = list(SIMULATED_HOST.glob("*.c")) + [SIMULATED_HOST / "make-driver"]
    return cached(cache / f"driver-{digest(*sources)}", [SIMULATED_HOST / "make-driver"])


def make_rootfs(cache, debian):
    maker = HERE / "make-rootfs"
    kind = "debian" if debian else "small"
    options = ["--debootstrap"] if debian else []
    return cached(cache / f"rootfs-{kind}-{digest(maker, HERE / 'inspect.c')}", [maker, *options])


def make_real_driver(cache, suite=""):
    """NVIDIA's driver of the usual Debian, or of a later suite."""
    maker = HERE / "make-real-driver"
    name = f"driver-nvidia-{suite}{'-' if suite else ''}{digest(maker)}"
    return cached(cache / name, [maker, suite or make_rootfs(cache, debian=True)])


def make_loaders(cache):
    """The minimal Debian with its loaders of Vulkan, EGL and OpenCL, and an X server."""
    maker = HERE / "make-loaders"
    return cached(cache / f"rootfs-loaders-{digest(maker)}", [maker, make_rootfs(cache, debian=True)])


def make_systemd_host(cache, debian, suite="", whole=False):
    """A Debian with systemd: the usual one, or that of `suite`, with all engines if it is to be
    the `whole` host. Made if Debian may be fetched, else only taken if it is there."""
    maker = HERE / "make-systemd-host"
    packages = PACKAGES[suite].split() if whole else []
    path = cache / f"systemd-host-{suite or 'debian'}-{digest(maker, words=' '.join(packages))}"
    if not path.exists() and not debian:
        raise Skip("a Debian with systemd is not fetched; scripts/test --engines fetches it")
    return cached(path, [maker, suite or make_rootfs(cache, debian=True), *packages]).resolve()


def read_manifests():
    """Of the installer: here, because a host in a tree of its own has no parser of YAML."""
    sys.path.append("/usr/lib/python3/dist-packages")
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError as error:
        raise Skip("python3-yaml is not installed; scripts/test --engines installs it") from error
    directory = HERE.parents[1] / "docs/examples/kubernetes"
    files = [*directory.glob("installer/*.yaml"), directory / "nri/nri-daemon-set.yaml"]
    return {path.name: yaml.safe_load(path.read_text()) for path in files}


def version_of(driver):
    library = next((driver / "usr").rglob("libcuda.so.*.*"))
    return library.name.removeprefix("libcuda.so.")


