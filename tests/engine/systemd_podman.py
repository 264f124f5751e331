# SPDX-License-Identifier: Apache-2.0
"""Podman on a host that systemd runs, with the hook or with CDI."""

import contextlib
import functools
import itertools
import json
import shlex

from bundle import foreign_nodes
from harness import HERE, SETUP, check, check_equal, fail_text
from systemd_container import GPU, Container
from systemd_host import systemd_host

IMAGE = "oci-nvidia-test"
# Podman's own limits need CAP_SYS_RESOURCE.
OPTIONS = "-d --network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000".split()
_numbers = itertools.count(1)


def podman(runtime_name, manager):
    """The command line before the subcommand."""
    words = ["podman", "--root", storage(), "--runroot", "/run/containers/storage"]
    words += ["--events-backend", "file", "--hooks-dir", hooks_directory()]
    return [*words, "--runtime", HERE / "with-procfs" / runtime_name, "--cgroup-manager", manager]


@functools.cache
def hooks_directory():
    """The installed definition, with the configuration of the tests."""
    directory = SETUP.work / "hooks.d"
    directory.mkdir()
    ours = json.loads(SETUP.hook_definition.read_text())
    ours["hook"]["path"] = str(SETUP.hook)
    ours["hook"]["args"].insert(1, f"-config={SETUP.config}")
    (directory / "oci-nvidia-hook.json").write_text(json.dumps(ours))
    return directory


@functools.cache
def storage():
    """Of its own, because layers of an overlay cannot lie in the one that is the host's root."""
    directory = "/var/lib/containers/storage"
    systemd_host().must("mkdir", "-p", directory)
    systemd_host().must("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory)
    return directory


@functools.cache
def image():
    words = [*podman("crun", "systemd"), "import", "-", IMAGE]
    command = shlex.join(map(str, words))
    systemd_host().must("sh", "-c", f"tar -C {shlex.quote(str(SETUP.rootfs))} -c . | {command}")
    return IMAGE


class PodmanContainer(Container):
    """One that `podman run` has started; `id` is Podman's."""

    def __init__(self, host, command, name, told):
        super().__init__(host, tuple(command), name)
        self.id = told.strip().splitlines()[-1]
        self.scope = f"libpod-{self.id}.scope"
        self.directory = f"/run/systemd/transient/{self.scope}.d"
        self.drop_in = f"{self.directory}/50-oci-nvidia-hook.conf"

    def end(self):
        self.host.must(*self.runtime, "rm", "--force", "--time", "0", self.name)


@contextlib.contextmanager
def by_podman(runtime_name, manager, *options):
    """A running container with the GPU of systemd_container."""
    host, name = systemd_host(), f"survivor-{next(_numbers)}"
    command = podman(runtime_name, manager)
    foreign = foreign_nodes()["source"]
    given = options or ("-e", f"NVIDIA_VISIBLE_DEVICES={GPU}")
    words = [*command, "run", *OPTIONS, "--name", name, "-v", f"{foreign}:/foreign:dev", *given, image()]
    done = host.run(*words, "sleep", "10000")
    check_equal(done.returncode, 0, fail_text("podman run", done))
    container = PodmanContainer(host, command, name, done.stdout)
    try:
        yield container
    finally:
        container.end()


def versions():
    """{"podman": "5.8.6", ...} of that host."""
    host = systemd_host()
    told = json.loads(host.must(*podman("crun", "systemd"), "info", "--format", "json"))
    found = {"podman": told["version"]["Version"]}
    for name in ("crun", "runc", "systemctl"):
        words = host.must(name, "--version").split()
        found[name] = words[words.index("version") + 1] if "version" in words else words[1]
    check(all(found.values()), f"versions {found}")
    return found
