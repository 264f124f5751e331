# SPDX-License-Identifier: Apache-2.0
"""Containers with a GPU in a systemd scope."""

import contextlib
import itertools
import json
import shutil
import socket
import time

from bundle import HOOK_ENV, Case, bundle_config, foreign_nodes, hook_words
from harness import MINORS, SETUP, check, check_equal
from systemd_host import UNITS, systemd_host

DROP_IN = "50-oci-nvidia-hook.conf"
GPU = 1  # the one that containers ask for; another number than its minor
NODES = {"/dev/nvidiactl": "195:255", f"/dev/nvidia{MINORS[GPU]}": f"195:{MINORS[GPU]}"} | {
    "/dev/nvidia-uvm": "511:0",
    "/dev/nvidia-uvm-tools": "511:1",
}
# In the order of the plan: the control nodes, then the GPU.
CONTENT = """\
# Made by oci-nvidia-hook, so that the container keeps its GPUs when systemd applies its
# device policy again (systemctl daemon-reload). Goes with the unit.
[Scope]
DeviceAllow=/dev/char/195:255 rw
DeviceAllow=/dev/char/511:0 rw
DeviceAllow=/dev/char/511:1 rw
DeviceAllow=/dev/char/195:3 rw
"""
RUNC = ("runc", "--systemd-cgroup")
CRUN = ("crun", "--systemd-cgroup")
# crun raises RLIMIT_MEMLOCK, which may not be permitted here; kernels since 5.11 need it for nothing.
WITH_MEMLOCK = ("strace", "-f", "-D", "-qq", "-o", "/dev/null", "-e", "trace=prlimit64")
WITH_MEMLOCK += ("-e", "inject=prlimit64:retval=0")
END_LIMIT_S = 20
PRIVATE_SOCKET = "/run/systemd/private"
_numbers = itertools.count(1)


class Container:
    """One that runs in a scope, started by `runtime`."""

    def __init__(self, host, runtime, name):
        self.host, self.name = host, name
        self.runtime = runtime
        self.told = ""
        self.scope = f"test-{name}.scope"
        self.directory = f"{UNITS}/{self.scope}.d"
        self.drop_in = f"{self.directory}/{DROP_IN}"

    def opened(self, *paths):
        """{path: what opening it gave} inside."""
        told = self.host.must(*self.runtime, "exec", self.name, "inspect", "open", *paths)
        return dict(line.split(maxsplit=1) for line in told.splitlines())

    def oci_nvidia(self, command, *options, status=0):
        """What `oci-nvidia inspect` or another command tells of it."""
        program = SETUP.hook.parent / "oci-nvidia"
        done = self.host.run(program, command, self.name, *options, "--config", SETUP.config)
        check_equal(done.returncode, status, f"exit status of {command}: {done.stdout}{done.stderr}")
        return done.stdout

    def regrant(self, *options, status=0):
        return self.oci_nvidia("regrant", *options, status=status)

    def has_drop_in(self):
        return self.host.path(self.drop_in).exists()

    def check_access(self, when, nodes="ENXIO", others=()):
        """The selected GPU's nodes give `nodes` (there is no driver: ENXIO was allowed), those of the others EPERM."""
        check_equal(self.opened(*NODES), dict.fromkeys(NODES, nodes), f"selected nodes {when}")
        expected = {f"/foreign/gpu{minor}": "EPERM" for minor in range(8)}
        for gpu in (GPU, *others):
            expected[f"/foreign/gpu{MINORS[gpu]}"] = nodes
        check_equal(self.opened(*expected), expected, f"nodes of all GPUs {when}")
        check_equal(self.opened("/dev/null"), {"/dev/null": "opened"}, f"/dev/null {when}")

    def end(self):
        """Returns when systemd has forgotten the scope."""
        self.host.run(*self.runtime, "delete", "--force", self.name)
        deadline = time.monotonic() + END_LIMIT_S
        while self.host.path(f"{UNITS}/{self.scope}").exists():
            check(time.monotonic() < deadline, f"{self.scope} does not end")
            time.sleep(0.05)


def prepare(directory, name, runtime, hook, edit):
    case = Case(str(GPU), mounts=[foreign_nodes()], args=["sleep", "1000"])
    config = bundle_config(case, directory)
    command = hook or hook_words()
    config["hooks"]["createRuntime"] = [{"path": command[0], "args": command, "env": HOOK_ENV}]
    config["process"]["rlimits"] = []  # needs CAP_SYS_RESOURCE
    spaces = config["linux"]["namespaces"]
    config["linux"]["namespaces"] = [space for space in spaces if space["type"] != "network"]
    config["linux"]["cgroupsPath"] = f"system.slice:test:{name}"
    if edit:
        edit(config)
    (directory / "config.json").write_text(json.dumps(config))


@contextlib.contextmanager
def socket_replaced(host, listener):
    """systemd's private socket is gone, or (`listener`) one that nobody answers on."""
    real = host.path(PRIVATE_SOCKET)
    hidden = real.with_name("private.hidden")
    real.rename(hidden)
    try:
        with socket.socket(socket.AF_UNIX) as deaf:
            if listener:
                deaf.bind(str(real))
                deaf.listen()
            yield
    finally:
        hidden.replace(real)


@contextlib.contextmanager
def started(runtime=RUNC, prefix=(), hook=None, edit=None, fails=False, untold=None):
    """A running container with the GPU. With `fails`: what the runtime told when it did not start. With `untold`
    ("gone", "deaf") the hook cannot tell systemd, because of what became of its private socket."""
    host = systemd_host()
    name = f"c{next(_numbers)}"
    directory = SETUP.work / f"systemd-{name}"
    (directory / "rootfs").mkdir(parents=True)
    (directory / "upper").mkdir()
    (directory / "work").mkdir()
    layers = f"lowerdir={SETUP.rootfs},upperdir={directory}/upper,workdir={directory}/work"
    host.must("mount", "-t", "overlay", "overlay", "-o", layers, directory / "rootfs")
    container = Container(host, runtime, name)
    try:
        prepare(directory, name, runtime, hook, edit)
        log = directory / "log"
        run = ["sh", "-c", '"$@" >"$0" 2>&1', log, *prefix, *runtime]
        away = socket_replaced(host, untold == "deaf") if untold else contextlib.nullcontext()
        with away:
            done = host.run(*run, "run", "-d", "--bundle", directory, name)
        container.told = log.read_text()
        check((done.returncode != 0) == fails, f"the container: {container.told[-600:]}")
        yield container
    finally:
        container.end()
        host.run("umount", "-l", directory / "rootfs")
        shutil.rmtree(directory)
