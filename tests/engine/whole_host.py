# SPDX-License-Identifier: Apache-2.0
"""What a package would install, on a host whose root file system is the tests' own (enter-tree)."""

import functools
import subprocess
from pathlib import Path

from harness import SETUP

USER = "tester"
# Stands for the kernel module, too: a container's procfs shows the driver's directory.
PROGRAM = """\
#!/bin/bash
if [[ " $* " == *" configure "* ]]; then
  procfs=${{*: -1}}/proc/driver
  if [[ -d $procfs && ! -d $procfs/nvidia ]]; then
    mount -t tmpfs -o mode=555 tmpfs "$procfs" && cp -r /proc/driver/nvidia "$procfs/"
  fi
fi
exec -a nvidia-container-cli {hook} "$@"
"""


@functools.cache
def install_cli():
    """nvidia-container-cli on the PATH that programs choose themselves, and its configuration."""
    program = Path("/usr/bin/nvidia-container-cli")
    program.write_text(PROGRAM.format(hook=SETUP.hook))
    program.chmod(0o755)
    config = Path("/etc/nvidia-container-runtime/config.toml")
    config.parent.mkdir(exist_ok=True)
    config.write_text(f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\n')


@functools.cache
def make_user():
    """An ordinary user with subordinate ids, whose home others cannot read."""
    subprocess.run(["useradd", "--create-home", USER], check=True)


def as_user(*command):
    words = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "env", "-i"]
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return [*words, f"PATH={path}", f"HOME=/home/{USER}", *command]


def copy_of_image(name, owner=None):
    """The tests' image as a directory."""
    directory = SETUP.disk / name
    subprocess.run(["cp", "-a", SETUP.rootfs, directory], check=True)
    if owner:
        subprocess.run(["chown", "-R", f"{owner}:{owner}", directory], check=True)
    for path in (SETUP.disk, SETUP.disk.parent):
        path.chmod(0o755)
    return directory
