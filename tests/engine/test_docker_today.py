# SPDX-License-Identifier: Apache-2.0
"""Docker 28 and later: devices by CDI, alone and beside `--gpus`, and GPUs in `docker build`."""

import contextlib
import functools
import itertools
import json
import os

from cdi import generate, installed
from docker_daemon import IMAGE, daemon, default_runtime, run_docker, view_of
from expect import check_foreign_nodes, check_gpus, check_loader
from harness import MINORS, SETUP, Skip, check, check_equal, fail_text, run, test
from nvidia_spec import RELEASES, specification

FIRST_VERSION = 28
LEFT_OUT = "only those by CDI are given"  # what the hook says of --gpus beside CDI
LOOK = f"inspect open /dev/nvidia{MINORS[1]} > /seen; ls /dev | grep '^nvidia[0-9]' > /nodes"
_numbers = itertools.count(1)


@functools.cache
def docker():
    """The command line of the client, for a daemon of today."""
    words = ["docker", "-H", daemon()]
    version = run([*words, "version", "--format", "{{.Server.Version}}"]).stdout.strip()
    if int(version.split(".")[0]) < FIRST_VERSION:
        raise Skip(f"needs Docker {FIRST_VERSION} or later, and this is {version}")
    return words


@contextlib.contextmanager
def cdi(*options):
    """Our specification, where dockerd reads it."""
    docker()
    with installed(generate("--mode", "thin", "--capabilities", "compute,utility", *options)):
        yield


def log_size():
    log = SETUP.work / "hook.log"
    return log.stat().st_size if log.exists() else 0


@test("docker")
def a_device_by_cdi_needs_no_setting():
    with cdi():
        view = view_of("--device", "nvidia.com/gpu=1")
    check_gpus(view, [1])
    check_foreign_nodes(view, [1])
    check_loader(view)


@test("docker")
def gpus_beside_a_device_by_cdi_gives_the_latter_and_the_log_says_so():
    with cdi():
        size = log_size()
        view = view_of("--gpus", '"device=1"', "--device", "nvidia.com/gpu=0")
    check_gpus(view, [0])
    check_foreign_nodes(view, [0])
    log = (SETUP.work / "hook.log").read_text()[size:]
    check_equal(log.count(LEFT_OUT), 1, f"lines in the log:\n{log}")


@test("docker")
def gpus_by_the_hook_beside_our_specification():
    """The specification alone does not make --gpus a request by CDI."""
    with cdi():
        view = view_of("--gpus", '"device=1","capabilities=utility"')
    check_gpus(view, [1], compute=False)
    check("libcuda.so.1" not in view.loader(), "libcuda.so.1 is there, and utility alone was asked for")


@test("docker")
def a_specification_of_nvidias_form_alone_and_beside_gpus():
    """Its hooks are ours, under NVIDIA's names; beside `--gpus`, nothing is given twice."""
    docker()
    for release in ("1.17", "device plugin 0.20"):
        program = SETUP.work / RELEASES[release].program
        if not program.exists():
            program.symlink_to(SETUP.hook)
        document = json.dumps(specification(str(program), release))
        for options in ([], ["--gpus", '"device=1"']):
            with installed(document):
                view = view_of("--device", "nvidia.com/gpu=0", *options)
            check_foreign_nodes(view, [0])
            check_loader(view)
            mounted = [mount[0] for mount in view.mounts() if SETUP.version in mount[0]]
            check_equal(sorted(mounted), sorted(set(mounted)), "mounts of the driver, each once")


# ---- docker build


def build(command, lines, environment=None):
    """Builds an image by `command`, of the tests' image and these lines. Returns its name and what was said."""
    docker()
    number = next(_numbers)
    directory = SETUP.work / f"build-{number}"
    directory.mkdir()
    (directory / "Dockerfile").write_text("\n".join([f"FROM {IMAGE}", *lines, ""]))
    name = f"built-{number}"
    words = [*docker(), *command, "--network", "none", "--tag", name, directory]
    return name, run(words, env={**os.environ, **(environment or {})})


def in_image(name, path):
    return run([*docker(), "run", "--rm", "--network", "none", name, "cat", path]).stdout


def check_one_gpu(built):
    """The step of the build had GPU 1, and no other."""
    name, done = built
    check_equal(done.returncode, 0, fail_text("docker build", done))
    node = f"nvidia{MINORS[1]}"
    check_equal(in_image(name, "/nodes"), f"{node}\n", "nodes of GPUs in the build")
    check_equal(in_image(name, "/seen"), f"/dev/{node} ENXIO\n", "opening it")


def require_buildx():
    done = run([*docker(), "buildx", "version"])
    if done.returncode != 0:
        raise Skip("docker has no buildx here; apt-get install docker-buildx")


@test("docker")
def buildkit_with_the_shim_as_its_runc_gives_a_build_its_gpu():
    """By DOCKER_BUILDKIT_RUNC_COMMAND in dockerd's environment."""
    require_buildx()
    check_one_gpu(build(["buildx", "build"], ["ENV NVIDIA_VISIBLE_DEVICES=1", f"RUN {LOOK}"]))


@test("docker")
def buildkit_without_a_request_gives_a_build_nothing():
    require_buildx()
    name, done = build(["buildx", "build"], ["RUN ls /dev > /nodes"])
    check_equal(done.returncode, 0, fail_text("docker build", done))
    check("nvidia" not in in_image(name, "/nodes"), "a node of the driver is there")


@test("docker")
def the_old_builder_takes_the_default_runtime():
    docker()
    with default_runtime("nvidia"):
        lines = ["ENV NVIDIA_VISIBLE_DEVICES=1", f"RUN {LOOK}", "ENV NVIDIA_VISIBLE_DEVICES=void"]
        check_one_gpu(build(["build"], lines, {"DOCKER_BUILDKIT": "0"}))


@test("docker")
def buildkit_knows_that_our_specification_allows_builds():
    require_buildx()
    for options, allowed in (((), "false"), (("--allow-in-builds",), "true")):
        with cdi(*options):
            told = run([*docker(), "buildx", "inspect"]).stdout
        check("nvidia.com/gpu=0" in told, f"{options}: no device in {told}")
        check_equal(told.count(f"Automatically allowed: {allowed}"), told.count("Automatically allowed:"), told)


@test("docker")
def a_build_gets_an_allowed_device_by_cdi():
    require_buildx()
    with cdi("--allow-in-builds"):
        name, done = build(["buildx", "build"], [f"RUN --device=nvidia.com/gpu=1 {LOOK}"])
    if "only supported in Dockerfile frontend" in done.stderr:
        raise Skip("dockerd's own frontend does not know RUN --device; docker/dockerfile:1-labs does")
    check_one_gpu((name, done))


@test("docker")
def a_device_that_does_not_exist_is_an_error_of_docker():
    with cdi():
        done = run_docker("--device", "nvidia.com/gpu=99")
    check(done.returncode != 0, "the container started")
    check("unresolvable CDI devices" in done.stderr, done.stderr)
