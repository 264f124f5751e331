# SPDX-License-Identifier: Apache-2.0
"""Docker with the shim registered as runtime `nvidia`, as the tutorials write it."""

from docker_daemon import daemon, default_runtime, run_docker, view_of
from expect import check_foreign_nodes, check_gpus, check_loader, check_params
from harness import check, check_equal, fail_text, run, test

NVIDIA = ("--runtime=nvidia",)


@test("docker")
def the_runtime_nvidia_with_one_device():
    view = view_of(*NVIDIA, "-e", "NVIDIA_VISIBLE_DEVICES=0")
    check_gpus(view, [0])
    check_foreign_nodes(view, [0])
    check_loader(view)
    check_params(view)


@test("docker")
def the_runtime_nvidia_with_all_devices_and_capabilities():
    env = ("-e", "NVIDIA_VISIBLE_DEVICES=all", "-e", "NVIDIA_DRIVER_CAPABILITIES=compute,utility")
    check_gpus(view_of(*NVIDIA, *env), range(8))


@test("docker")
def the_runtime_nvidia_together_with_gpus():
    view = view_of("--gpus", "2", "--runtime", "nvidia")
    check_gpus(view, [0, 1])
    targets = [mount[0] for mount in view.mounts() if "nvidia" in mount[0]]
    check_equal(sorted(targets), sorted(set(targets)), "mounts, each once")


@test("docker")
def the_runtime_nvidia_without_a_request():
    view = view_of(*NVIDIA)
    check_equal(view.nodes(), {}, "device nodes")
    check_foreign_nodes(view, [])


@test("docker")
def nvidia_as_default_runtime():
    with default_runtime("nvidia"):
        check_gpus(view_of("-e", "NVIDIA_VISIBLE_DEVICES=1"), [1])
        check_equal(view_of().nodes(), {}, "device nodes without a request")


@test("docker")
def a_wrong_request_reaches_the_user_of_docker():
    done = run_docker(*NVIDIA, "-e", "NVIDIA_VISIBLE_DEVICES=99")
    check(done.returncode != 0, "the container started")
    check("NVH-0202" in done.stderr and "unknown device" in done.stderr, done.stderr)
    check_equal(done.stderr.count("NVH-"), 1, f"error codes in {done.stderr!r}")


@test("docker")
def docker_update_leaves_the_gpu_open():
    """Of a container that runs; by the shim and by the hook alike."""
    script = "inspect open /dev/nvidiactl; echo ready; sleep 100"
    for options in ((*NVIDIA, "-e", "NVIDIA_VISIBLE_DEVICES=0"), ("--gpus", "device=0")):
        done = run_docker("--detach", *options, command=script)
        check_equal(done.returncode, 0, fail_text("docker run", done))
        name = done.stdout.strip()
        docker = ["docker", "-H", daemon()]
        try:
            updated = run([*docker, "update", "--cpu-shares", "512", name])
            check_equal(updated.returncode, 0, fail_text("docker update", updated))
            seen = run([*docker, "exec", name, "inspect", "open", "/dev/nvidiactl", "/dev/nvidia2"])
            check_equal(seen.stdout, "/dev/nvidiactl ENXIO\n/dev/nvidia2 ENXIO\n", f"{options}")
        finally:
            run([*docker, "rm", "--force", name])
