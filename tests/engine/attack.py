# SPDX-License-Identifier: Apache-2.0
"""An image that attacks the host, run twice: it reaches the host with a naive hook (naive.py), and does not with ours.

`plant(root, aim)` puts the attack into the root file system `root`; `aim` is the directory of the host that it is after. The naive hook's
is one of its own, which may change; ours is harness.canary().
"""

import contextlib
import os
import shutil
import sys

from bundle import Case, run_container
from harness import HERE, SETUP, canary, canary_state, check, check_equal, tree_state

UP = "../" * 40  # more than any rootfs is deep: the root of whoever resolves it
REFUSALS = range(11, 20)
EVERYTHING = {"NVIDIA_DRIVER_CAPABILITIES": "all"}
# Which directory every mount of the container shows.
LOOK_FOR_HOST = """
while read -r _ _ _ _ target _; do stat -c '%d:%i %n' "$target"; done </proc/self/mountinfo
"""


@contextlib.contextmanager
def prey():
    """Like the canary, for the naive hook."""
    directory = SETUP.work / "prey"
    (directory / "below").mkdir(parents=True)
    (directory / "secret").write_text("of the host\n")
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def planted(plant, aim, then=None):
    """What Case.edit is for an image with the attack."""

    def edit(config, directory):
        plant(directory / "rootfs", aim)
        if then:
            then(config, directory)

    return edit


def naive_hook(directory, operation):
    return [sys.executable, str(HERE / "naive.py"), f"{directory}/rootfs", *map(str, operation)]


def run_naive(plant, operation, aim, **options):
    """The container with the naive hook, which is told `operation`. Its hook may fail after the harm."""
    then = options.pop("edit", None)

    def edit(config, directory):
        plant(directory / "rootfs", aim)
        if then:
            then(config, directory)
        for entries in config["hooks"].values():
            for entry in entries:
                at = entry["args"].index("NAIVE") if "NAIVE" in entry["args"] else None
                if at is not None:
                    entry["args"][at:] = naive_hook(directory, operation)

    return run_container(Case("0", EVERYTHING, hook=["NAIVE"], edit=edit, **options))


def run_ours(plant, starts=True, devices="0", env=None, **options):
    """The container with our hook. `starts`: whether the hook must succeed; None: it may refuse."""
    before = canary_state()
    edit = planted(plant, canary(), options.pop("edit", None))
    outcome = run_container(Case(devices, {**EVERYTHING, **(env or {})}, edit=edit, **options))
    check_equal(canary_state(), before, "the host's directory that the image aims at")
    check(outcome.record is not None, f"the hook did not run: {outcome.errors}")
    code = outcome.record["exit"]
    check(code == 0 or code in REFUSALS, f"exit status {code}: {outcome.errors}")
    if starts is not None:
        check_equal(code == 0, starts, f"whether the hook succeeds ({outcome.errors.strip()})")
    return outcome


def reaches(plant, operation, **options):
    """Whether the naive hook changes the host."""
    with prey() as directory:
        before = tree_state(directory)
        run_naive(plant, operation, directory, **options)
        return tree_state(directory) != before


def attack(plant, operation, starts=True, **options):
    """The naive hook changes the host, which only --long shows again; ours does not. Returns what ours did."""
    if SETUP.long:
        check(reaches(plant, operation, **options), f"no attack: the naive hook, {operation}, did no harm")
    return run_ours(plant, starts, **options)


def hosts_seen(outcome):
    """Where the container shows the host's `/`, of what LOOK_FOR_HOST printed."""
    status = os.stat("/")
    of_host = f"{status.st_dev}:{status.st_ino} "
    return [line for line in outcome.output.splitlines() if line.startswith(of_host)]


def replace(path, target):
    """A link in the place of whatever the image has there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def without_mount(*targets):
    """The image has directories of its own where runc else mounts /dev or /proc."""

    def edit(config, _):
        config["mounts"] = [
            mount
            for mount in config["mounts"]
            if not any(f"{mount['destination']}/".startswith(f"{target}/") for target in targets)
        ]
        if "/proc" in targets:  # nor is there a procfs that could be given the driver's files
            del config["hooks"]["prestart"]

    return edit
