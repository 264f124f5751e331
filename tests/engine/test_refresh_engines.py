# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia refresh` of containers that Docker and Podman have started, each in the ways that give it a GPU."""

import contextlib

import observe
import test_command_docker
import test_command_podman
from cdi import generate, podman_run
from cdi import installed as with_specification
from command import document
from docker_daemon import daemon
from harness import MINORS, SETUP, UUID, check, check_equal, fail_text, run, test
from nvidia_spec import RELEASES, specification, text_of
from test_nvidia_cdi_hook import installed as with_nvidias
from test_nvidia_cdi_hook import program
from test_podman import podman
from test_refresh import NEW_UVM, OLD_UVM, host_to_upgrade, only
from upgrade import NEW_VERSION, replaced_in_place
from usual_places import usual_places

GPU = 1
RELEASE = "1.20"
PLACES = {**test_command_docker.LINKS, **test_command_podman.PLACES}


@contextlib.contextmanager
def of_docker(*options):
    with test_command_docker.container("web", options):
        yield ["docker", "-H", daemon(), "exec", "web"]


@contextlib.contextmanager
def of_podman():
    with test_command_podman.container("web"):
        yield podman("exec", "web")


@contextlib.contextmanager
def of_podman_by_cdi():
    done = run(podman_run([str(GPU)], "--detach", "--name", "web", command="sleep 1000"))
    check_equal(done.returncode, 0, fail_text("podman run", done))
    try:
        yield podman("exec", "web")
    finally:
        run(podman("rm", "--force", "--time", "0", "web"), check=True)


@contextlib.contextmanager
def by_our_specification():
    with with_specification(generate()), of_podman_by_cdi() as execute:
        yield execute


@contextlib.contextmanager
def by_nvidias_specification():
    document_ = specification(program(RELEASES[RELEASE].program), RELEASE)
    with with_nvidias(text_of(document_, RELEASE), "yaml"), of_podman_by_cdi() as execute:
        yield execute


def check_has(execute, version, uvm):
    """All of the driver of this version and nothing of the other."""
    view = observe.View(run([*execute, "sh", "-c", observe.SCRIPT]).stdout)
    check(view.complete, "the container does not answer")
    check_equal(view.gpus(), [f"{UUID}{GPU}"], "GPUs that nvidia-smi lists")
    for soname in ("libcuda.so.1", "libnvidia-ml.so.1"):
        check(version in view.loaded().get(soname, ""), f"dlopen of {soname}: {view.loaded()}")
        check(soname in view.loader(), f"ldconfig -p has no {soname}")
    other = NEW_VERSION if version == SETUP.version else SETUP.version
    for section in ("mounts", "loader", "links"):
        left = [line for line in view[section] if other in line]
        check_equal(left, [], f"{section} of {other}")
    nodes = view.nodes()
    check_equal((nodes["/dev/nvidia-uvm"], nodes[f"/dev/nvidia{MINORS[GPU]}"]), (f"{uvm}:0", f"195:{MINORS[GPU]}"), "nodes")
    check_equal({path for path, result in view.opened().items() if result == "EPERM"}, set(), "nodes without permission")


def check_refresh(container):
    with host_to_upgrade(replaced_in_place) as (_, upgrade), container as execute, usual_places(PLACES):
        check_has(execute, SETUP.version, OLD_UVM)
        check_equal(only(document("refresh", "web"))["result"], "nothing-to-do", "before")
        upgrade()
        check_equal(only(document("refresh", "web"))["result"], "refreshed", "result")
        check_has(execute, NEW_VERSION, NEW_UVM)
        check_equal(only(document("refresh", "web"))["result"], "nothing-to-do", "a second call")


def register(title, container):
    def body():
        check_refresh(container())

    body.__name__ = f"a container gets a new driver while it runs: {title}"
    test("engines-cgroup2")(body)


register("Docker with --gpus", lambda: of_docker("--gpus", f'"device={GPU}"'))
register("Docker with the runtime nvidia", lambda: of_docker("--runtime", "nvidia", "-e", f"NVIDIA_VISIBLE_DEVICES={GPU}"))
register("Podman with the hook", of_podman)
register("Podman with our CDI specification", by_our_specification)
register("Podman with a CDI specification of NVIDIA's form", by_nvidias_specification)
