# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia` finds Docker's containers by name and id."""

import contextlib

from attach_cycle import check_cycle_by
from command import GOOD, WARNING, check_refused, document, oci_nvidia, resolved
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


@test("docker")
def a_container_of_docker_gets_a_gpu_and_loses_it():
    for options in ((), ("--gpus", '"device=1"'), ("--user", "1000"), ("--read-only", "--tmpfs", "/run")):
        with container("web", options), usual_places(LINKS):
            if "--read-only" in options:
                check_equal(document("attach", "web", "2", status=WARNING)["result"], "attached", "attach")
                check_equal(document("detach", "web", "2", status=GOOD)["result"], "detached", "detach")
            else:
                check_cycle_by(["docker", "-H", daemon(), "exec", "web"], "web")
