# SPDX-License-Identifier: Apache-2.0
"""What a container that an OCI runtime starts gets; the same with either cgroup version and either runtime."""

from bundle import Case, foreign_nodes, run_container
from expect import (
    LIBRARIES,
    check_foreign_nodes,
    check_gpus,
    check_loader,
    check_mount_flags,
    check_params,
    check_started,
)
from harness import SETUP, UUID, check, check_equal, test
from observe import WITH_FILES

ALL = ("runc", "runc-cgroup2", "crun-cgroup2")


def started(devices, **options):
    outcome = run_container(Case(devices, mounts=[foreign_nodes()], **options))
    check_started(outcome)
    return outcome


@test(*ALL)
def one_gpu_by_index_is_there_and_no_other():
    outcome = started("1")
    check_gpus(outcome.view, [1])
    # crun here runs without a cgroup of its own: nothing to restrict.
    if not SETUP.engine.startswith("crun"):
        check_foreign_nodes(outcome.view, [1])
    check_equal(
        (outcome.record["stdout"], outcome.record["stderr"]), ("", ""), "output of the hook"
    )


@test(*ALL)
def all_gpus():
    check_gpus(started("all").view, range(8))


@test(*ALL)
def two_gpus_by_index_and_by_uuid():
    view = started(f"{UUID}5,0").view
    check_gpus(view, [0, 5])


@test(*ALL)
def a_gpu_by_its_pci_address():
    check_gpus(started("0000:47:00.0").view, [2])


@test(*ALL)
def libcuda_resolves_to_the_injected_file():
    check_loader(started("0").view)


@test(*ALL)
def params_forbids_the_driver_to_make_nodes():
    check_params(started("0").view)


@test(*ALL)
def mounts_have_the_flags_of_their_kind():
    check_mount_flags(started("0").view)


@test(*ALL)
def utility_alone_brings_no_cuda():
    view = started("3", env={"NVIDIA_DRIVER_CAPABILITIES": "utility"}).view
    check_gpus(view, [3], compute=False)
    check("libcuda.so.1" not in view.loader(), "libcuda.so.1 is in the loader cache")


@test("runc")
def all_capabilities_bring_video_graphics_and_32_bit_libraries():
    view = started("0", env={"NVIDIA_DRIVER_CAPABILITIES": "all"}).view
    targets = {mount[0] for mount in view.mounts()}
    names = [
        "libnvcuvid.so",
        "libnvidia-encode.so",
        "libGLX_nvidia.so",
        "libnvoptix.so",
        "libnvidia-ngx.so",
    ]
    for name in names:
        check(f"{LIBRARIES}/{name}.{SETUP.version}" in targets, f"{name} is missing")
    check(
        f"/usr/lib/i386-linux-gnu/libcuda.so.{SETUP.version}" in targets,
        "the 32-bit libcuda.so is missing",
    )
    check("/dev/nvidia-modeset" in view.nodes(), "/dev/nvidia-modeset is missing")
    check(
        f"{LIBRARIES}/libnvidia-egl-gbm.so.1.1.0" in targets,
        "a library with a version of its own is missing",
    )


@test("runc")
def firmware_comes_with_every_capability():
    targets = {
        mount[0]
        for mount in started("0", env={"NVIDIA_DRIVER_CAPABILITIES": "utility"}).view.mounts()
    }
    for name in ("gsp_ga10x.bin", "gsp_tu10x.bin"):
        wanted = f"firmware/nvidia/{SETUP.version}/{name}"
        check(any(target.endswith(wanted) for target in targets), f"{wanted} is missing")


@test("runc")
def no_devices_means_driver_files_without_a_gpu():
    view = started("none").view
    check_equal(
        [node for node in view.nodes() if node[len("/dev/nvidia") :].isdigit()], [], "GPU nodes"
    )
    check_foreign_nodes(view, [])
    check_loader(view)


@test(*ALL)
def a_container_without_a_request_is_untouched():
    mounts = [foreign_nodes()]
    for devices in (None, "void", ""):
        with_hook = run_container(Case(devices, mounts=mounts, command=WITH_FILES))
        without = run_container(Case(devices, mounts=mounts, hook=[], command=WITH_FILES))
        check_started(with_hook)
        check_started(without)
        for section in ("nodes", "open", "foreign", "loader", "links", "tree", "dev"):
            check_equal(
                with_hook.view[section],
                without.view[section],
                f"{section} with NVIDIA_VISIBLE_DEVICES={devices}",
            )
        check_equal(
            with_hook.view.normalized_mounts(with_hook.directory),
            without.view.normalized_mounts(without.directory),
            "mount table",
        )
        check_equal(with_hook.changes, without.changes, "writable layer")
        check_equal(
            with_hook.record["after"], with_hook.record["before"], "container around the hook"
        )


@test("runc")
def a_read_only_root_file_system_gets_its_gpus():
    view = started("0", readonly=True).view
    check_gpus(view, [0])
    check_loader(view)


@test("runc", "crun-cgroup2")
def the_prestart_stage_does_the_same():
    check_gpus(started("0", stage="prestart").view, [0])
