# SPDX-License-Identifier: Apache-2.0
"""Pods as the kubelet makes them, by containerd's CRI plugin: each way in which a pod asks for GPUs."""

import dataclasses

import observe
from attach_cycle import check_refresh_cycle
from cri_containerd import CDI_DIRECTORY, Pod, foreign, refusal_of, restart, running, sandbox_of, start_container, view_of
from expect import check_foreign_nodes, check_gpus, check_loader, check_params
from harness import MINORS, SETUP, UUID, check, check_equal, run, test

TODAY = ("cri-today", "cri-cgroup2-today")
SLEEP = "while :; do sleep 1; done"
ON_CGROUP2 = SETUP.name == "cri-cgroup2-today"
# crun takes no host with cgroups of both versions.
HANDLERS = ["nvidia", "nvidia-crun"] if ON_CGROUP2 else ["nvidia"]
# The cgroup v2 of the simulated host has no controllers; the device rules come with every update.
UPDATE = {} if ON_CGROUP2 else {"cpuset_cpus": "0"}
REQUESTS = "/var/run/nvidia-container-devices"


def mount_request(name, source="/dev/null"):
    return {"host_path": source, "container_path": f"{REQUESTS}/{name}"}


def command(*words, status=0, config=None):
    done = run([SETUP.hook.parent / "oci-nvidia", *words, "--config", config or SETUP.config])
    check_equal(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


def check_none(view):
    check_equal((view.nodes(), view.gpus()), ({}, []), "nodes and GPUs")
    check("libcuda.so.1" not in view.loader(), "libcuda is there")


@test("cri")
def a_pod_of_the_handler_gets_the_gpu_that_it_names():
    view = view_of(Pod("nvidia", "1", mounts=[foreign()]))
    check_gpus(view, [1])
    check_foreign_nodes(view, [1])
    check_loader(view)
    check_params(view)


@test("cri")
def a_pod_of_another_handler_or_without_a_request_gets_nothing():
    check_none(view_of(Pod("nvidia", None)))
    check_none(view_of(Pod("", "1")))


@test("cri")
def a_bad_request_is_told_to_the_user():
    """In the message that `kubectl describe pod` shows; a tenant learns no UUID of the node."""
    told = refusal_of(Pod("nvidia", "17"))
    for words in ("NVH-0202", "`17`: unknown device; this host has GPUs 0, 1", "Try: "):
        check(words in told, f"no {words!r} in {told}")
    check(UUID not in told, f"a UUID of the node: {told}")


@test("cri")
def by_mounts_alone_no_variable_of_an_image_gives_a_gpu():
    """With node-config.toml: `all` in the image's environment counts for nothing, the mount of the device plugin does."""
    check_none(view_of(Pod("nvidia-mounts", "all")))
    view = view_of(Pod("nvidia-mounts", "all", mounts=[foreign(), mount_request(f"{UUID}3")]))
    check_gpus(view, [3])
    check_foreign_nodes(view, [3])
    # Of an emptyDir, which every author of a pod may use.
    check_none(view_of(Pod("nvidia-mounts", "all", mounts=[mount_request("all", SETUP.work / "canary")])))


@test("cri")
def an_update_of_cpus_takes_no_gpu():
    """As the static CPU manager and an in-place resize of a pod do."""
    nodes = {f"/foreign/gpu{minor}": "EPERM" for minor in range(8)} | {f"/foreign/gpu{MINORS[2]}": "ENXIO"}
    for handler in HANDLERS:
        with running(Pod(handler, "2", script=SLEEP, mounts=[foreign()])) as started:
            for _ in range(2):
                seen = dict(line.split(maxsplit=1) for line in started.exec("inspect", "open", *nodes).splitlines())
                check_equal(seen, nodes, f"nodes of {handler}")
                started.update(UPDATE)
            check(not UPDATE or "Cpus_allowed_list:\t0\n" in started.exec("cat", "/proc/1/status"), "the update was not made")


@test("cri")
def a_pod_gets_a_gpu_while_it_runs_and_loses_it():
    for handler in HANDLERS:
        with running(Pod(handler, script=SLEEP)) as started:
            check_refresh_cycle(started.container, started.exec)


@test("cri")
def whoever_may_use_a_host_path_can_ask_by_mounts():
    """No program of the node can tell that mount from the device plugin's: Pod Security must forbid it."""
    with running(Pod("nvidia-mounts", script=SLEEP, mounts=[mount_request("all")])) as started:
        check_equal(started.exec("nvidia-smi", "-L").count(UUID), 8, "GPUs")
        told = command("explain", "--container", started.container, config=SETUP.work / "cri-nvidia-mounts.toml")
    check("use hostPath volumes can, too; the Pod Security level `baseline` forbids those" in told, told)


@test(*TODAY)
def a_pod_that_names_devices_by_cdi():
    """By the field of CRI and by an annotation; a variable beside it gives nothing more."""
    CDI_DIRECTORY.mkdir(exist_ok=True)
    file = CDI_DIRECTORY / "nvidia.com-gpu.json"
    file.write_text(command("cdi", "generate", "--hook", SETUP.hook))
    name = "nvidia.com/gpu=1"
    try:
        for handler in ("", "nvidia"):
            for pod in (Pod(handler, "0", cdi=[name]), Pod(handler, annotations={"cdi.k8s.io/test": name})):
                view = view_of(dataclasses.replace(pod, mounts=[foreign()]))
                check_equal(view.gpus(), [f"{UUID}1"], f"GPUs with the handler {handler!r}")
                check_foreign_nodes(view, [1])
        check_equal(view_of(Pod("", cdi=[name], user_namespace=True)).gpus(), [f"{UUID}1"], "GPUs in a user namespace")
        check("nvidia.com/gpu=17" in refusal_of(Pod("", cdi=["nvidia.com/gpu=17"])), "the name is not told")
    finally:
        file.unlink()


@test(*TODAY)
def a_pod_by_the_base_specification():
    view = view_of(Pod("base", "4", mounts=[foreign()]))
    check_gpus(view, [4])
    check_foreign_nodes(view, [4])
    check_none(view_of(Pod("base", None)))
    check("NVH-0202" in refusal_of(Pod("base", "17")), "the line of the hook")


@test("cri")
def a_pod_with_seccomp_as_another_user_and_no_new_privileges():
    security = {"seccomp": {"profile_type": 0}, "run_as_user": {"value": 1000}, "no_new_privs": True}
    view = view_of(Pod("nvidia", "5", script=f"id -u; {observe.SCRIPT}", security=security))
    check_gpus(view, [5])


@test(*TODAY)
def a_privileged_pod_sees_the_gpu_that_it_asks_for():
    view = view_of(Pod("nvidia", "6", security={"privileged": True}))
    check_equal(view.gpus(), [f"{UUID}6"], "nvidia-smi -L")


@test(*TODAY)
def a_pod_in_a_user_namespace_gets_one_gpu():
    """`hostUsers: false`: root and volumes are idmapped."""
    volume = SETUP.disk / "volume"
    volume.mkdir()
    for handler in (*HANDLERS, "base"):
        mounts = [{"host_path": volume, "container_path": "/volume"}]
        script = f"touch /volume/{handler} && cat /proc/self/uid_map; {observe.SCRIPT}"
        view = view_of(Pod(handler, "1", script=script, mounts=mounts, user_namespace=True))
        check_gpus(view, [1])
        check_loader(view)
        check_equal((volume / handler).stat().st_uid, 0, "owner of a file in the volume")


@test(*TODAY)
def a_pod_in_a_user_namespace_that_asks_by_mounts():
    view = view_of(Pod("nvidia-mounts", "all", mounts=[mount_request(f"{UUID}7")], user_namespace=True))
    check_gpus(view, [7])


@test("cri")
def a_container_that_is_restarted_gets_its_gpu_again():
    with sandbox_of(Pod("nvidia", "3", script="exit 1")) as (name, sandbox):
        status, _ = start_container(Pod("nvidia", "3", script="exit 1"), name, sandbox).wait()
        check_equal(status, 1, "the first container")
        status, output = start_container(Pod("nvidia", "3"), name, sandbox, attempt=1).wait()
    check_gpus(observe.View(output), [3])


@test("cri")
def pods_keep_their_gpus_over_a_restart_of_containerd():
    with running(Pod("nvidia", "2", script=SLEEP)) as started:
        restart()
        check_equal(started.exec("nvidia-smi", "-L").count(UUID), 1, "GPUs after the restart")
        started.update(UPDATE)
        check_gpus(view_of(Pod("nvidia", "1")), [1])


@test("cri")
def the_commands_say_what_a_pods_container_has():
    with running(Pod("nvidia", "1", script=SLEEP)) as started:
        check("up to date with the driver" in command("inspect", started.container), "inspect")
        check("it runs, and has " in command("explain", "--container", started.container), "explain")


@test("cri")
def a_pod_with_a_limit_and_without_the_handler_is_explained():
    """The commonest mistake: the pod runs, has no GPU, and the log says nothing."""
    with running(Pod("", "1", script=SLEEP)) as started:
        for words in (["inspect"], ["explain", "--container"]):
            told = command(*words, started.container, status=3)
            for part in ("has nothing of it: neither the hook nor the runtime shim was called", "`runtimeClassName: nvidia`"):
                check(part in told, f"no {part!r} in {told}")
