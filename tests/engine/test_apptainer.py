# SPDX-License-Identifier: Apache-2.0
"""Apptainer starts nvidia-container-cli with --nvccli, as an ordinary user and as root."""

import functools

from harness import MINORS, check, check_equal, fail_text, run, test
from whole_host import USER, as_user, copy_of_image, install_cli, make_user

SCRIPT = "ls /dev | grep ^nvidia; nvidia-smi -L; ldconfig -p | grep -c 'libcuda.so.1 '"
NODES = ["nvidia-uvm", "nvidia-uvm-tools", f"nvidia{MINORS[1]}", "nvidiactl"]
GPU = "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-12345678-1234-1234-1234-123456780001)"

install_cli()
make_user()


@functools.cache
def image():
    return copy_of_image("apptainer", owner=USER)


def apptainer(*options, devices="1"):
    return [f"NVIDIA_VISIBLE_DEVICES={devices}", "timeout", "60", "apptainer", "exec", *options, image()]


def check_gpu_1(done):
    check_equal(done.returncode, 0, fail_text("apptainer exec", done))
    check_equal(done.stdout.splitlines(), [*NODES, GPU, "1"], "nodes, GPUs, libcuda.so.1 in the loader cache")


@test("apptainer-today")
def the_version_of_apptainer_is_shown():
    print(run(["apptainer", "--version"]).stdout.strip(), flush=True)


@test("apptainer-today")
def a_user_gets_a_gpu_in_a_contained_container():
    check_gpu_1(run(as_user(*apptainer("--contain", "--nvccli", "--writable-tmpfs"), "sh", "-c", SCRIPT)))


@test("apptainer-today")
def root_gets_a_gpu_in_a_contained_container():
    """With its rights dropped, because a machine may lack some of those that Apptainer asks for."""
    options = ("--no-privs", "--contain", "--nvccli", "--writable-tmpfs")
    check_gpu_1(run(["env", *apptainer(*options), "sh", "-c", SCRIPT]))


@test("apptainer-today")
def a_volume_stays_as_it_is():
    volume = image().parent / "volume"
    volume.mkdir(exist_ok=True)
    options = ("--contain", "--nvccli", "--writable-tmpfs", "--bind", f"{volume}:/usr/lib/firmware")
    done = run(["env", *apptainer(*options), "sh", "-c", SCRIPT])
    check_equal([path.name for path in volume.iterdir()], [], f"files on the volume; {fail_text('apptainer', done)}")


@test("apptainer-today")
def a_user_is_told_of_an_unknown_device():
    options = ("--contain", "--nvccli", "--writable-tmpfs")
    done = run(as_user(*apptainer(*options, devices="99"), "true"))
    check(done.returncode != 0, "the container started")
    check("NVH-0202" in done.stderr, done.stderr[-600:])
