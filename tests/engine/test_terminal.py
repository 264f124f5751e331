# SPDX-License-Identifier: Apache-2.0
"""What the commands print on a terminal: what one wants to know first, in lines that fit it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from bundle import Case, running
from command import oci_nvidia
from harness import SETUP, check, check_equal, test

WIDTHS = (80, 120)
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


def on_terminal(columns, *words):
    """The lines that a person sees."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [SETUP.hook.parent / "oci-nvidia", *words, "--config", SETUP.config]
    with subprocess.Popen(
        list(map(str, command)), stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        text = read_all(ours)
        error = process.stderr.read()
    os.close(ours)
    check_equal(error, b"", f"standard error of {words}")
    return COLOURS.sub("", text).splitlines()


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
        text = check_fits(columns, 14, "list")
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
