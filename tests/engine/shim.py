# SPDX-License-Identifier: Apache-2.0
"""The runtime shim, as engines have it: under NVIDIA's name, configured by a file."""

import functools
import os

from harness import HERE, SETUP

# runc on a host that has a kernel module: for engines, which write config.json themselves.
RUNC_OF_ENGINES = HERE / "runc-with-procfs"


def config(runtime="runc"):
    """The configuration of the tests, with the runtime that the shim executes."""
    path = SETUP.work / f"shim-{os.path.basename(runtime)}.toml"
    if not path.exists():
        table = f'[nvidia-container-runtime]\nruntimes = ["no-such-runtime", "{runtime}"]\n'
        path.write_text(SETUP.config.read_text() + table)
    return path


@functools.cache
def program(name="nvidia-container-runtime"):
    directory = SETUP.work / "shim-bin"
    directory.mkdir(exist_ok=True)
    link = directory / name
    if not link.is_symlink():  # program() and program("nvidia-container-runtime") are the same
        link.symlink_to(SETUP.hook)
    return link


def environment(runtime="runc", **more):
    return {
        "PATH": os.environ["PATH"],
        "NVIDIA_CTK_CONFIG_FILE_PATH": str(config(runtime)),
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


@functools.cache
def configured():
    """The shim for engines that start it with an environment of their own."""
    path = SETUP.work / "configured-shim"
    variable = f"NVIDIA_CTK_CONFIG_FILE_PATH={config(str(RUNC_OF_ENGINES))}"
    path.write_text(f'#!/bin/sh\nexec env {variable} {program()} "$@"\n')
    path.chmod(0o755)
    return path
