# SPDX-License-Identifier: Apache-2.0
"""What the commands print on a terminal: what one wants to know first, in lines that fit it."""

import fcntl
import itertools
import os
import pty
import re
import shutil
import struct
import subprocess
import termios

from pathlib import Path

from bundle import Case, running, started_as
from command import oci_nvidia
from fake_host import copy_host, write
from gpu_users import hold, openable_gpus, wait_for_users
from test_doctor_hosts import nouveau_that_has_the_gpus
from harness import HERE, SETUP, check, check_equal, test

WIDTHS = (80, 120)
SCREENS = HERE / "screens"  # what a terminal of 80 and one of 120 columns shows
CONFIG = Path("/run/config.toml")  # of the simulated host; a short path, because its length is in the screens
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def read_all(terminal):
    """Until everybody has closed the other side, which Linux tells as an error."""
    text = b""
    try:
        while part := os.read(terminal, 65536):
            text += part
    except OSError:
        pass
    return text.decode()


def coloured(columns, *words):
    """What a person sees; without what differs from run to run, or from host to host: processes, and cgroups at the end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    CONFIG.write_text(f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\n')
    config = () if "--host-root" in words else ("--config", CONFIG)
    command = [SETUP.hook.parent / "oci-nvidia", *words, *config]
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(
        list(map(str, command)), env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        text = read_all(ours)
        error = process.stderr.read()
    os.close(ours)
    check_equal(error, b"", f"standard error of {words}")
    text = re.sub(r"process \d+", "process 4711", text.replace("\r\n", "\n"))
    return re.sub(r"\n(\x1b\[1m)?Loader and devices.*", "", text, flags=re.DOTALL)


def on_terminal(columns, *words):
    return COLOURS.sub("", coloured(columns, *words)).splitlines()


def check_fits(columns, most, *words):
    """A word that does not fit has a line of its own, and is left whole."""
    lines = on_terminal(columns, *words)
    check(lines, f"{words} printed nothing")
    broken = [line for line in lines if len(line) > columns and " " in line.strip()]
    check_equal(broken, [], f"{words} at {columns}")
    check(len(lines) <= most, f"{words} at {columns}: {len(lines)} lines: {lines}")
    return "\n".join(lines)


@test("command")
def what_a_host_has_fits_a_terminal():
    for columns in WIDTHS:
        text = check_fits(columns, 15, "list")
        check("--files lists them" in text and "libcuda.so" not in text, text)
        check("libcuda.so" in "\n".join(on_terminal(columns, "list", "--files")), "list --files")
    check("libcuda.so" in oci_nvidia("list").stdout, "all of it in a pipe")


@test("command")
def what_a_container_would_get_fits_a_terminal():
    for columns in WIDTHS:
        words = ("explain", "--env", "NVIDIA_VISIBLE_DEVICES=0")
        text = check_fits(columns, 15, *words)
        check("--steps shows the" in text and "GPU 0 NVIDIA A100" in text, text)
        check("/etc/ld.so.cache" not in text, text)
        steps = check_fits(columns, 70, *words, "--steps")
        check("/etc/ld.so.cache" in steps, steps)


@test("command")
def what_doctor_finds_fits_a_terminal():
    for columns in WIDTHS:
        text = check_fits(columns, 60, "doctor")
        check("GPU and driver" in text and "--all" in text and "good     module" not in text, text)
        check(re.search("^good +module", check_fits(columns, 120, "doctor", "--all"), re.M), "--all")


@test("command")
def what_a_container_has_fits_a_terminal():
    with running(Case("0", args=["sleep", "1000"])) as name:
        for columns in WIDTHS:
            text = check_fits(columns, 30, "inspect", name)
            check("as they should be" in text and "0 NVIDIA A100" in text, text)
            check("libcuda.so" not in text, text)
        check("libcuda.so" in oci_nvidia("inspect", name).stdout, "all of it in a pipe")


@test("command")
def who_uses_the_gpus_fits_a_terminal():
    with openable_gpus(), running(Case("0,1", args=["sh", "-c", hold(0)])) as name:
        wait_for_users(1)
        for columns in WIDTHS:
            text = check_fits(columns, 10, "ps")
            check(name[:6] in text and "GPU" in text, text)


def as_it_is(lines):
    return lines


def with_fixed_processes(lines):
    """A table of `ps` with the same numbers and times in each run. What stands below it depends on the machine."""
    lines = list(itertools.takewhile(str.strip, lines))
    start, end = (lines[0].index(word) for word in ("PID", "USER"))
    numbers = itertools.count(4711)
    fixed = [f"{line[:start]}{next(numbers) if line[start:end].strip().isdigit() else line[start:end].strip():<6}{line[end:]}" for line in lines]
    return [re.sub(r"(?<= )\d+s(?= |$)", lambda found: f"{'7s':<{len(found[0])}}", line).rstrip() for line in fixed]


def check_screen(name, *words, fixed=as_it_is):
    """After a wanted change: delete the file, run the test twice, look at the new one."""
    for columns in WIDTHS:
        file = SCREENS / f"{name}-{columns}.txt"
        text = "\n".join(fixed(on_terminal(columns, *words))) + "\n"
        if not file.exists():
            file.write_text(text)
            raise AssertionError(f"{file} is new: look at it")
        check_equal(text.splitlines(), file.read_text().splitlines(), f"{words} at {columns} columns ({file.name})")


@test("command")
def the_screens_are_those_that_were_looked_at():
    check_screen("list", "list")
    check_screen("list-files", "list", "--files")
    check_screen("explain", "explain", "--env", "NVIDIA_VISIBLE_DEVICES=0,2")
    check_screen("explain-refused", "explain", "--env", "NVIDIA_VISIBLE_DEVICES=9")
    check_screen("explain-nothing", "explain", "--env", "FOO=1")
    with started_as("web", Case("1", args=["sleep", "1000"])):
        check_screen("inspect", "inspect", "web")


@test("command")
def the_screens_of_doctor_are_those_that_were_looked_at():
    host = copy_host("screens")
    check_screen("doctor", "doctor", "--host-root", host)
    check_screen("doctor-all", "doctor", "--all", "--host-root", host)
    nouveau_that_has_the_gpus(host)
    write(host / "etc/nvidia-container-runtime/config.toml", "[nvidia-container-cli]\nno-cgroups = true\nldconfig = 3\n")
    check_screen("doctor-broken", "doctor", "--host-root", host)
    shutil.rmtree(host)


@test("command")
def the_screen_of_ps_is_the_one_that_was_looked_at():
    with openable_gpus(), started_as("web", Case("0,1", args=["sh", "-c", hold(0)])):
        wait_for_users(1)
        check_screen("ps", "ps", fixed=with_fixed_processes)
