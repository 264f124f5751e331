# SPDX-License-Identifier: Apache-2.0
"""The installer for nodes of Kubernetes, by its manifest: pods, upgrades, two installers, removal without a trace."""

import hashlib

from cri_containerd import Pod, foreign, restart, running, view_of
from expect import check_foreign_nodes, check_gpus, check_loader
from harness import SETUP, UUID, check, check_equal, test
from installer import DIRECTORY, image, installed, installing, isolate, make_image, node_state
from test_cri import SLEEP, check_none, mount_request

if SETUP.engine == "installer":
    isolate()


def mounted(index, **more):
    """As the device plugin's `volume-mounts` asks; the image asks for all."""
    return Pod("nvidia", "all", mounts=[foreign(), mount_request(f"{UUID}{index}")], **more)


@test("installer")
def the_image_is_small_and_the_same_each_time():
    archives = [SETUP.disk / f"image-{number}.tar" for number in (1, 2)]
    for archive in archives:
        make_image(archive)
    first, second = (hashlib.sha256(archive.read_bytes()).hexdigest() for archive in archives)
    check_equal(first, second, "the image made once more")
    check(archives[0].stat().st_size < 10_000_000, f"{archives[0].stat().st_size} bytes")
    for archive in archives:
        archive.unlink()


@test("installer")
def a_node_is_set_up_by_the_manifest_serves_pods_and_is_as_before_when_it_is_removed():
    image()
    before = node_state()
    with installed() as installer:
        check(installer.is_ready(), "the readiness probe")
        view = view_of(mounted(3))
        check_gpus(view, [3])
        check_foreign_nodes(view, [3])
        check_loader(view)
        check_none(view_of(Pod("nvidia", "all")))
        status, log = installer.stop()
        check_equal(status, 0, log)
        check("everything is taken back" in log, log)
    restart()
    check_equal(node_state(), before, "the node")


@test("installer")
def pods_run_on_over_an_upgrade_and_the_old_installer_leaves_everything():
    image()
    before = node_state()
    with installed() as old, running(mounted(2, script=SLEEP)) as pod:
        (DIRECTORY / "oci-nvidia-hook").write_bytes(b"an older version")
        with installing() as new:
            new.wait_for("ready")
            status, log = old.stop()
            check_equal(status, 0, log)
            check("everything stays" in log, log)
            check((DIRECTORY / "oci-nvidia-hook").stat().st_size > 1_000_000, "the hook is the old one")
            check_equal(pod.exec("nvidia-smi", "-L").count(UUID), 1, "GPUs of the pod that runs")
            check_gpus(view_of(mounted(5)), [5])
            new.stop()
        check("stays, because 2 containers that run were started with it" in new.output(), new.output())
        check((DIRECTORY / "nvidia-container-runtime").exists(), "nobody could stop the pod")
    with installing("--remove") as last:
        status, log = last.wait()
        check_equal(status, 0, log)
    restart()
    check_equal(node_state(), before, "the node")


@test("installer")
def a_second_installer_is_refused_and_changes_nothing():
    image()
    with installed() as first:
        before = node_state()
        with installing(namespace="other") as second:
            status, log = second.wait()
        check(status == 11 and "NVH-0114" in log and "`oci-nvidia-hook/oci-nvidia-hook`, whose installer runs" in log, log)
        check_equal(node_state(), before, "the node")
        check_gpus(view_of(mounted(1)), [1])
        first.stop()
    restart()


@test("installer")
def an_installer_that_was_killed_is_followed_by_the_next():
    image()
    before = node_state()
    with installed() as killed:
        killed.stop(seconds=0)
    check((DIRECTORY / "oci-nvidia-hook").exists(), "SIGKILL took the programs back")
    with installed() as installer:
        check_gpus(view_of(mounted(4)), [4])
        installer.stop()
    restart()
    check_equal(node_state(), before, "the node")
