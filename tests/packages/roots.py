# SPDX-License-Identifier: Apache-2.0
"""Root file systems to install packages in, and their contents before and after."""

import os
import re
import stat
import subprocess
from pathlib import Path

ENGINE = Path(__file__).resolve().parent.parent / "engine"
# Files of the package managers, and /run, which a host makes anew when it boots.
OF_MANAGERS = ("run/", "var/lib/dpkg/", "var/lib/apt/", "var/cache/", "var/log/", "var/lib/rpm/", "usr/lib/sysimage/", "tmp/", "root/")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def run(*command, **options):
    """Returns the standard output. A failure is a CalledProcessError with all output."""
    words = [str(word) for word in command]
    return subprocess.run(
        words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    ).stdout


def mirror():
    return os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")


def minimal_debian(cache, suite="bookworm"):
    """For bookworm the one that the engine tests have made, whose name ends in a digest of the
    scripts that made it; otherwise a new one."""
    if suite != "bookworm":
        tree = cache / f"debian-{suite}"
        if not tree.exists():
            # A debootstrap does not know suites that came later; they are made as sid is.
            script = "/usr/share/debootstrap/scripts/sid"
            run("debootstrap", "--variant=minbase", suite, f"{tree}.new", mirror(), script)
            Path(f"{tree}.new").rename(tree)
        return tree
    existing = sorted(cache.glob("rootfs-debian-*"), key=os.path.getmtime)
    if existing:
        return existing[-1]
    tree = cache / "rootfs-debian-packages"
    run(ENGINE / "make-rootfs", "--debootstrap", f"{tree}.new")
    return Path(f"{tree}.new").rename(tree)


def check_same(before, after):
    """Both arguments are states of a root."""
    lines = [f"left: {name} {after[name]}" for name in sorted(after.keys() - before.keys())]
    lines += [f"gone: {name}" for name in sorted(before.keys() - after.keys())]
    lines += [f"changed: {name}: {before[name]} {after[name]}" for name in before if after.get(name, before[name]) != before[name]]
    if lines:
        raise AssertionError("\n".join(lines))


def with_higher_version(deb, work):
    """Returns the same package with a higher version, also of the other one that it needs."""
    tree = work / f"higher-{deb.stem}"
    higher = work / f"higher-{deb.name}"
    if higher.exists():
        return higher
    run("dpkg-deb", "--raw-extract", deb, tree)
    control = tree / "DEBIAN/control"
    text = control.read_text()
    version = re.search("^Version: (.*)$", text, re.MULTILINE)[1]
    text = text.replace(f"Version: {version}", f"Version: {version}+next1")
    control.write_text(text.replace(f"(= {version})", f"(= {version}+next1)"))
    run("dpkg-deb", "--root-owner-group", "--build", tree, higher)
    return higher


class Root:
    def __init__(self, directory):
        self.directory = directory

    def path(self, name):
        return self.directory / name.lstrip("/")

    def run(self, *command):
        """No tools of this machine, such as ccache, are used, whatever the environment says."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("CCACHE_", "CMAKE_"))}
        return run("chroot", self.directory, *command, env={**ours, **ENVIRONMENT})

    def state(self):
        """Returns {name: type, mode, owner, size, target} of every file except the package
        manager's."""
        found = {}
        for directory, names, files in os.walk(self.directory):
            for name in names + files:
                path = Path(directory, name)
                status = path.lstat()
                shown = str(path.relative_to(self.directory))
                if f"{shown}/".startswith(OF_MANAGERS):
                    continue
                size = None if stat.S_ISDIR(status.st_mode) else status.st_size
                target = os.readlink(path) if path.is_symlink() else None
                found[shown] = (oct(status.st_mode), status.st_uid, status.st_gid, size, target)
        return found


class DebianRoot(Root):
    """`tree`, a minimal Debian; changes to it go to `directory`."""

    def __init__(self, directory, tree, suite="bookworm"):
        super().__init__(directory / "root")
        self.layers = [directory / "upper", tree]
        for name in ("root", "upper", "work"):
            (directory / name).mkdir(parents=True)
        options = f"lowerdir={tree},upperdir={directory}/upper,workdir={directory}/work"
        run("mount", "-t", "overlay", "-o", options, "overlay", self.directory)
        self.path("/etc/apt/sources.list").write_text(f"deb {mirror()} {suite} main\n")

    def apt(self, *words):
        """Lists of a suite in development are valid for a week; a mirror may be older."""
        options = ("--option=Acquire::Languages=none", "--option=Acquire::Check-Valid-Until=false")
        return self.run("apt-get", "--yes", "--no-install-recommends", *options, *words)

    def install(self, *debs):
        """Installs with apt, so that dependencies come from the archive."""
        names = [f"/tmp/{number}.deb" for number in range(len(debs))]
        for name, deb in zip(names, debs):
            self.path(name).write_bytes(deb.read_bytes())
        self.apt("install", *names)
        for name in names:
            self.path(name).unlink()


class RpmRoot(Root):
    """Contains rpm's own files, and the directories of the package `filesystem` and similar ones.
    The package's dependencies are those of another distribution."""

    DIRECTORIES = ("bin", "lib/systemd/system", "lib/systemd/system-preset", "lib/tmpfiles.d", "lib/udev/rules.d", "libexec", "share/doc", "share/licenses")
    DIRECTORIES += tuple(f"share/man/man{section}" for section in range(1, 9))

    def __init__(self, directory):
        super().__init__(directory)
        for name in self.DIRECTORIES:
            (directory / "usr" / name).mkdir(parents=True)
        run("rpm", "--root", directory, "--initdb")

    def install(self, rpm):
        run("rpm", "--root", self.directory, "--install", "--nodeps", rpm)

    def erase(self, name):
        run("rpm", "--root", self.directory, "--erase", name)
