# SPDX-License-Identifier: Apache-2.0
"""GPU containers of runc inside an LXC container, whose device cgroup is around theirs."""

import itertools
from pathlib import Path

from bundle import Case, foreign_nodes, run_container
from expect import check_foreign_nodes, check_gpus, check_one_line, check_started
from harness import CGROUP_NAME, SETUP, Skip, check, test

# What runc itself needs: its own devices, and to make nodes.
ALLOWED = ["c *:* m", "b *:* m", "c 1:* rwm", "c 5:* rwm", "c 10:200 rwm", "c 136:* rwm"]
GPUS = ["c 195:* rw", "c 511:* rw"]
# The host's files, and processes and cgroups of its own.
CONFIG = """\
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.autodev = 0
lxc.mount.auto = cgroup:rw:force
"""
ENGINES = ("lxc", "lxc-cgroup2")
DEVICES = "lxc.cgroup.devices" if SETUP.engine == "lxc" else "lxc.cgroup2.devices"
_numbers = itertools.count(1)


def inside_lxc(devices):
    """The command that starts another in an LXC container that may use `devices`."""
    name = f"{CGROUP_NAME}lxc-{next(_numbers)}"
    directory = SETUP.work / "lxc" / name
    directory.mkdir(parents=True)
    rules = f"{DEVICES}.deny = a\n"
    rules += "".join(f"{DEVICES}.allow = {device}\n" for device in devices)
    (directory / "config").write_text(CONFIG + rules)
    with_procfs = ["sh", "-c", 'mount -t proc proc /proc && exec "$@"', "sh"]
    return ["timeout", "60", "lxc-execute", "-P", directory.parent, "-n", name, "--", *with_procfs]


def run_nested(devices, **options):
    if SETUP.engine == "lxc" and not Path("/sys/fs/cgroup/devices").is_dir():
        raise Skip("the rules here are cgroup v1's; boot with systemd.unified_cgroup_hierarchy=0")
    return run_container(
        Case("1", mounts=[foreign_nodes()], outer=inside_lxc(devices), host=[], **options)
    )


@test(*ENGINES)
def a_gpu_that_the_outer_container_has_is_there_and_no_other():
    outcome = run_nested([*ALLOWED, *GPUS])
    check_started(outcome)
    check_gpus(outcome.view, [1])
    check_foreign_nodes(outcome.view, [1])


# In cgroup v2 nobody inside can see what the outer container's filter refuses.
@test("lxc")
def a_gpu_that_the_outer_container_lacks_is_an_error_that_says_where():
    outcome = run_nested(ALLOWED)
    check(outcome.exit != 0, "the container started")
    check_one_line(outcome.record["stderr"], "NVH-0602", "allow the device in the parent cgroup")
