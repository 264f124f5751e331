# SPDX-License-Identifier: Apache-2.0
"""The directory of the MPS daemon, which everybody can make on the host: whose it must be, and what containers may do with it."""

import contextlib
import os
import socket

from bundle import Case, run_container
from command import oci_nvidia
from expect import check_started
from harness import SETUP, check, check_equal, run, test
from silent_fuse import silent_fuse

PLACE = "/tmp/nvidia-mps"
STRANGER = 20124
LOOK = f"""
echo "== mps"; ls {PLACE} 2>/dev/null
echo "== written"; touch {PLACE}/mine 2>/dev/null && echo written
echo "== end"
"""


@contextlib.contextmanager
def directory(owner=0, mode=0o755):
    """The driver root has it, in a /tmp of its own, with a socket on which somebody listens."""
    place = SETUP.driver / PLACE[1:]
    run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", place.parent], check=True)
    place.mkdir()
    with socket.socket(socket.AF_UNIX) as daemon:
        # The path of a socket must be short.
        here = os.open(place, os.O_PATH)
        daemon.bind(f"/proc/self/fd/{here}/control")
        os.close(here)
        daemon.listen()
        for path in (place / "control", place):
            os.chown(path, owner, owner)
        place.chmod(mode)
        try:
            yield place
        finally:
            run(["umount", "-l", place.parent], check=True)


def seen():
    """What a container shows of it; the oracle judges the rest."""
    outcome = run_container(Case("1", command=LOOK, env={"NVIDIA_DRIVER_CAPABILITIES": "compute"}))
    check_started(outcome)
    sections = outcome.view.sections
    return sections["mps"], sections["written"], outcome


@test("runc")
def the_directory_of_roots_mps_daemon_is_there_and_cannot_be_written():
    with directory() as place:
        names, written, _ = seen()
        check_equal((names, written), (["control"], []), "what the container sees and writes")
        check_equal(os.listdir(place), ["control"], "what is on the host")


@test("runc")
def a_directory_of_mps_that_a_user_made_reaches_no_container():
    for options in ({"owner": STRANGER}, {"owner": STRANGER, "mode": 0o777}, {"mode": 0o777}):
        with directory(**options):
            names, written, _ = seen()
            check_equal((names, written), ([], []), f"with {options}")


@test("runc")
def a_file_system_of_a_user_in_its_place_stops_nobody():
    with directory() as place, silent_fuse("unanswered") as (source, server):
        server.silence.touch()
        run(["mount", "--bind", source, place], check=True)
        try:
            names, _, _ = seen()
            check_equal(names, [], "what the container sees")
            told = oci_nvidia("explain", "--env", "NVIDIA_VISIBLE_DEVICES=all")
            check(f"left out {PLACE}: `nvidia-mps` is a mount" in told.stdout, told)
        finally:
            run(["umount", "-l", place], check=True)
