# SPDX-License-Identifier: Apache-2.0
"""What people meet first: words near a command, closed pipes, and calls that only look and leave no trace."""

import contextlib
from pathlib import Path

import shim
from command import BROKEN, GOOD, check_refused, oci_nvidia, text_of
from harness import SETUP, check, check_equal, fail_text, run, test

USAGE = 2
RECORD = Path("/run/oci-nvidia-hook/last-failure")


def usage_line(*words):
    done = run([SETUP.hook.parent / "oci-nvidia", *words])
    check_equal((done.returncode, done.stdout, done.stderr.count("\n")), (USAGE, "", 1), fail_text(f"oci-nvidia {words}", done))
    return done.stderr


@test("command")
def words_that_people_try_first_are_answered():
    for words in (("help",), ("--help",), ("cdi", "--help"), ("help", "list"), ("list", "--help")):
        check("Usage: oci-nvidia" in text_of(*words), f"oci-nvidia {words}")
    check(text_of("version").startswith("oci-nvidia "), "oci-nvidia version")


@test("command")
def a_word_near_a_command_is_suggested_with_the_right_help():
    check("perhaps `list`. Try: oci-nvidia --help" in usage_line("lst"), "lst")
    check("perhaps `docker`. Try: oci-nvidia setup --help" in usage_line("setup", "dokcer"), "dokcer")
    for command in ("explain", "inspect", "setup"):
        check(f"Try: oci-nvidia {command} --help" in usage_line(command), command)


@test("command")
def a_reader_that_closes_the_pipe_is_no_defect():
    program = SETUP.hook.parent / "oci-nvidia"
    for words in ("list", "list --json", "explain --env NVIDIA_VISIBLE_DEVICES=all", "doctor --all", "cdi generate"):
        done = run(["bash", "-c", f"'{program}' {words} --config '{SETUP.config}' | true; echo ${{PIPESTATUS[0]}}"])
        status = int(done.stdout)
        check(status < 11 and "NVH-" not in done.stderr, fail_text(words, done))


@test("command")
def nothing_is_planned_for_who_asks_for_nothing():
    text = text_of("explain", "--env", "FOO")
    check("Nothing is injected: NVIDIA_VISIBLE_DEVICES is not set." in text and "planned as" not in text, text)
    check("planned as for an image" in text_of("explain", "--env", "NVIDIA_VISIBLE_DEVICES=0"), "with a plan")
    refused = text_of("explain", "--env", "NVIDIA_VISIBLE_DEVICES=99", status=BROKEN)
    check("planned as for an image" not in refused, refused)


@test("command")
def a_host_without_a_driver_is_told_what_it_lacks():
    empty = SETUP.work / "no-driver"
    empty.mkdir(exist_ok=True)
    (empty / "own.toml").write_text("")
    done = oci_nvidia("list", "--host-root", empty, config=empty / "own.toml")
    check_refused(done, 14, "NVH-0401", "driver not loaded")
    check("this container" not in done.stderr, done.stderr)


@contextlib.contextmanager
def recorded_failure():
    """A failure of a container, which calls that only look must leave there."""
    before = RECORD.read_bytes() if RECORD.exists() else None
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text("time: 1700000000\ncontainer: real\nmessage: NVH-0202: no such GPU. Try: 0.\n")
    try:
        yield RECORD.read_bytes()
    finally:
        RECORD.unlink()
        if before is not None:
            RECORD.write_bytes(before)


@test("command")
def a_dry_run_and_a_question_of_the_version_leave_the_record_of_failures():
    with recorded_failure() as record:
        done = run([SETUP.hook, "--dry-run", "prestart"])
        check(done.returncode == 11 and "NVH-0104" in done.stderr, fail_text("dry run", done))
        check_equal(RECORD.read_bytes(), record, "after a dry run")
        lost = shim.environment("/nonexistent/runc", PATH="/nonexistent")
        run([shim.program(), "--version"], env=lost)
        check_equal(RECORD.read_bytes(), record, "after a question of the version")
