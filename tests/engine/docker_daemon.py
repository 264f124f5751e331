# SPDX-License-Identifier: Apache-2.0
"""A Docker daemon of the tests' own, with the hook and the runtime under the names by which Docker knows them."""

import atexit
import contextlib
import functools
import json
import os
import signal
import subprocess
import time

import observe
import shim
from bundle import foreign_nodes
from harness import ENGINE_CGROUP, HERE, KEPT_CGROUPS, SETUP, Skip, check, check_equal, fail_text, run

IMAGE = "oci-nvidia-test"
START_LIMIT_S = 300  # of a machine that compiles meanwhile
PROCESS = []
SIMULATED = {"simulated": {"path": str(HERE / "runc-with-procfs")}}  # runc of a host with a driver


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
        "--config-file",
        configuration("simulated"),
    ]


def configuration(default_runtime):
    """daemon.json, which the daemon reads again when it is told to."""
    path = SETUP.work / "docker/daemon.json"
    runtimes = {**SIMULATED, "nvidia": {"path": str(shim.program()), "runtimeArgs": []}}
    path.write_text(json.dumps({"default-runtime": default_runtime, "runtimes": runtimes}))
    return path


def is_up(process):
    """Waits until the daemon answers; or not, if it ends or never does."""
    deadline = time.monotonic() + START_LIMIT_S
    while run(["docker", "-H", f"unix://{SETUP.work}/docker/sock", "version"]).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def stop(process):
    process.terminate()
    process.wait(timeout=60)
    for directory, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
        if directory.endswith(KEPT_CGROUPS):
            os.rmdir(directory)


def started(path):
    """dockerd gives its containerd 15 seconds, which a busy machine may need to start it: then it is started again."""
    environment = shim.environment(
        str(shim.RUNC_OF_ENGINES), PATH=path, DOCKER_BUILDKIT_RUNC_COMMAND=str(shim.configured())
    )
    log = SETUP.work / "dockerd.log"
    command = list(map(str, daemon_command()))
    for _ in range(5):
        with log.open("w") as output:
            options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            process = subprocess.Popen(command, env=environment, **options)
        if is_up(process):
            return process
        process.kill()
        process.wait()
        if "timeout waiting for containerd" not in log.read_text(errors="replace"):
            break
    raise Skip(f"dockerd does not start here: {log.read_text(errors='replace')[-300:]}")


@functools.cache
def daemon():
    """Starts dockerd once, with the hook under Docker's name for it on PATH, and imports the image. Returns the socket's address."""
    binaries = SETUP.work / "bin"
    binaries.mkdir()
    for name in ("nvidia-container-runtime-hook", "nvidia-container-runtime"):
        (binaries / name).symlink_to(SETUP.hook)
    process = started(f"{binaries}:/usr/sbin:/usr/bin:/sbin:/bin")
    atexit.register(stop, process)
    PROCESS.append(process)
    with subprocess.Popen(["tar", "-C", SETUP.rootfs, "-c", "."], stdout=subprocess.PIPE) as tar:
        done = run(
            ["docker", "-H", f"unix://{SETUP.work}/docker/sock", "import", "-", IMAGE],
            stdin=tar.stdout,
        )
    check_equal(done.returncode, 0, fail_text("docker import", done))
    return f"unix://{SETUP.work}/docker/sock"


@contextlib.contextmanager
def default_runtime(name):
    """With another runtime for containers that name none."""
    daemon()
    try:
        reload_configuration(name)
        yield
    finally:
        reload_configuration("simulated")


def reload_configuration(name):
    configuration(name)
    reload_until("{{.DefaultRuntime}}", lambda told: told == name)


def reload_until(question, is_taken):
    """Lets the daemon read its configuration, until `docker info` answers the question in this way."""
    PROCESS[0].send_signal(signal.SIGHUP)
    deadline = time.monotonic() + START_LIMIT_S
    command = ["docker", "-H", daemon(), "info", "--format", question]
    while not is_taken(run(command).stdout.strip()):
        check(time.monotonic() < deadline, f"dockerd does not take its configuration: {question}")
        time.sleep(0.05)


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


