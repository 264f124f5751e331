# SPDX-License-Identifier: Apache-2.0
"""CDI specifications as NVIDIA's tools of several releases write them, for the simulated driver.

Written from the documented format (docs/cdi.md names the releases): kinds of entries, their order,
their options, and the calls of `nvidia-cdi-hook`. The driver's files are listed as they lie below
its root; nothing of NVIDIA's programs is used.
"""

import dataclasses
import json

from harness import MINORS, SETUP, UUID

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
LIBRARIES32 = "/usr/lib/i386-linux-gnu"
PROGRAMS = ("nvidia-smi", "nvidia-debugdump", "nvidia-persistenced", "nvidia-cuda-mps-control")
CONTROL = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")
MOUNT_OPTIONS = ["ro", "nosuid", "nodev", "bind"]


@dataclasses.dataclass(frozen=True)
class Release:
    """What distinguishes the specifications of a release."""

    version: str  # of CDI
    program: str = "nvidia-cdi-hook"
    hooks: tuple = ()  # beside create-symlinks and update-ldcache
    mount_options: tuple = tuple(MOUNT_OPTIONS)
    environment: tuple = ()  # of each hook
    yaml: bool = True


RELEASES = {
    "1.16": Release("0.5.0", "nvidia-ctk", ("chmod",), yaml=False),
    "1.17": Release("0.5.0", hooks=("enable-cuda-compat", "chmod")),
    "1.18": Release(
        "0.5.0",
        hooks=("enable-cuda-compat", "disable-device-node-modification"),
        environment=("NVIDIA_CTK_DEBUG=false",),
    ),
    "1.19": Release(
        "0.5.0",
        hooks=("enable-cuda-compat", "disable-device-node-modification"),
        mount_options=("ro", "nosuid", "nodev", "rbind", "rprivate"),
        environment=("NVIDIA_CTK_DEBUG=false",),
        yaml=False,
    ),
    # The Kubernetes device plugin, where nothing names another program.
    "device plugin 0.20": Release(
        "0.5.0",
        "nvidia-ctk",
        (
            "enable-cuda-compat",
            "disable-device-node-modification",
            "update-application-profile",
        ),
        environment=("NVIDIA_CTK_DEBUG=false",),
        yaml=False,
    ),
    "1.20": Release(
        "0.5.0",
        hooks=(
            "enable-cuda-compat",
            "disable-device-node-modification",
            "update-application-profile",
        ),
        mount_options=("ro", "nosuid", "nodev", "rbind", "rprivate"),
        environment=("NVIDIA_CTK_DEBUG=false",),
    ),
}


def driver_files():
    """Paths below the driver's root, as NVIDIA's tools look for them."""
    for directory in (LIBRARIES, LIBRARIES32):
        for path in sorted((SETUP.driver / directory[1:]).glob("lib*.so.*")):
            if not path.is_symlink():
                yield f"{directory}/{path.name}"
    for name in PROGRAMS:
        yield f"/usr/bin/{name}"
    for path in sorted((SETUP.driver / "usr/lib/firmware/nvidia" / SETUP.version).iterdir()):
        yield f"/usr/lib/firmware/nvidia/{SETUP.version}/{path.name}"


def mount(path, release):
    options = list(release.mount_options)
    return {"hostPath": f"{SETUP.driver}{path}", "containerPath": path, "options": options}


def links():
    """target::link"""
    return [
        f"libcuda.so.1::{LIBRARIES}/libcuda.so",
        f"libnvidia-opticalflow.so.1::{LIBRARIES}/libnvidia-opticalflow.so",
        f"libGLX_nvidia.so.{SETUP.version}::{LIBRARIES}/libGLX_indirect.so.0",
        f"../libnvidia-allocator.so.1::{LIBRARIES}/gbm/nvidia-drm_gbm.so",
    ]


def call(program, release, name, *arguments):
    words = [release.program, *(["hook"] if release.program == "nvidia-ctk" else []), name]
    entry = {"hookName": "createContainer", "path": program, "args": [*words, *arguments]}
    if release.environment:
        entry["env"] = list(release.environment)
    return entry


def arguments_of(name):
    return {
        "enable-cuda-compat": [f"--host-driver-version={SETUP.version}"],
        "chmod": ["--mode", "755", "--path", "/dev/dri"],
    }.get(name, [])


def hooks(program, release):
    """In NVIDIA's order: the links, then what the loader must know, then the rest."""
    link_words = [word for link in links() for word in ("--link", link)]
    folders = ["--folder", LIBRARIES, "--folder", LIBRARIES32]
    compat = [name for name in release.hooks if name == "enable-cuda-compat"]
    rest = [name for name in release.hooks if name != "enable-cuda-compat"]
    return [
        call(program, release, "create-symlinks", *link_words),
        *(call(program, release, name, *arguments_of(name)) for name in compat),
        call(program, release, "update-ldcache", *folders),
        *(call(program, release, name, *arguments_of(name)) for name in rest),
    ]


def gpu_node(index):
    return {"path": f"/dev/nvidia{MINORS[index]}"}


def specification(program, name, hook_order=list):
    """The document of release `name`; its hooks start `program`. `hook_order` may change their order."""
    release = RELEASES[name]
    devices = [
        {"name": title, "containerEdits": {"deviceNodes": [gpu_node(index)]}}
        for index in range(8)
        for title in (str(index), f"{UUID}{index}")
    ]
    everything = [gpu_node(index) for index in range(8)]
    devices.append({"name": "all", "containerEdits": {"deviceNodes": everything}})
    return {
        "cdiVersion": release.version,
        "kind": "nvidia.com/gpu",
        "devices": devices,
        "containerEdits": {
            "env": ["NVIDIA_VISIBLE_DEVICES=void"],
            "deviceNodes": [{"path": f"/dev/{node}"} for node in CONTROL],
            "hooks": hook_order(hooks(program, release)),
            "mounts": [mount(path, release) for path in driver_files()],
        },
    }


def to_yaml(value, indent=0):
    """Block style, as NVIDIA's tools write it; all texts are quoted."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{key}:{nested(item, indent)}" for key, item in value.items())
    return "".join(f"{pad}-{nested(item, indent)}" for item in value)


def nested(item, indent):
    if isinstance(item, (dict, list)):
        return "\n" + to_yaml(item, indent + 1)
    return f" {json.dumps(item)}\n"


def text_of(document, name):
    return "---\n" + to_yaml(document) if RELEASES[name].yaml else json.dumps(document)
