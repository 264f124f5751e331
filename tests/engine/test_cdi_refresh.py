# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia cdi refresh`: the file is written where it has to be, and only there."""

import json

import test_mig
from cdi import on_host
from harness import SETUP, check, check_equal, fail_text, run, test
from test_cdi_check import NVIDIAS

# Each word after the first two is a step. Of each, what it tells on both streams.
STEPS = r"""
refresh() { "$program" cdi refresh --hook "$hook" "$@"; }
file=/run/cdi/nvidia.com-gpu.json
program=$1 hook=$2
shift 2
for step in "$@"; do eval "$step" 2>&1 || echo "status $?"; echo "== end"; done
"""
SHOW = "cat $file"
WHICH = "stat --format %i $file"


def steps(*scripts, host=()):
    """What each script tells, on a host of its own whose /run is empty."""
    command = ["bash", "-c", STEPS, "bash", SETUP.hook.parent / "oci-nvidia", SETUP.hook, *scripts]
    done = run(on_host([*host], command))
    check_equal((done.returncode, done.stderr), (0, ""), fail_text("steps", done))
    return done.stdout.split("== end\n")[:-1]


def refresh(mode="thin"):
    return f"refresh --config {SETUP.config} --mode {mode}"


@test("cdi")
def a_missing_specification_is_written_and_a_right_one_is_left_alone():
    for mode in ("thin", "full"):
        told, which, text, again, which_now = steps(refresh(mode), WHICH, SHOW, refresh(mode), WHICH)
        check(told == "wrote /var/run/cdi/nvidia.com-gpu.json\n", told)
        check_equal(json.loads(text)["kind"], "nvidia.com/gpu", "kind")
        check(again == "unchanged: /var/run/cdi/nvidia.com-gpu.json\n", again)
        check_equal(which_now, which, f"the file of a {mode} specification that was right")


@test("cdi")
def a_stale_specification_of_ours_is_replaced():
    _, text, _, told, now = steps(refresh(), SHOW, "sed -i 's/nvidia0/nvidia77/' $file", refresh(), SHOW)
    check(told.startswith("wrote "), told)
    check_equal(now, text, "the specification")


@test("cdi")
def a_file_of_another_program_is_left_alone():
    for write in (f"cat >$file <<'END'\n{NVIDIAS}END", "echo nothing >$file", "ln -s /dev/null $file", "mkdir $file"):
        before, told, after = steps(f"mkdir /run/cdi; {write}\nls -l $file", refresh(), "ls -l $file")
        check("NVH-0109" in told and "write `/var/run/cdi/nvidia.com-gpu.json`" in told, told)
        check("Try: remove the file" in told and "status 11" in told, told)
        check_equal(after, before, "the file")


@test("cdi")
def the_specification_goes_with_the_driver():
    hide = "mount -t tmpfs tmpfs /proc/driver"
    _, _, told, listed, again = steps(refresh(), hide, refresh(), "ls /run/cdi", refresh())
    check("no specification: driver not loaded" in told and "removed /var/run/cdi/nvidia.com-gpu.json" in told, told)
    check_equal(listed, "", "what is left")
    check("driver not loaded" in again and "removed" not in again and "status" not in again, again)
    foreign, _, told, after = steps("mkdir /run/cdi; echo nothing >$file", hide, refresh(), SHOW)
    check("status 11" in told, told)
    check_equal((foreign, after), ("", "nothing\n"), "a file of another program")


@test("cdi")
def mig_devices_come_and_go():
    less = f"mount -t tmpfs tmpfs /proc/driver/nvidia/capabilities/gpu{test_mig.MINORS[1]}"
    _, text, _, told, now = steps(refresh(), SHOW, less, refresh(), SHOW, host=test_mig.HOST)
    names, left = ({device["name"] for device in json.loads(one)["devices"]} for one in (text, now))
    check(told.startswith("wrote "), told)
    check("1:0" in names and "1:0" not in left and "2:0" in left, f"{names} then {left}")


@test("cdi")
def options_that_would_write_what_no_later_run_knows_are_refused():
    for options, word in (
        ("--output /run/nvidia.yaml", "`/run/nvidia.yaml`"),
        ("--format yaml", "json"),
        (f"--config {SETUP.config} --hook /usr/bin/nvidia-cdi-hook", "the hook must be oci-nvidia-hook"),
    ):
        told, listed = steps(f"refresh {options}".replace("refresh --config", "$program cdi refresh --config"), "ls /run/cdi")
        check("status 2" in told and word in told, told)
        check("No such file" in listed, listed)
