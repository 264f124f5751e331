# SPDX-License-Identifier: Apache-2.0
"""Docker: the daemon finds the hook by its name on PATH and serves `docker run --gpus`."""

import shim
from docker_daemon import run_docker, view_of
from expect import check_foreign_nodes, check_gpus, check_loader, check_mount_flags
from harness import check, check_equal, test
from leases import holder, switched_on


@test("docker")
def gpus_all():
    view = view_of("--gpus", "all")
    check_gpus(view, range(8))
    check_loader(view)
    check_mount_flags(view)


@test("docker")
def gpus_device_1():
    view = view_of("--gpus", '"device=1"')
    check_gpus(view, [1])
    check_foreign_nodes(view, [1])


@test("docker")
def gpus_device_0_and_2_with_capabilities():
    view = view_of("--gpus", '"device=0,2","capabilities=compute,utility"')
    check_gpus(view, [0, 2])
    check_foreign_nodes(view, [0, 2])


@test("docker")
def gpus_2():
    check_gpus(view_of("--gpus", "2"), [0, 1])


@test("docker")
def gpus_2_are_free_ones_if_the_policy_says_so():
    with switched_on(shim.config(str(shim.RUNC_OF_ENGINES)), lease_count="true"), holder("exclusive:0") as name:
        check_gpus(view_of("--gpus", "2"), [1, 2])
        done = run_docker("--gpus", '"device=0,2"')
        check("NVH-0206" in done.stderr and name in done.stderr, done.stderr)
        check_gpus(view_of("--runtime", "nvidia", "-e", "NVIDIA_VISIBLE_DEVICES=any"), [1])


@test("docker")
def without_gpus_there_is_nothing_of_the_driver():
    view = view_of()
    check_equal(view.nodes(), {}, "device nodes")
    check("libcuda.so.1" not in view.loader(), "libcuda.so.1 is in the loader cache")
    check_foreign_nodes(view, [])


@test("docker")
def an_unknown_device_stops_the_container_with_one_line():
    done = run_docker("--gpus", '"device=99"')
    check(done.returncode != 0, "the container started")
    check_equal(done.stderr.count("NVH-"), 1, f"error codes in {done.stderr!r}")
    check("NVH-0202" in done.stderr and "unknown device" in done.stderr, done.stderr)
