# SPDX-License-Identifier: Apache-2.0
"""nvidia-container-cli for tests: its name on a PATH, and a container made by hand as its callers make theirs."""

import functools
import itertools
import shutil
from pathlib import Path

import observe
import oracle
from harness import SETUP, check, check_equal, fail_text, run

USER = 20123
_numbers = itertools.count(1)
# What enroot and Apptainer have done when they start the program: the root file system is a mount, with the host's procfs and a /dev of
# few nodes in it; at PLACE the directory VOLUME of the host, if any. Then the program's own arguments, and a look from inside.
IN_NAMESPACES = r"""
set -e
rootfs=$1; shift
mount --bind "$rootfs" "$rootfs"
mount --rbind /proc "$rootfs/proc"
mount -t tmpfs -o mode=755 tmpfs "$rootfs/dev"
touch "$rootfs/dev/null"
mount --bind /dev/null "$rootfs/dev/null"
[ -z "$VOLUME" ] || mount --bind "$VOLUME" "$rootfs$PLACE"
cd "$rootfs/.."
cat /proc/self/mountinfo >before
status=0
"$@" || status=$?
cat /proc/self/mountinfo >after
[ $status = 0 ] || exit $status
exec chroot "$rootfs" /bin/sh -c "$LOOK" 2>/dev/null
"""


@functools.cache
def place():
    """A directory that every user can enter; the simulated host's /run is the tests' own."""
    directory = Path("/run/oci-nvidia-cli-tests")
    directory.mkdir(mode=0o755)
    return directory


@functools.cache
def binaries():
    """A directory for PATH with the program, and with the probe beside it."""
    directory = place() / "bin"
    directory.mkdir()
    shutil.copy(SETUP.hook, directory / "nvidia-container-cli")
    for installed in ("", "../libexec/oci-nvidia-hook"):
        probe = SETUP.hook.parent / installed / "oci-nvidia-probe"
        if probe.exists():
            shutil.copy(probe, directory)
    return directory


@functools.cache
def links():
    """Another, for a second simulated host, whose /run is empty."""
    directory = SETUP.work / "cli-bin"
    directory.mkdir()
    (directory / "nvidia-container-cli").symlink_to(SETUP.hook)
    return directory


def environment(**more):
    path = f"{binaries()}:{links()}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, **more}


def cli(*words, before=(), env=None):
    """Runs the program with the simulated host's driver root."""
    command = [*before, "nvidia-container-cli", f"--root={SETUP.driver}", *words]
    return run(command, env=environment(**(env or {})))


def copy_of_image(owner=0, image=None):
    """A root file system of its own for one container, which belongs to `owner`."""
    directory = place() / f"container-{next(_numbers)}"
    directory.mkdir(mode=0o755)
    run(["cp", "-a", image or SETUP.rootfs, directory / "rootfs"], check=True)
    if owner:
        run(["chown", "-h", "-R", f"{owner}:{owner}", directory], check=True)
    return directory / "rootfs"


def tree(rootfs):
    """Every file of an image: name, kind, mode, owner, size, target."""
    return run(["find", rootfs, "-printf", "%P %y %m %u:%g %s %l\n"], check=True).stdout.splitlines()


def judge(done, rootfs, image):
    """The oracle's invariants of the container: what it shows is the driver's alone, and after a failure it is as it was."""
    before, after = ((rootfs.parent / name).read_text().splitlines() for name in ("before", "after"))
    if done.returncode == 0:
        oracle.check_mounts({"host": before, "before": {"mounts": before}, "after": {"mounts": after}})
    else:
        check_equal(after, before, "mounts after a failure")
        check_equal(tree(rootfs), image, "the image after a failure")


def run_in_namespaces(words, rootless, env=None, spoil=None):
    """Runs `words`, a command line of the program, for a container made by hand, and then looks from inside; ROOTFS stands for its
    root file system, which `spoil` may change first."""
    rootfs = copy_of_image(owner=USER if rootless else 0)
    words = [str(rootfs) if word == "ROOTFS" else word for word in words]
    namespaces = ["unshare", "--mount", "--propagation", "slave"]
    if rootless:
        namespaces = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "unshare"]
        namespaces += ["--user", "--map-root-user", "--mount"]
    try:
        if spoil:
            spoil(rootfs)
        image = tree(rootfs)
        done = run(
            [*namespaces, "sh", "-c", IN_NAMESPACES, "sh", rootfs, *words],
            env=environment(LOOK=observe.SCRIPT, **(env or {})),
        )
        judge(done, rootfs, image)
        return done
    finally:
        shutil.rmtree(rootfs.parent)


def view_in_namespaces(words, rootless, env=None):
    done = run_in_namespaces(words, rootless, env)
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, fail_text("the container", done))
    check(done.stderr == "", f"standard error: {done.stderr!r}")
    return view
