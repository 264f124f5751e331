# SPDX-License-Identifier: Apache-2.0
"""The installer for nodes of Kubernetes, by its manifest: pods, upgrades, two installers, removal without a trace."""

import dataclasses
import hashlib
import os

from cri_containerd import CDI_DIRECTORY, Pod, foreign, refusal_of, restart, running, view_of
from expect import check_foreign_nodes, check_gpus, check_loader
from harness import SETUP, UUID, check, check_equal, fail_text, run, test
from installer import DIRECTORY, image, installed, installing, isolate, make_image, node_state, plugging
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


@test("installer-today")
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


@test("installer-today")
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


@test("installer-today")
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


@test("installer-today")
def shares_of_one_gpu_need_nothing_more():
    """The device plugin names a share, of time slicing or MPS, by its GPU."""
    with installed() as installer:
        with running(mounted(3, script=SLEEP)) as one, running(mounted(3, script=SLEEP)) as other:
            for pod in (one, other):
                told = pod.exec("nvidia-smi", "-L")
                check(told.count(UUID) == 1 and f"{UUID}3" in told, told)
        installer.stop()
    restart()


@test("installer-today")
def a_share_by_mps_has_its_gpu_and_the_pipes_of_the_daemon():
    """As the device plugin gives it: variables, and mounts of what its own MPS daemon has on the node."""
    daemon = SETUP.work / "mps"
    for name in ("nvidia.com/gpu/pipe", "shm"):
        (daemon / name).mkdir(parents=True)
    pipe = daemon / "nvidia.com/gpu/pipe/control"
    os.mkfifo(pipe)
    (daemon / "shm/of-the-daemon").touch()
    pod = mounted(3, env={"CUDA_MPS_PIPE_DIRECTORY": "/mps/nvidia.com/gpu/pipe"}, script=SLEEP)
    pod.mounts += [{"host_path": str(daemon), "container_path": "/mps"}, {"host_path": str(daemon / "shm"), "container_path": "/dev/shm"}]
    with installed() as installer:
        with running(pod) as share, running(pod) as other:
            for one in (share, other):
                told = one.exec("nvidia-smi", "-L")
                check(told.count(UUID) == 1 and f"{UUID}3" in told, told)
                check_equal(one.exec("sh", "-c", "ls /dev/shm; test -p $CUDA_MPS_PIPE_DIRECTORY/control && echo pipe"), "of-the-daemon\npipe\n", "of the daemon")
        installer.stop()
    restart()
    check(pipe.is_fifo() and (daemon / "shm/of-the-daemon").exists(), "what the daemon has")


@test("installer-today")
def the_nri_plugin_in_a_pod_gives_gpus_without_a_runtime_class():
    """By the files of the node: its configuration, its driver, its hook, and its probe for what only NVML knows."""
    by_mounts = dataclasses.replace(mounted(2, env={"NVIDIA_REQUIRE_GPU": "brand=Nvidia"}), handler="")
    other = dataclasses.replace(by_mounts, env={"NVIDIA_REQUIRE_GPU": "brand=tesla"})
    with installed() as installer, plugging() as plugin:
        plugin.wait_for("serving ")
        view = view_of(by_mounts)
        check_gpus(view, [2])
        check_foreign_nodes(view, [2])
        check_loader(view)
        check_none(view_of(Pod("", "all")))
        check("NVH-0302" in refusal_of(other), "a requirement that the GPU does not meet")
        with plugging() as next_one:
            next_one.wait_for("serving ")
            check_gpus(view_of(by_mounts), [2])  # by one of the two
            plugin.stop()
            check_gpus(view_of(by_mounts), [2])
            installer.stop()
            told = refusal_of(by_mounts)
            check("NVH-0102" in told and f"the host has no `{DIRECTORY}/oci-nvidia-hook`" in told, told)
            check_equal(next_one.stop()[0], 0, "the status after SIGTERM")
    restart()


KIND = "k8s.device-plugin.nvidia.com/gpu"


def write_specification():
    """As the device plugin does with NVIDIA_CDI_HOOK_PATH."""
    CDI_DIRECTORY.mkdir(exist_ok=True)
    words = ["cdi", "generate", "--kind", KIND, "--hook", DIRECTORY / "nvidia-cdi-hook", "--config", SETUP.config]
    done = run([SETUP.hook.parent / "oci-nvidia", *words])
    check_equal(done.returncode, 0, fail_text("cdi generate", done))
    file = CDI_DIRECTORY / "k8s.device-plugin.nvidia.com-gpu.json"
    file.write_text(done.stdout)
    return file


@test("installer-today")
def every_strategy_of_the_device_plugin_with_what_the_installer_writes():
    """cdi-cri, cdi-annotations and volume-mounts give one GPU, with the handler and without it; envvar, which images can imitate, gives none.
    A claim of the DRA driver comes as a CDI device, and `void` in the variable."""
    name = f"{KIND}={UUID}5"
    with installed() as installer:
        file = write_specification()
        for handler in ("", "nvidia"):
            by_cri, by_annotation = {"cdi": [name]}, {"annotations": {"cdi.k8s.io/nvidia-device-plugin_x": name}}
            for asked in (by_cri, by_annotation):
                for variable in ("all", "void"):
                    view = view_of(Pod(handler, variable, mounts=[foreign()], **asked))
                    check_equal(view.gpus(), [f"{UUID}5"], f"GPUs by {asked} with the handler {handler!r} and {variable}")
                    check_foreign_nodes(view, [5])
        check_gpus(view_of(mounted(6)), [6])
        check_none(view_of(Pod("nvidia", f"{UUID}6")))
        file.unlink()
        installer.stop()
    restart()
