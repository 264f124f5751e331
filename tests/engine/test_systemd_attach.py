# SPDX-License-Identifier: Apache-2.0
"""GPUs that come and go while a container runs in a systemd scope, and what a daemon-reload makes of them."""

from harness import MINORS, SETUP, check, check_equal, test
from systemd_container import CRUN, GPU, WITH_MEMLOCK, started


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


@test("systemd-today")
def an_attach_that_fails_takes_nothing_at_the_next_reload():
    """crun's scope: what systemd takes its filter from was written anew, and must have the GPU of the start again."""

    def utility(config):
        config["process"]["env"].append("NVIDIA_DRIVER_CAPABILITIES=utility")

    node = f"/dev/nvidia{MINORS[GPU]}"
    with started(CRUN, prefix=WITH_MEMLOCK, edit=utility) as container:
        program = SETUP.hook.parent / "oci-nvidia"
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=renameat2,renameat,rename:error=EIO"]
        words = ["attach", "--capabilities", "compute", container.name, "0", "--config", SETUP.config]
        done = container.host.run(*strace, program, *words)
        check(done.returncode > 3, f"it did not fail: {done.stdout}{done.stderr}")
        for when in ("the failure", "a reload", "two reloads"):
            check_equal(container.opened(node), {node: "ENXIO"}, f"{node} after {when}")
            container.host.reload()
