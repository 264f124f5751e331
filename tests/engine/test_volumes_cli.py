# SPDX-License-Identifier: Apache-2.0
"""Nothing outside the container's own layer is written, by those who call nvidia-container-cli in a container that they made."""

import contextlib
import subprocess

import observe
from cli import place, run_in_namespaces
from expect import LIBRARIES
from harness import SETUP, check, check_equal, fail_text, test
from test_cli import apptainer
from volumes import state


@contextlib.contextmanager
def volume(name, content):
    """Where every user can enter."""
    directory = place() / f"volume-{name}"
    subprocess.run(["cp", "-a", content, directory], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["rm", "-rf", directory], check=True)


def run_with(source, target, spoil=None):
    before = state(source)
    options = ("--device=all", "--compute", "--utility")
    done = run_in_namespaces(apptainer(*options), False, {"VOLUME": str(source), "PLACE": target}, spoil)
    check_equal(state(source), before, f"{source} of the host")
    return done


@test("cli")
def a_volume_stays_as_it_is():
    for target in (LIBRARIES, "/usr/bin", "/etc"):
        with volume("plain", f"{SETUP.rootfs}{target}") as source:
            done = run_with(source, target)
            view = observe.View(done.stdout)
            check(done.returncode == 0 and view.complete, fail_text(f"a volume over {target}", done))
            check("libcuda.so.1" in view.loaded(), f"{target}: {view['load']}")


@test("cli")
def an_image_that_leads_etc_to_that_of_the_host_does_not_write_there():
    """A user of Apptainer has chosen image and volumes, and root runs the program."""

    def spoil(rootfs):
        (rootfs / "host/etc").mkdir(parents=True)
        subprocess.run(["rm", "-rf", rootfs / "etc"], check=True)
        (rootfs / "etc").symlink_to("/host/etc")

    with volume("etc", f"{SETUP.rootfs}/etc") as source:
        done = run_with(source, "/host/etc", spoil)
        check_equal(done.returncode, 0, fail_text("the program", done))
