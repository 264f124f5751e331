# SPDX-License-Identifier: Apache-2.0
"""CUDA forward compatibility libraries in the image: which libcuda a container's loader takes."""

import dataclasses
import json

from bundle import Case, run_container
from expect import LIBRARIES, check_gpus, check_loader, check_started
from harness import SETUP, SIMULATED_HOST, check, check_equal, fail_text, run, test

DIRECTORY = "/usr/local/cuda-12.4/compat"
NEWER, OLDER = "550.54.15", "525.147.05"  # than SETUP.version, 535.309.01
DISABLED = '[nvidia-container-runtime.modes.legacy]\ncuda-compat-mode = "disabled"\n'


@dataclasses.dataclass
class Image:
    """What the image has in its compatibility directory."""

    version: str = NEWER
    drivers: list = None  # None: the library has no note
    devices: tuple = (2, 14)

    def note(self):
        return json.dumps(
            {
                "Format": 1,
                "CUDA Version": "12.4",
                "Driver": self.drivers,
                "Device": list(self.devices),
            }
        )

    def note_source(self, path):
        """The note as NVIDIA's libcuda has it, in assembler."""
        text = json.dumps(self.note())  # quoted
        path.write_text(
            '.section .note.cuda.fwd_compatibility, "a", %note\n.balign 4\n'
            '.long 2f - 1f, 4f - 3f, 1\n1: .asciz "NVIDIA Corporation"\n2: .balign 4\n'
            f'3: .ascii {text}\n4: .balign 4\n.section .note.GNU-stack, "", %progbits\n'
        )
        return path

    def add_to(self, _config, bundle):
        directory = bundle / "rootfs" / DIRECTORY[1:]
        directory.mkdir(parents=True)
        (directory.parents[1] / "cuda").symlink_to("/usr/local/cuda-12.4")
        sources = [SIMULATED_HOST / "cuda_stub.c"]
        if self.drivers is not None:
            sources.append(self.note_source(bundle / "note.s"))
        file = directory / f"libcuda.so.{self.version}"
        command = ["cc", "-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libcuda.so.1", "-o", file]
        done = run([*command, *sources])
        check(done.returncode == 0, fail_text("cc", done))
        (directory / "libcuda.so.1").symlink_to(file.name)


def started(image, edit=None, **options):
    outcome = run_container(Case("0", edit=edit or image.add_to, **options))
    check_started(outcome)
    check_gpus(outcome.view, [0])
    reached = [mount for mount in outcome.view.mounts() if "compat" in mount[0] + mount[1]]
    check_equal(reached, [], "mounts from or in the image's directory")
    return outcome.view


def check_compat(view, version=NEWER):
    loaded = view.loaded()
    check_equal(loaded["libcuda.so.1"], f"{DIRECTORY}/libcuda.so.{version}", "dlopen of libcuda")
    check_equal(
        loaded["libnvidia-ml.so.1"],
        f"{LIBRARIES}/libnvidia-ml.so.{SETUP.version}",
        "dlopen of libnvidia-ml",
    )


@test("runc")
def compat_libraries_of_a_newer_driver_are_loaded():
    check_compat(started(Image()))


@test("runc")
def compat_libraries_of_an_older_driver_are_not_loaded():
    check_loader(started(Image(version=OLDER)))


@test("runc")
def compat_libraries_are_loaded_where_their_note_lists_driver_and_gpu():
    check_compat(started(Image(drivers=[535, 550])))


@test("runc")
def compat_libraries_are_not_loaded_where_their_note_does_not_list_the_driver():
    check_loader(started(Image(drivers=[470, 550])))


@test("runc")
def compat_libraries_are_not_loaded_where_their_note_does_not_list_the_gpu():
    check_loader(started(Image(drivers=[535], devices=(1, 2))))


@test("runc")
def compat_libraries_are_not_loaded_where_the_configuration_disables_them():
    config = SETUP.config.read_text() + DISABLED
    check_loader(started(Image(), config=config))


@test("runc")
def a_compat_directory_made_to_reach_the_host_reaches_nothing():
    """CVE-2024-0132: the first bind of container content changed what the second source meant."""

    def trap(config, bundle):
        image.add_to(config, bundle)
        rootfs = bundle / "rootfs"
        compat = rootfs / DIRECTORY[1:]
        (compat / "libnvidia-ml.so.6").mkdir()
        (compat / "libnvidia-ml.so.6/libnvidia-ml.so.7").symlink_to("../../../../../..")
        (compat / "libnvidia-ml.so.7").write_text("harmless")
        (rootfs / LIBRARIES[1:] / "libnvidia-ml.so.6").symlink_to(DIRECTORY)

    image = Image()
    check_compat(started(image, edit=trap))
