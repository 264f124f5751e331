# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia attach`, `refresh` and `detach` with a container of LXC."""

import contextlib
import shutil
import subprocess
import time
from pathlib import Path

import overlay
from attach_cycle import check_refresh_cycle
from harness import CGROUP_NAME, SETUP, Skip, check, run, test
from test_cli_callers import PROCFS
from usual_places import usual_places

ENGINES = ("lxc", "lxc-cgroup2")
START_LIMIT_S = 60
PLACE = Path("/var/lib/lxc")
NAME = f"{CGROUP_NAME}web"
DEVICES = "lxc.cgroup.devices" if SETUP.engine == "lxc" else "lxc.cgroup2.devices"
CONFIG = f"""\
lxc.rootfs.path = dir:{{rootfs}}
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.mount.auto = proc:mixed sys:ro
lxc.hook.mount = {{procfs}}
{DEVICES}.deny = a
{DEVICES}.allow = c *:* m
{DEVICES}.allow = c 1:* rwm
{DEVICES}.allow = c 5:* rwm
{DEVICES}.allow = c 136:* rwm
"""


def write_config(top):
    procfs = top / "procfs"
    procfs.write_text(PROCFS)
    procfs.chmod(0o755)
    (PLACE / NAME).mkdir(parents=True)
    (PLACE / NAME / "config").write_text(CONFIG.format(rootfs=top / "rootfs", procfs=procfs))


def wait_until_up(command, process, log):
    deadline = time.monotonic() + START_LIMIT_S
    while run([*command, "true"]).returncode != 0:
        is_over = process.poll() is not None or time.monotonic() > deadline
        check(not is_over, f"the container did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


@contextlib.contextmanager
def container():
    """What runs a command in it."""
    top = SETUP.work / "lxc-attach"
    top.mkdir()
    overlay.mount(SETUP.rootfs, top)
    log = top / "log"
    of_it = ["-P", str(PLACE), "-n", NAME]
    command = ["lxc-attach", *of_it, "--clear-env", "--set-var", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "--"]
    try:
        with usual_places({}):
            write_config(top)
            start = ["lxc-execute", *of_it, "-l", "DEBUG", "-o", str(log), "--", "sleep", "1000"]
            with subprocess.Popen(start, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                try:
                    wait_until_up(command, process, log)
                    yield command
                finally:
                    run(["lxc-stop", *of_it, "--kill"])
    finally:
        overlay.unmount(top)
        shutil.rmtree(top)


@test(*ENGINES)
def a_container_of_lxc_gets_a_gpu_and_loses_it():
    if SETUP.engine == "lxc" and not Path("/sys/fs/cgroup/devices").is_dir():
        raise Skip("the rules here are cgroup v1's; boot with systemd.unified_cgroup_hierarchy=0")
    with container() as command:
        check_refresh_cycle(NAME, lambda *words: run([*command, *words]).stdout)
