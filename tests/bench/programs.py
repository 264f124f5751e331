# SPDX-License-Identifier: Apache-2.0
"""The programs that are compared."""

import functools
import json
import shutil
import subprocess
from pathlib import Path

from harness import SETUP, Skip, fail_text, run

HERE = Path(__file__).resolve().parent
NVIDIA_HOOK = "nvidia-container-runtime-hook"


@functools.cache
def compiled(name, source=None):
    """Compiles a C program in this folder, or another one, as a static program."""
    path = SETUP.work / name
    command = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", path, HERE / (source or f"{name}.c")]
    done = run(command)
    if done.returncode != 0:
        raise Skip(fail_text(f"cc {name}.c", done))
    return path


@functools.cache
def config():
    """Writes a configuration for this host without a debug log, as the installed one."""
    path = SETUP.work / "bench.toml"
    path.write_text(f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\nldconfig = "@/sbin/ldconfig"\n')
    return path


def hook(*options):
    return [SETUP.hook, f"-config={config()}", *options, "createRuntime"]


def nvidia_hook():
    """NVIDIA's hook; None if it is not installed."""
    path = shutil.which(NVIDIA_HOOK)
    return [path, f"-config={config()}", "prestart"] if path else None


def plan(directory):
    """Returns what the hook would do to the container of a bundle with a root file system."""
    state = {"ociVersion": "1.0.2", "id": "bench", "pid": 0, "bundle": str(directory)}
    done = subprocess.run(
        list(map(str, hook("--dry-run"))), input=json.dumps(state), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(fail_text("dry run", done))
    return json.loads(done.stdout) if done.stdout.strip() else {"steps": []}
