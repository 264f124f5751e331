# SPDX-License-Identifier: Apache-2.0
"""Volumes that Podman mounts, with the hook of hooks.d and with that of a CDI specification; and images that are made of containers."""

import contextlib
import json

import observe
from cdi import generate, run_cdi
from expect import LIBRARIES, check_started
from harness import SETUP, check, check_equal, fail_text, run, test
from test_podman import RUN_OPTIONS as RUN
from test_podman import image, podman, run_podman
from volumes import state, volume

PLACES = (LIBRARIES, "/etc", "/usr/bin")


@contextlib.contextmanager
def volume_for(place):
    """The runtime mounts files of Podman's over these names, and makes them where they are missing."""
    with volume("podman", f"{SETUP.rootfs}{place}") as source:
        for name in ("hostname", "hosts", "resolv.conf", "mtab") if place == "/etc" else ():
            (source / name).touch()
        yield source


def check_loads(view, what):
    for soname in ("libcuda.so.1", "libnvidia-ml.so.1"):
        check(soname in view.loaded(), f"{what}: {view['load']}")


@test("podman")
def a_volume_of_podman_stays_as_it_is():
    for place in PLACES:
        for mode in ("rw", "ro"):
            with volume_for(place) as source:
                before = state(source)
                done = run_podman("0", "-v", f"{source}:{place}:{mode}")
                check_equal(state(source), before, f"{source} of the host")
                check(done.returncode == 0, fail_text(f"a volume over {place}", done))
                check_loads(observe.View(done.stdout), f"{place} {mode}")


@test("cdi")
def a_volume_beside_a_thin_specification_stays_as_it_is():
    """With a full one the engine mounts the files, and makes what it mounts over."""
    for place in PLACES:
        with volume_for(place) as source:
            before = state(source)
            outcome = run_cdi(generate("--mode", "thin"), ["0"], "-v", f"{source}:{place}")
            check_equal(state(source), before, f"{source} of the host")
            check_started(outcome)
            check_loads(outcome.view, place)


def private_config():
    path = SETUP.work / "private.toml"
    path.write_text('placement = "private"\n' + SETUP.config.read_text())
    return path


def private_hooks():
    """A definition of its own, whose hook reads another configuration."""
    path = SETUP.work / "private-hook.json"
    definition = json.loads(SETUP.hook_definition.read_text())
    definition["hook"]["args"].append(f"-config={private_config()}")
    args = definition["hook"]["args"]
    args[1:] = [args[-1], *args[1:-1]]
    path.write_text(json.dumps(definition))
    return path


@test("podman")
def an_image_that_is_made_of_a_private_container_runs_without_a_gpu():
    name, made = "oci-nvidia-private", "oci-nvidia-committed"
    options = [word for word in RUN if word != "--rm"]
    command = ["run", "--name", name, *options, "-e", "NVIDIA_VISIBLE_DEVICES=0", image()]
    done = run(podman(*command, "inspect", "load", "libcuda.so.1", "cuInit", definition=private_hooks()))
    try:
        check("/usr/local/nvidia/lib64/libcuda" in done.stdout, fail_text("podman run", done))
        run(podman("commit", name, made), check=True)
    finally:
        run(podman("rm", "--force", name))
    names = " -o ".join(f"-name '*{word}*'" for word in ("nv", "NV", "cuda", "GL"))
    listing = f"find /usr /lib -xdev -type f -size 0 \\( {names} \\); find / -xdev -type f -name 'libcuda*'; ldconfig -p | grep nvidia"
    # The image remembers its environment, too.
    done = run(podman("run", *RUN, "-e", "NVIDIA_VISIBLE_DEVICES=void", made, "sh", "-c", f"{listing} || true"))
    check_equal((done.returncode, done.stdout), (0, ""), fail_text("what is left in the image", done))
