# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia` finds Podman's containers by name and id, running or not."""

import contextlib
from pathlib import Path

from attach_cycle import check_cycle_by
from command import BROKEN, GOOD, check_refused, document, oci_nvidia, resolved
from gpu_users import hold, openable_gpus, wait_for_users
from harness import MINORS, SETUP, check, check_equal, fail_text, run, test
from test_podman import RUN_OPTIONS, RUNROOT, image, podman
from usual_places import usual_places

PLACES = {"/run/containers/storage": RUNROOT, "/var/lib/containers/storage": SETUP.disk / "podman"}


@contextlib.contextmanager
def container(name, request=("-e", "NVIDIA_VISIBLE_DEVICES=1")):
    options = [word for word in RUN_OPTIONS if word != "--rm"]
    words = ["run", "--detach", "--name", name, *options, *request]
    done = run(podman(*words, image(), "sleep", "1000"))
    check_equal(done.returncode, 0, fail_text("podman run", done))
    try:
        yield done.stdout.strip()
    finally:
        run(podman("rm", "--force", "--time", "0", name), check=True)


@test("podman")
def oci_nvidia_finds_a_container_of_podman():
    with container("web") as identity, usual_places(PLACES):
        for word in ("web", identity, identity[:12]):
            found = document("inspect", word, status=GOOD)
            check_equal(found["container"]["engine"], "Podman", "engine")
            check_equal((found["container"]["id"], found["container"]["name"]), (identity, "web"), "container")
            plan = document("explain", "--container", word)
            check_equal((plan["duty"], plan["request"]["devices"]), ("hook", "1"), "request")
            planned = {resolved(step["target"]) for step in plan["plan"]["steps"] if step.get("type") == "file"}
            check(planned >= {file["target"] for file in found["files"]}, "more than was planned")


@test("podman")
def oci_nvidia_grants_a_container_of_podman_its_gpu_again():
    """Podman names the cgroup; the container is in it, or below."""
    with container("web") as identity, usual_places(PLACES):
        pid = document("inspect", "web", status=GOOD)["container"]["pid"]
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        path = next(line.split(":", 2)[2] for line in lines if ":devices:" in line)
        Path(f"/sys/fs/cgroup/devices{path}/devices.deny").write_text(f"c 195:{MINORS[1]} rw")
        document("inspect", "web", status=BROKEN)
        done = document("regrant", "web", status=GOOD)["containers"][0]
        check_equal((done["id"], done["result"]), (identity, "granted"), "result")
        check_equal([one["minor"] for one in done["devices"]], [MINORS[1]], "devices")
        document("inspect", "web", status=GOOD)


@test("podman")
def oci_nvidia_explains_a_container_of_podman_that_has_ended():
    with container("ended") as identity:
        run(podman("kill", "ended"), check=True)
        run(podman("wait", "ended"), check=True)
        with usual_places(PLACES):
            plan = document("explain", "--container", "ended")
            check_equal((plan["duty"], plan["request"]["devices"]), ("hook", "1"), "request")
            check("does not run" in plan["notes"][0], plan["notes"])
            done = oci_nvidia("inspect", identity)
            check_refused(done, 15, "NVH-0501", "does not run")


@test("podman")
def oci_nvidia_explains_a_container_of_podman_that_was_never_started():
    """By what Podman says of it, as the error tells."""
    options = [word for word in RUN_OPTIONS if word not in ("--rm", "--cgroups=enabled")]
    done = run(podman("create", "--name", "new", *options, "-e", "NVIDIA_VISIBLE_DEVICES=1", image(), "sleep", "1000"))
    check_equal(done.returncode, 0, fail_text("podman create", done))
    with usual_places(PLACES):
        done = oci_nvidia("explain", "--container", "new")
        check_refused(done, 11, "NVH-0105", "was not started yet", "podman inspect new | oci-nvidia explain --image-config -")
        told = run(podman("inspect", "new"), check=True).stdout
        plan = document("explain", "--image-config", "-", input=told)
        check_equal((plan["duty"], plan["request"]["devices"]), ("hook", "1"), "request")
    run(podman("rm", "--force", "new"), check=True)


@test("podman")
def oci_nvidia_ps_shows_a_container_of_podman():
    with openable_gpus(), container("web") as identity, usual_places(PLACES):
        run(podman("exec", "--detach", "web", "sh", "-c", hold(1)), check=True)
        users = wait_for_users(1)
        found = document("ps", status=GOOD)["containers"]
        check_equal([(one["engine"], one["id"], one["name"]) for one in found], [("Podman", identity, "web")], "containers")
        check_equal([device["device"] for device in found[0]["devices"]], ["1"], "devices")
        check_equal({one["pid"] for one in found[0]["processes"]}, set(users), "processes")


@test("podman")
def a_container_of_podman_gets_a_gpu_and_loses_it():
    for request in ((), ("-e", "NVIDIA_VISIBLE_DEVICES=1"), ("--user", "1000")):
        with container("web", request), usual_places(PLACES):
            check_cycle_by(podman("exec", "web"), "web")
