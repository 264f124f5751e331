# SPDX-License-Identifier: Apache-2.0
"""Pods that get their GPUs by our NRI plugin: without a runtime handler, and with an engine that nobody configured."""

import dataclasses
from pathlib import Path

from cri_containerd import Pod, client, foreign, refusal_of, restart, running, view_of
from expect import check_foreign_nodes, check_gpus, check_loader, check_params
from harness import MINORS, SETUP, UUID, check, check_equal, test
from nri_plugin import Plugin, plugin
from test_cri import SLEEP, TODAY, UPDATE, check_none, mount_request
from test_ps import nvml_says

VARIABLES_COUNT = "accept-nvidia-visible-devices-envvar-when-unprivileged = true\n"
RUNTIMES = ["runc", "crun"] if SETUP.name == "cri-cgroup2-today" else ["runc"]


def mounted(index, handler="", **more):
    """As the device plugin's `volume-mounts` asks; the image asks for all."""
    return Pod(handler, "all", mounts=[foreign(), mount_request(f"{UUID}{index}")], **more)


def annotated(value, key="container.c", **more):
    return dataclasses.replace(mounted(0, **more), mounts=[foreign()], pod_annotations={f"nvidia.cdi.k8s.io/{key}": value})


def check_one(view, index):
    check_gpus(view, [index])
    check_foreign_nodes(view, [index])
    check_loader(view)
    check_params(view)


@test(*TODAY)
def a_pod_gets_by_nri_the_gpu_that_its_mounts_name_and_no_other():
    with plugin() as started:
        for runtime in RUNTIMES:
            check_one(view_of(mounted(3, runtime)), 3)
        started.wait_for("devices, by volume mounts")


@test(*TODAY)
def a_pod_without_a_request_gets_nothing_by_nri():
    """A variable of the image is no request with the defaults of a cluster."""
    with plugin():
        check_none(view_of(Pod("", "all")))
        check_none(view_of(Pod("", None)))
        check_none(view_of(annotated("nvidia.com/gpu=0")))


@test(*TODAY)
def a_variable_counts_by_nri_where_the_configuration_says_so():
    with plugin(settings=VARIABLES_COUNT):
        check_one(view_of(Pod("", "2", mounts=[foreign()])), 2)


@test(*TODAY)
def an_annotation_counts_by_nri_in_the_namespaces_that_are_named():
    with plugin("--annotations-of", "tests"):
        for key, index in (("container.c", 1), ("pod", 4)):
            view = view_of(annotated(f"nvidia.com/gpu={index}", key=key))
            check_equal(view.gpus(), [f"{UUID}{index}"], "GPUs")
            check_foreign_nodes(view, [index])
        check_none(view_of(annotated("nvidia.com/gpu=1", key="container.other")))
    with plugin("--annotations-of", "elsewhere") as started:
        check_none(view_of(annotated("nvidia.com/gpu=1")))
        started.wait_for("its annotation nvidia.cdi.k8s.io is ignored")


@test(*TODAY)
def a_bad_request_by_nri_is_told_to_the_user():
    with plugin(settings=VARIABLES_COUNT):
        told = refusal_of(Pod("", "17"))
        for words in ("NVH-0202", "`17`: unknown device; this host has GPUs 0, 1", "Try: "):
            check(words in told, f"no {words!r} in {told}")
        check(UUID not in told, f"a UUID of the node: {told}")
        check_one(view_of(Pod("", "0", mounts=[foreign()])), 0)


@test(*TODAY)
def a_driver_that_answers_too_late_is_an_error_of_the_pod_that_needs_it():
    """The runtime waits two seconds. If it waits in vain, it closes the connection and creates the container without a GPU."""
    needs_nvml = mounted(1, env={"NVIDIA_REQUIRE_GPU": "brand=Nvidia"})
    with plugin() as started, nvml_says("delay=5"):
        for answer in Path("/run/oci-nvidia-hook").glob("gpus.json"):
            answer.unlink()
        told = refusal_of(needs_nvml)
        check("NVH-0408" in told and "no answer within 1500 ms" in told, told)
        check_one(view_of(mounted(2)), 2)
        check_equal(started.text().count("serving "), 1, "connections")


@test(*TODAY)
def a_configuration_that_cannot_be_used_stops_only_pods_that_may_ask_for_gpus():
    with plugin() as started:
        started.config.write_text("mode = [\n")
        check_none(view_of(Pod("", None)))
        started.wait_for("warning: NVH-01")
        for pod in (mounted(0), Pod("", "all")):
            told = refusal_of(pod)
            check("NVH-01" in told and "nri.toml" in told, told)


@test(*TODAY)
def two_pods_by_nri_have_a_gpu_each_over_updates():
    nodes = {minor: f"/foreign/gpu{minor}" for minor in range(8)}
    with plugin(), running(mounted(1, script=SLEEP)) as first, running(mounted(6, script=SLEEP)) as second:
        for started, index in ((first, 1), (second, 6)):
            started.update(UPDATE)
            seen = dict(line.split(maxsplit=1) for line in started.exec("inspect", "open", *nodes.values()).splitlines())
            expected = {path: "ENXIO" if minor == MINORS[index] else "EPERM" for minor, path in nodes.items()}
            check_equal(seen, expected, f"nodes of the pod with GPU {index}")


@test(*TODAY)
def nri_gives_nothing_twice_beside_a_handler_or_a_hook():
    with plugin(settings=VARIABLES_COUNT):
        for handler in ("nvidia", "base"):
            check_one(view_of(Pod(handler, "5", mounts=[foreign()])), 5)


@test(*TODAY)
def a_pod_in_a_user_namespace_gets_one_gpu_by_nri():
    with plugin():
        view = view_of(Pod("", "all", mounts=[mount_request(f"{UUID}7")], user_namespace=True))
        check_gpus(view, [7])
        check_loader(view)


@test(*TODAY)
def the_plugin_serves_the_next_engine_and_the_next_plugin_the_same():
    with plugin() as started:
        restart()
        started.wait_for("serving ", times=2)
        check_one(view_of(mounted(2)), 2)
        check_equal(started.stop(), 0, "the status after SIGTERM")
    check_none(view_of(mounted(2)))
    with plugin():
        check_one(view_of(mounted(2)), 2)


@test(*TODAY)
def a_plugin_waits_for_a_socket_and_ends_by_a_signal():
    client()
    waiting = Plugin(socket="/run/no/such/socket")
    waiting.wait_for("waiting for a runtime at /run/no/such/socket")
    check_equal(waiting.stop(), 0, "the status after SIGTERM")


@test(*TODAY)
def without_hooks_a_pod_gets_devices_and_files_by_nri():
    """For a runtime whose validator refuses hooks: libraries under the names that programs load them by."""
    with plugin("--no-hook") as started:
        view = view_of(mounted(4))
        # The simulated nvidia-smi lists what /proc/driver/nvidia has, which is the whole host's without a hook.
        check_equal(view.opened()[f"/dev/nvidia{MINORS[4]}"], "ENXIO", "the GPU's node")
        check_foreign_nodes(view, [4])
        check(all(file.startswith("/") for file in view.loaded().values()), f"not loaded: {view.loaded()}")
        started.wait_for("lacks, without a hook: the loader's cache, /proc/driver/nvidia")
