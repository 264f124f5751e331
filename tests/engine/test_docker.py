# SPDX-License-Identifier: Apache-2.0
"""Docker: a daemon of the tests' own finds the hook by its name on PATH and serves `docker run --gpus`."""

import atexit
import functools
import os
import subprocess
import time

import observe
from bundle import foreign_nodes
from expect import check_foreign_nodes, check_gpus, check_loader, check_mount_flags
from harness import ENGINE_CGROUP, HERE, SETUP, Skip, check, check_equal, fail_text, run, test

IMAGE = "oci-nvidia-test"
START_LIMIT_S = 60


def daemon_command():
    run_directory = SETUP.work / "docker"
    run_directory.mkdir()
    return [
        "dockerd",
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
        "--data-root",
        SETUP.disk / "docker",
        "--exec-root",
        run_directory / "exec",
        "--pidfile",
        run_directory / "pid",
        "-H",
        f"unix://{run_directory}/sock",
        "--exec-opt",
        "native.cgroupdriver=cgroupfs",
        "--cgroup-parent",
        ENGINE_CGROUP,
        "--add-runtime",
        f"simulated={HERE / 'runc-with-procfs'}",
        "--default-runtime",
        "simulated",
    ]


def wait_until_up(process, log):
    deadline = time.monotonic() + START_LIMIT_S
    while run(["docker", "-H", f"unix://{SETUP.work}/docker/sock", "version"]).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Skip(f"dockerd does not start here: {log.read_text(errors='replace')[-300:]}")
        time.sleep(0.1)


def stop(process):
    process.terminate()
    process.wait(timeout=60)
    for directory, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
        if directory.endswith(ENGINE_CGROUP):
            os.rmdir(directory)


@functools.cache
def daemon():
    """Starts dockerd once, with the hook under Docker's name for it on PATH, and imports the image. Returns the socket's address."""
    binaries = SETUP.work / "bin"
    binaries.mkdir()
    (binaries / "nvidia-container-runtime-hook").symlink_to(SETUP.hook)
    environment = {
        "PATH": f"{binaries}:/usr/sbin:/usr/bin:/sbin:/bin",
        "NVIDIA_CTK_CONFIG_FILE_PATH": str(SETUP.config),
    }
    log = SETUP.work / "dockerd.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            list(map(str, daemon_command())),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    atexit.register(stop, process)
    wait_until_up(process, log)
    with subprocess.Popen(["tar", "-C", SETUP.rootfs, "-c", "."], stdout=subprocess.PIPE) as tar:
        done = run(
            ["docker", "-H", f"unix://{SETUP.work}/docker/sock", "import", "-", IMAGE],
            stdin=tar.stdout,
        )
    check_equal(done.returncode, 0, fail_text("docker import", done))
    return f"unix://{SETUP.work}/docker/sock"


def run_docker(*options, command=observe.SCRIPT):
    foreign = foreign_nodes()["source"]
    return run(
        [
            "docker",
            "-H",
            daemon(),
            "run",
            "--rm",
            "--network",
            "none",
            "-v",
            f"{foreign}:/foreign",
            *options,
            IMAGE,
            "sh",
            "-c",
            command,
        ]
    )


def view_of(*options):
    done = run_docker(*options)
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, fail_text("docker run", done))
    return view


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
