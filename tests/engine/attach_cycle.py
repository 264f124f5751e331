# SPDX-License-Identifier: Apache-2.0
"""A GPU that comes to a container of an engine while it runs, may get another driver, and goes again."""

from command import GOOD, document
from harness import MINORS, SETUP, check, check_equal, run
from test_refresh import host_to_upgrade, only
from upgrade import NEW_VERSION, replaced_in_place

GPU = 2
NODE = f"/dev/nvidia{MINORS[GPU]}"
DENIED = ("EPERM", "ENOENT")  # no permission, or no node


def opened(inside, path):
    """What opening `path` in the container gives."""
    return inside("inspect", "open", path).split()[1]


def check_loads(inside, version):
    """The library of the driver that the container's loader finds is of this version."""
    loaded = inside("inspect", "load", "libcuda.so.1", "cuInit")
    check(f".so.{version}" in loaded, f"libcuda.so.1 is {loaded}, and not of {version}")


def has_driver(inside):
    told = inside("sh", "-c", "/sbin/ldconfig -p; ls /usr/lib/*-linux-gnu; cat /proc/self/mountinfo")
    return "libcuda" in told or "libnvidia" in told


def check_attach_cycle(word, inside, meanwhile=lambda: None):
    """`inside(*command)`: what a program says that runs in the container. `meanwhile`: while it has the GPU."""
    check(opened(inside, NODE) in DENIED, f"{NODE} before: {opened(inside, NODE)}")
    had = has_driver(inside)
    check_equal(document("attach", word, str(GPU), status=GOOD)["result"], "attached", "attach")
    check_equal(opened(inside, NODE), "ENXIO", f"{NODE} after attach: there is no driver behind it")
    check_loads(inside, SETUP.version)
    check_equal(document("attach", word, str(GPU), status=GOOD)["result"], "nothing-to-do", "a second attach")
    meanwhile()
    check_equal(document("detach", word, str(GPU), status=GOOD)["result"], "detached", "detach")
    check(opened(inside, NODE) in DENIED, f"{NODE} after detach: {opened(inside, NODE)}")
    check_equal(has_driver(inside), had, "whether there is anything of the driver, as before")


def check_refresh_cycle(word, inside):
    """The same, and meanwhile the host's driver becomes another one."""
    with host_to_upgrade(replaced_in_place) as (_, upgrade):

        def refresh():
            upgrade()
            check_equal(only(document("refresh", word, status=GOOD))["result"], "refreshed", "refresh")
            check_loads(inside, NEW_VERSION)
            check_equal(opened(inside, NODE), "ENXIO", f"{NODE} after refresh")

        check_attach_cycle(word, inside, refresh)


def check_cycle_by(command, word):
    """`command`: what runs a program in the container, such as `docker exec NAME`."""
    check_attach_cycle(word, lambda *words: run([*command, *words]).stdout)
