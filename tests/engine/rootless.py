# SPDX-License-Identifier: Apache-2.0
"""A user without rights who runs containers: a home, subordinate ids, and a procfs that a user namespace may mount anew.

Only inside the private mount namespace of the simulated host.
"""

import functools
import itertools
import json
import shutil
import subprocess

import observe
from harness import PROCFS_HOOK, SETUP, check_equal, fail_text, run

USER = 4000
SUBORDINATE = 200000
NAME = "octest"
HOME = "/run/rootless"
RUNTIME_DIRECTORY = f"/run/user/{USER}"
HOOK = f"{HOME}/oci-nvidia-hook"
CONFIG = f"{HOME}/config.toml"
LOG = f"{HOME}/hook.log"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PROCFS_ENTRY = {"path": f"{HOME}/procfs-hook", "args": ["procfs-hook"], "env": [f"PATH={PATH}"]}
_numbers = itertools.count(1)


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


def add_line(file, line):
    """Hides a file of /etc behind a copy that has one more line."""
    copy = f"{HOME}/.etc-{file}"
    shutil.copy(f"/etc/{file}", copy)
    with open(copy, "a", encoding="utf-8") as text:
        text.write(line + "\n")
    mount("--bind", copy, f"/etc/{file}")


def make_user():
    """Once, before the first test. The mounts go with the namespace."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", make_directory(HOME))
    # The kernel lets a user namespace mount a procfs only where a complete one is in sight, and the simulated driver lies on
    # parts of the one at /proc.
    mount("-t", "proc", "proc", make_directory(f"{HOME}/.proc"))
    add_line("passwd", f"{NAME}:x:{USER}:{USER}::{HOME}/home:/bin/sh")
    add_line("group", f"{NAME}:x:{USER}:")
    for file in ("subuid", "subgid"):
        add_line(file, f"{NAME}:{SUBORDINATE}:65536")
    make_directory("/run/user")
    for directory in (f"{HOME}/home", RUNTIME_DIRECTORY, f"{HOME}/work"):
        make_directory(directory)
        shutil.chown(directory, USER, USER)
    subprocess.run(["chmod", "700", RUNTIME_DIRECTORY], check=True)
    shutil.copy(SETUP.hook, HOME)
    for directory in ("", "../libexec/oci-nvidia-hook"):  # of a build, of an installation
        probe = SETUP.hook.parent / directory / "oci-nvidia-probe"
        if probe.exists():
            shutil.copy(probe, HOME)
    shutil.copy(PROCFS_HOOK, HOME)


def make_directory(path):
    subprocess.run(["mkdir", "-p", path], check=True)
    return path


def as_user(*words, **options):
    command = f"setpriv --reuid {USER} --regid {USER} --clear-groups env -i".split()
    command += [f"HOME={HOME}/home", f"XDG_RUNTIME_DIR={RUNTIME_DIRECTORY}", f"PATH={PATH}"]
    return run([*command, *words], cwd=f"{HOME}/work", **options)


def in_user_namespace(*words, **options):
    """As root of a user namespace of the user's, as rootless engines run their runtimes."""
    unshare = ["unshare", "--user", "--map-auto", "--map-root-user", "--mount", "--"]
    return as_user(*unshare, *words, **options)


@functools.cache
def tree():
    """The image, owned by root of the user namespace."""
    target = f"{HOME}/work/image"
    pack = ["tar", "-C", SETUP.rootfs, "--exclude=aux-cache", "--exclude=./dev/*", "-cf", f"{HOME}/image.tar", "."]
    subprocess.run(list(map(str, pack)), check=True)
    script = f"mkdir {target} && tar -C {target} --no-same-owner -xpf {HOME}/image.tar"
    done = in_user_namespace("sh", "-c", script)
    check_equal(done.returncode, 0, fail_text("unpacking the image", done))
    return target


def write_config(text=""):
    with open(CONFIG, "w", encoding="utf-8") as file:
        file.write(f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\n' + (text or f'debug = "{LOG}"\n'))
    with open(LOG, "w", encoding="utf-8"):
        pass
    shutil.chown(LOG, USER, USER)


def log():
    with open(LOG, encoding="utf-8") as file:
        return file.read()


def hook_entry(*options, env=()):
    return {
        "path": HOOK,
        "args": ["oci-nvidia-hook", *options, "createRuntime"],
        "env": [f"PATH={PATH}", *env],
    }


class Outcome:
    def __init__(self, done, directory):
        self.exit, self.output, self.errors = done.returncode, done.stdout, done.stderr
        self.view = observe.View(done.stdout)
        self.directory = directory


def run_runc(devices, entry=None, edit=None, launch=in_user_namespace):
    """A container of runc in the user's namespace. Its root file system stays until the next one is made."""
    in_user_namespace("sh", "-c", "rm -rf bundle-*.rootfs")
    directory = f"{HOME}/work/bundle-{next(_numbers)}"
    in_user_namespace("cp", "-a", tree(), f"{directory}.rootfs")
    as_user("mkdir", directory)
    as_user("runc", "spec", "--rootless", "--bundle", directory)
    with open(f"{directory}/config.json", encoding="utf-8") as file:
        config = json.load(file)
    namespaces = [each for each in config["linux"]["namespaces"] if each["type"] != "user"]
    config["linux"].update(namespaces=namespaces, uidMappings=[], gidMappings=[])
    config["root"] = {"path": f"{directory}.rootfs", "readonly": False}
    config["process"].update(terminal=False, args=["/bin/sh", "-c", observe.WITH_FILES])
    if devices is not None:
        config["process"]["env"].append(f"NVIDIA_VISIBLE_DEVICES={devices}")
    config["hooks"] = {
        "prestart": [PROCFS_ENTRY],
        "createRuntime": [entry or hook_entry(f"-config={CONFIG}")],
    }
    if edit:
        edit(config)
    with open(f"{directory}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    name = f"rootless-{directory.rpartition('-')[2]}"
    done = launch(
        "runc", "--root", f"{RUNTIME_DIRECTORY}/runc", "run", "--bundle", directory, name
    )
    return Outcome(done, directory)
