# SPDX-License-Identifier: Apache-2.0
"""Directories of the host that a container is given, and what shows that nobody wrote to them."""

import contextlib
import dataclasses
import shutil
import subprocess

import record_hook
from attack import naive_hook
from bundle import bind, run_container
from harness import SETUP, check, check_equal


@contextlib.contextmanager
def volume(name, content=None, tmpfs=False):
    """A directory of the host, on its disk or on a tmpfs of its own: a copy of `content`, if any."""
    directory = (SETUP.work if tmpfs else SETUP.disk) / f"volume-{name}"
    directory.mkdir()
    if tmpfs:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory], check=True)
    try:
        if content is not None:
            subprocess.run(["cp", "-a", f"{content}/.", directory], check=True)
        yield directory
    finally:
        if tmpfs:
            subprocess.run(["umount", "-l", directory], check=True)
        shutil.rmtree(directory)


def state(*directories):
    return [record_hook.tree_of(str(directory)) for directory in directories]


def run_beside(case, *directories):
    """The container; the directories of the host are after it what they were before it, byte for byte."""
    before = state(*directories)
    outcome = run_container(case)
    for directory, old, new in zip(directories, before, state(*directories)):
        check_equal(new, old, f"{directory} of the host")
    check(outcome.record is not None, f"the hook did not run: {outcome.errors}")
    return outcome


def planted_naive(edit, operation):
    """An `edit` that also gives the naive hook (Case.hook is ["NAIVE"]) what it is to do."""

    def edit_all(config, directory):
        if edit:
            edit(config, directory)
        for entry in (entry for entries in config["hooks"].values() for entry in entries):
            if "NAIVE" in entry["args"]:
                at = entry["args"].index("NAIVE")
                entry["args"][at:] = naive_hook(directory, operation)

    return edit_all


def check_naive_changes(case, operation, *directories):
    """That a hook which looks at names alone would have written there."""
    before = state(*directories)
    edit = planted_naive(case.edit, operation)
    outcome = run_container(dataclasses.replace(case, hook=["NAIVE"], edit=edit, judged=False))
    check(state(*directories) != before, f"no attack: a naive hook that does {operation} changed nothing: {outcome.errors}")


def on(source, target, *options):
    """A volume there."""
    return bind(source, target, *(options or ("rw",)))

