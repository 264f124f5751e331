# SPDX-License-Identifier: Apache-2.0
"""GPUs that come and go while a container runs in a systemd scope, and what a daemon-reload makes of them."""

from harness import MINORS, check_equal, test
from systemd_container import CRUN, WITH_MEMLOCK, started


def check_attached_over_reloads(container):
    node = f"/dev/nvidia{MINORS[0]}"
    container.oci_nvidia("attach", "0")
    for when in ("attach", "a reload", "two reloads"):
        check_equal(container.opened(node), {node: "ENXIO"}, f"{node} after {when}")
        container.check_access(f"after {when}", others=[0])
        container.host.reload()
    container.oci_nvidia("detach", "0")
    for when in ("detach", "a reload"):
        foreign = f"/foreign/gpu{MINORS[0]}"
        check_equal(container.opened(foreign), {foreign: "EPERM"}, f"{foreign} after {when}")
        container.check_access(f"after {when}")
        container.host.reload()


@test("systemd", "systemd-today")
def a_gpu_that_is_attached_stays_over_daemon_reload_and_one_that_is_detached_does_not_come_back():
    with started() as container:
        check_attached_over_reloads(container)


@test("systemd-today")
def a_gpu_is_attached_and_detached_with_crun_in_a_scope():
    with started(CRUN, prefix=WITH_MEMLOCK) as container:
        check_attached_over_reloads(container)
