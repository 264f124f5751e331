# SPDX-License-Identifier: Apache-2.0
"""A GPU that comes to a container of an engine while it runs, and goes again."""

from command import GOOD, document
from harness import MINORS, check, check_equal, run

GPU = 2
NODE = f"/dev/nvidia{MINORS[GPU]}"
DENIED = ("EPERM", "ENOENT")  # no permission, or no node


def check_attach_cycle(word, opened, cached):
    """`opened(path)`: what opening it in the container gives; `cached()`: what its loader cache has."""
    check(opened(NODE) in DENIED, f"{NODE} before: {opened(NODE)}")
    check_equal(document("attach", word, str(GPU), status=GOOD)["result"], "attached", "attach")
    check_equal(opened(NODE), "ENXIO", f"{NODE} after attach: there is no driver behind it")
    check("libcuda.so.1" in cached(), f"loader cache after attach: {cached()}")
    check_equal(document("attach", word, str(GPU), status=GOOD)["result"], "nothing-to-do", "a second attach")
    check_equal(document("detach", word, str(GPU), status=GOOD)["result"], "detached", "detach")
    check(opened(NODE) in DENIED, f"{NODE} after detach: {opened(NODE)}")


def check_cycle_by(command, word):
    """`command`: what runs a program in the container, such as `docker exec NAME`."""

    def opened(path):
        return run([*command, "inspect", "open", path]).stdout.split()[1]

    check_attach_cycle(word, opened, lambda: run([*command, "/sbin/ldconfig", "-p"]).stdout)
