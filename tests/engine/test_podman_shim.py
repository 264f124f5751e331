# SPDX-License-Identifier: Apache-2.0
"""`podman --runtime nvidia-container-runtime`, without any hooks directory of ours."""

import observe
import shim
from bundle import foreign_nodes
from expect import check_foreign_nodes, check_gpus, check_loader, check_params
from harness import SETUP, check, check_equal, run, test
from test_podman import RUN_OPTIONS, image, podman, view_of


def run_podman(*options, command=observe.SCRIPT):
    foreign = foreign_nodes()["source"]
    words = [word if word != "runc" else str(shim.configured()) for word in RUN_OPTIONS]
    empty = SETUP.work / "no-hooks.d"
    empty.mkdir(exist_ok=True)
    command = podman("run", *words, "-v", f"{foreign}:/foreign:dev", *options, image(), "sh", "-c", command)
    command[command.index("--hooks-dir") + 1] = empty
    return run(command)


@test("podman")
def the_shim_as_runtime_gives_a_gpu():
    view = view_of(run_podman("-e", "NVIDIA_VISIBLE_DEVICES=1"))
    check_gpus(view, [1])
    check_foreign_nodes(view, [1])
    check_loader(view)
    check_params(view)


@test("podman")
def the_shim_as_runtime_leaves_other_containers_alone():
    view = view_of(run_podman())
    check_equal(view.nodes(), {}, "device nodes")
    check_foreign_nodes(view, [])


@test("podman")
def the_shim_as_runtime_tells_podmans_user_what_is_wrong():
    done = run_podman("-e", "NVIDIA_VISIBLE_DEVICES=99")
    check(done.returncode != 0, "the container started")
    check("NVH-0202" in done.stderr, done.stderr)
