# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia` finds Docker's containers by name and id."""

import contextlib

from attach_cycle import check_cycle_by
from command import BROKEN, GOOD, WARNING, check_refused, document, oci_nvidia, resolved
from docker_daemon import IMAGE, daemon
from gpu_users import all_users, hold, openable_gpus, wait_for_users
from harness import SETUP, check, check_equal, fail_text, run, test
from usual_places import usual_places


LINKS = {"/run/docker/containerd": SETUP.work / "docker/exec/containerd", "/var/lib/docker": SETUP.disk / "docker"}


@contextlib.contextmanager
def container(name, options=("--gpus", '"device=1"')):
    docker = ["docker", "-H", daemon()]
    words = ["run", "--detach", "--name", name, "--network", "none", *options]
    done = run([*docker, *words, IMAGE, "sleep", "1000"])
    check_equal(done.returncode, 0, fail_text("docker run", done))
    try:
        yield done.stdout.strip()
    finally:
        run([*docker, "rm", "--force", name], check=True)


@test("docker")
def oci_nvidia_finds_a_container_of_docker():
    with container("web") as identity, container("web2") as other, usual_places(LINKS):
        for word in ("web", identity, identity[:12]):
            found = document("inspect", word, status=GOOD)
            check_equal(found["container"]["engine"], "Docker", "engine")
            check_equal((found["container"]["id"], found["container"]["name"]), (identity, "web"), "container")
            plan = document("explain", "--container", word)
            check_equal((plan["duty"], plan["request"]["devices"]), ("hook", "1"), "request")
            planned = {resolved(step["target"]) for step in plan["plan"]["steps"] if step.get("type") == "file"}
            check(planned >= {file["target"] for file in found["files"]}, "more than was planned")
        common = next((n for n in range(64) if identity[n] != other[n]), 0)
        if common and not identity[:common].isdigit():  # or it is a process
            check_refused(oci_nvidia("inspect", identity[:common]), 15, "NVH-0509", "2 containers")
        check_refused(oci_nvidia("inspect", "we"), 15, "NVH-0509", "`we`")


@test("docker")
def oci_nvidia_ps_shows_a_container_of_docker():
    with openable_gpus(), container("web") as identity, usual_places(LINKS):
        run(["docker", "-H", daemon(), "exec", "--detach", "--user", "1000", "web", "sh", "-c", hold(1)], check=True)
        users = wait_for_users(1)
        found = document("ps", status=GOOD)["containers"]
        check_equal([(one["engine"], one["id"], one["name"]) for one in found], [("Docker", identity, "web")], "containers")
        check_equal([device["device"] for device in found[0]["devices"]], ["1"], "devices")
        processes = {one["pid"]: (one["uid"], one["devices"]) for one in found[0]["processes"]}
        check_equal(processes, dict.fromkeys(users, (1000, ["1"])), "processes")
        check_equal(users, all_users(), "what the kernel says")


@contextlib.contextmanager
def made(*words):
    """Containers of `docker create` and `docker run`, which may fail to start; gone afterwards."""
    docker = ["docker", "-H", daemon()]
    done = run([*docker, *words])
    name = words[words.index("--name") + 1]
    try:
        yield docker, done
    finally:
        run([*docker, "rm", "--force", name], check=True)


def explained(*words, status=GOOD, **options):
    found = document("explain", *words, status=status, **options)
    return found, " ".join([found["verdict"], *found["notes"]])


@test("docker")
def oci_nvidia_explains_a_container_of_docker_that_does_not_run():
    gpu, command = ("--gpus", '"device=1"'), ("--network", "none", IMAGE, "true")
    with made("create", "--name", "made", *gpu, *command) as (docker, _), usual_places(LINKS):
        found, _ = explained("--container", "made")
        check_equal((found["duty"], found["request"]["devices"]), ("hook", "1"), "created")
        run([*docker, "start", "--attach", "made"], check=True)
        found, _ = explained("--container", "made")
        check_equal((found["duty"], found["request"]["devices"]), ("hook", "1"), "stopped")
        check_refused(oci_nvidia("inspect", "made"), 15, "does not run", "explain --container made")
        told = run([*docker, "inspect", "made"], check=True).stdout
        found, _ = explained("--image-config", "-", input=told)
        check_equal((found["subject"], found["request"]["devices"]), ("container made", "1"), "docker inspect")


@test("docker")
def oci_nvidia_says_why_a_container_of_docker_failed_to_start():
    command = ("--network", "none", IMAGE, "true")
    with made("run", "--name", "nine", "--gpus", '"device=99"', *command) as (_, done), usual_places(LINKS):
        check(done.returncode != 0, "it started")
        found, text = explained("--container", "nine", status=BROKEN)
        check_equal(found["error"]["code"], "NVH-0202", "error")
        check("its last start failed: NVH-0202: `99`" in text, text)
        check_refused(oci_nvidia("inspect", "nine"), 15, "does not run", "its last start failed: NVH-0202: `99`")


@test("docker")
def oci_nvidia_says_that_docker_calls_nothing_for_variables_alone():
    variable, command = ("-e", "NVIDIA_VISIBLE_DEVICES=1"), ("--network", "none", IMAGE, "true")
    with made("create", "--name", "plain", *variable, *command), usual_places(LINKS):
        _, text = explained("--container", "plain", status=BROKEN)
        check("without --gpus" in text, text)
    with made("create", "--name", "shim", "--runtime", "nvidia", *variable, *command), usual_places(LINKS):
        found, _ = explained("--container", "shim")
        check_equal(found["request"]["devices"], "1", "by the runtime shim")


@test("docker")
def a_container_of_docker_gets_a_gpu_and_loses_it():
    for options in ((), ("--gpus", '"device=1"'), ("--user", "1000"), ("--read-only", "--tmpfs", "/run")):
        with container("web", options), usual_places(LINKS):
            if "--read-only" in options:
                check_equal(document("attach", "web", "2", status=WARNING)["result"], "attached", "attach")
                check_equal(document("detach", "web", "2", status=GOOD)["result"], "detached", "detach")
            else:
                check_cycle_by(["docker", "-H", daemon(), "exec", "web"], "web")
