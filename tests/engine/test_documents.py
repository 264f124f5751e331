# SPDX-License-Identifier: Apache-2.0
"""The commands of README.md and docs, as they are printed, on a fresh Debian with Docker, Podman, runc and a simulated driver.

What has been installed is taken from build/staged (`DESTDIR=build/staged cmake --install build/release --prefix /usr`).
The containers NAME, web and db, which the documents name, run on Docker.
"""

import contextlib
import itertools
import json
import shutil
import socket
import subprocess
from pathlib import Path

import shell_blocks
from harness import HERE, PROCFS_HOOK, SETUP, Skip, check, check_equal, fail_text, run, test

SOURCE = HERE.parents[1]
STAGED = SOURCE / "build/staged"
SOCKET = Path("/var/run/docker.sock")
FINDINGS = (0, 1, 3)
NAMED = ("NAME", "web", "db")
RUNTIME = HERE / "runc-with-procfs"
# As `systemctl` for dockerd: a program, because `oci-nvidia` executes it by descriptor.
SYSTEMCTL = """
#include <unistd.h>
int main(int count, char** words) { words[0] = "systemctl.sh"; return execv("/usr/local/sbin/systemctl.sh", words); }
"""
SYSTEMCTL_SCRIPT = """#!/bin/sh
set -eu
case "$*" in
"restart docker")
  [ ! -e /run/docker.pid ] || { kill "$(cat /run/docker.pid)"; while [ -e /run/docker.pid ]; do sleep 0.1; done; }
  setsid dockerd --pidfile /run/docker.pid >>/run/dockerd.log 2>&1 </dev/null &
  until docker version >/dev/null 2>&1; do sleep 0.1; done ;;
"reload docker") kill -HUP "$(cat /run/docker.pid)" ;;
*) echo "systemctl $*: not here" >&2; exit 1 ;;
esac
"""
# Of a bundle that a document makes by hand, which cannot know the hook for the kernel module.
RUNC = """#!/bin/sh
set -eu
case " $* " in
*" --bundle "*) ;;
*" run "*)
  jq --arg hook HOOK '.hooks.createRuntime = [{path: $hook, args: ["procfs-hook"]}] + .hooks.createRuntime' \\
    config.json >edited.json
  mv edited.json config.json ;;
esac
exec /usr/sbin/runc "$@"
"""
DAEMON = {
    "bridge": "none", "iptables": False, "ip6tables": False, "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "default-runtime": "simulated", "runtimes": {"simulated": {"path": str(RUNTIME)}},
}  # fmt: skip
PODMAN = """[containers]
netns = "none"
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
pids_limit = -1
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "simulated"
[engine.runtimes]
simulated = ["RUNTIME"]
"""


def write(path, text, mode=0o644):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def install():
    if not STAGED.is_dir():
        raise Skip("nothing is staged; DESTDIR=build/staged cmake --install build/release --prefix /usr")
    shutil.copytree(STAGED, "/", symlinks=True, dirs_exist_ok=True)
    write("/etc/docker/daemon.json", json.dumps({**DAEMON, "data-root": str(SETUP.disk / "docker")}, indent=2))
    write("/etc/containers/containers.conf", PODMAN.replace("RUNTIME", str(RUNTIME)))
    storage = f'[storage]\ndriver = "vfs"\ngraphroot = "{SETUP.disk}/podman"\nrunroot = "/run/containers/storage"\n'
    write("/etc/containers/storage.conf", storage)
    write("/etc/hosts", f"127.0.0.1 localhost {socket.gethostname()}\n")  # sudo looks for it
    write("/usr/local/sbin/runc", RUNC.replace("HOOK", str(PROCFS_HOOK)), 0o755)
    write("/usr/local/sbin/systemctl.sh", SYSTEMCTL_SCRIPT, 0o755)
    run(["cc", "-static", "-o", "/usr/bin/systemctl", "-x", "c", "-"], input=SYSTEMCTL, check=True)


def shell(commands, directory):
    return run(["bash", "-euo", "pipefail", "-c", commands], cwd=directory)


def make_host():
    """Returns the directory in which commands are run."""
    install()
    done = run(["systemctl", "restart", "docker"])
    check_equal(done.returncode, 0, fail_text("dockerd", done))
    directory = SETUP.disk / "here"
    directory.mkdir()
    for engine in ("docker", "podman"):
        with subprocess.Popen(["tar", "-C", SETUP.rootfs, "-c", "."], stdout=subprocess.PIPE) as tar:
            done = run([engine, "import", "--change", 'CMD ["bash"]', "-", "debian"], stdin=tar.stdout)
        check_equal(done.returncode, 0, fail_text(engine, done))
    return directory


def start_afresh():
    """With the configuration of the start, and the containers that the documents name."""
    text = f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\n[nvidia-container-runtime]\nruntimes = ["{RUNTIME}"]\n'
    write("/etc/nvidia-container-runtime/config.toml", text)
    shutil.rmtree("/etc/cdi", ignore_errors=True)
    for name in NAMED:
        run(["docker", "rm", "--force", name])
        done = run(["docker", "run", "--detach", "--name", name, "--gpus", '"device=0"', "debian", "sleep", "1000"])
        check_equal(done.returncode, 0, fail_text("docker run", done))


@contextlib.contextmanager
def host():
    """What the commands change in /etc is gone afterwards."""
    copy = SETUP.work / "etc-of-documents"
    subprocess.run(["cp", "-a", "/etc", copy], check=True)
    subprocess.run(["mount", "--bind", copy, "/etc"], check=True)
    try:
        yield make_host()
    finally:
        for name in NAMED:
            run(["docker", "rm", "--force", name])
        pid = Path("/run/docker.pid")
        if pid.exists():
            run(["kill", pid.read_text()])
        subprocess.run(["umount", "--lazy", "/etc"], check=True)


def failures_of(block, directory):
    """Of a screen, each command for itself: some are to show what `oci-nvidia` finds, by its exit status."""
    parts = block.commands.splitlines() if block.is_screen else [block.commands]
    for part in parts:
        done = shell(part, directory)
        if done.returncode not in (FINDINGS if len(part.splitlines()) == 1 else (0,)):
            yield f"{block.place}: {fail_text(part, done)}"


@test("documents")
def every_command_of_the_documents_works_as_it_is_printed():
    blocks, faults = shell_blocks.all_blocks(SOURCE)
    check(not faults, "; ".join(faults))
    failures = []
    with host() as directory:
        for page, of_page in itertools.groupby(blocks, key=lambda block: block.page):
            to_run = [block for block in of_page if not block.reason]
            if to_run:
                start_afresh()
            failures += itertools.chain.from_iterable(failures_of(block, directory) for block in to_run)
    check(not failures, "\n    ".join(failures))
