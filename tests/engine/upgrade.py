# SPDX-License-Identifier: Apache-2.0
"""A copy of the simulated driver that can be upgraded."""

import contextlib
import os
import shutil

from harness import SETUP, run

NEW_VERSION = "545.310.02"  # as long as the old one: it is written over it in the libraries


def rewrite(path, old, new):
    status = path.lstat()
    content = path.read_bytes()
    if old in content:
        path.write_bytes(content.replace(old, new))
        os.chmod(path, status.st_mode & 0o7777)


def upgrade(tree):
    """Every file, name and link of the old version becomes one of the new version."""
    old, new = SETUP.version, NEW_VERSION
    for directory, names, files in os.walk(tree, topdown=False):
        for name in files + names:
            path = tree / directory / name
            if path.is_symlink():
                target = os.readlink(path)
                path.unlink()
                path.symlink_to(target.replace(old, new))
            elif path.is_file():
                rewrite(path, old.encode(), new.encode())
            if old in name:
                path.rename(path.with_name(name.replace(old, new)))
    run(["/sbin/ldconfig", "-r", tree], check=True)


@contextlib.contextmanager
def upgraded_driver():
    """A configuration for a driver of the old version, and the function that upgrades it and returns its root."""
    tree = SETUP.work / "upgrade" / "driver"
    tree.parent.mkdir()
    try:
        run(["cp", "-ax", SETUP.driver, tree], check=True)
        config = tree.parent / "config.toml"
        config.write_text(SETUP.config.read_text().replace(str(SETUP.driver), str(tree)))
        SETUP.sources.append(str(tree))

        def do_upgrade():
            upgrade(tree)
            return tree

        yield config, do_upgrade
    finally:
        if str(tree) in SETUP.sources:
            SETUP.sources.remove(str(tree))
        shutil.rmtree(tree.parent)


@contextlib.contextmanager
def replaced_driver():
    """As upgraded_driver(), but the files are new ones, as a package manager makes them, and the old ones are gone."""
    with upgraded_driver() as (config, _):
        tree = config.parent / "driver"

        def replace():
            new = config.parent / "new"
            run(["cp", "-a", tree, new], check=True)
            upgrade(new)
            for path in list(tree.iterdir()):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            for path in list(new.iterdir()):
                path.rename(tree / path.name)
            new.rmdir()

        yield config, replace


@contextlib.contextmanager
def replaced_in_place():
    """As replaced_driver(), but at the root of the driver that all containers of these tests have."""
    with replaced_driver() as (config, replace):
        run(["mount", "--bind", config.parent / "driver", SETUP.driver], check=True)
        try:
            yield SETUP.config, replace
        finally:
            run(["umount", SETUP.driver], check=True)
