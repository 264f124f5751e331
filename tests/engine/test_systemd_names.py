# SPDX-License-Identifier: Apache-2.0
"""Cgroups that are named like somebody else's systemd scope, as `--cgroup-parent` makes them with the cgroupfs driver."""

import contextlib
import subprocess

from harness import MINORS, SETUP, check, check_equal, test
from systemd_container import GPU, started
from systemd_host import systemd_host

# Tells, for each line on its standard input, what opening the GPU gives.
TRY = f'while read -r _; do "$0" open /dev/nvidia{MINORS[GPU]}; done'
RESTRICTED = ("-p", "DevicePolicy=strict", "-p", "DeviceAllow=/dev/null rw")


@contextlib.contextmanager
def victim(host):
    """A scope of somebody else's, /system.slice/victim.scope, that may use /dev/null alone; what it is called to tells what
    opening the GPU gives there."""
    inspect = SETUP.rootfs / "usr/local/bin/inspect"
    command = ["systemd-run", "--scope", "--unit=victim", *RESTRICTED, "sh", "-c", TRY, inspect]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(host.command(*command), text=True, **pipes) as process:

        def opened():
            print(file=process.stdin, flush=True)
            return process.stdout.readline().split()[-1:]

        yield opened
        process.stdin.close()


def names(directory):
    """A cgroup in which processes were cannot have others below it, so each test has a directory of its own."""
    return (f"{directory}/victim.scope", f"{directory}/victim.scope/x", "/system.slice/_victim.scope")


def check_nothing_is_told(host, path, untold=None):
    def put_there(config):
        config["linux"]["cgroupsPath"] = path

    log = SETUP.work / "hook.log"
    log.write_text("")
    where = f"beside a container in {path}"
    with victim(host) as opened:
        check_equal(opened(), ["EPERM"], "the GPU before")
        with started(runtime=("runc",), edit=put_there, untold=untold) as container:
            container.check_access(f"in {path}")
            check_equal(opened(), ["EPERM"], f"the GPU {where}")
            shown = host.systemctl("show", "-p", "DeviceAllow", "victim.scope").strip()
            check_equal(shown, "DeviceAllow=/dev/null rw", f"what systemd knows {where}")
            host.reload()
            check_equal(opened(), ["EPERM"], f"the GPU {where}, after a reload")
    warning = "systemd's victim.scope is in `/system.slice/victim.scope`"
    check(warning in log.read_text(), f"no warning {where}: {log.read_text()}")


@test("systemd")
def a_cgroup_that_is_named_like_a_scope_gives_it_nothing():
    for path in names("/attacker"):
        check_nothing_is_told(systemd_host(), path)


@test("systemd")
def a_cgroup_that_is_named_like_a_scope_gives_it_no_drop_in():
    for path in names("/other"):
        check_nothing_is_told(systemd_host(), path, untold="gone")
