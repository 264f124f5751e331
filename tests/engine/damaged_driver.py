# SPDX-License-Identifier: Apache-2.0
"""A driver of the test's own, ways to damage it, and the hook run with it."""

import contextlib
import os
import shutil
import struct
from pathlib import Path

import oracle
from box import Box
from bundle import Case
from expect import LIBRARIES, check_one_line
from harness import SETUP, check, run

ENCODE = "libnvidia-encode.so"  # of capability video, optional
CUDA = "libcuda.so"
ALL = {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility,video"}
ELF_SECTIONS_AT, ELF_SEGMENTS_AT, ELF_SEGMENT_COUNT_AT = 0x28, 0x20, 0x38  # e_shoff, e_phoff, e_phnum of ELF64


@contextlib.contextmanager
def driver_copy(name):
    """A driver of the test's own, with the host's /dev and /proc in it as in a driver container."""
    tree = SETUP.work / f"driver-{name}"
    shutil.copytree(SETUP.driver, tree, symlinks=True, ignore=lambda top, _: ["dev", "proc"] if top == str(SETUP.driver) else [])
    SETUP.sources.append(tree)
    try:
        for directory in ("dev", "proc"):
            (tree / directory).mkdir()
            run(["mount", "--rbind", f"/{directory}", tree / directory], check=True)
        yield tree
    finally:
        for directory in ("dev", "proc"):
            run(["umount", "-R", "-l", tree / directory])
        SETUP.sources.remove(tree)
        shutil.rmtree(tree)


def library(tree, name=ENCODE):
    return tree / LIBRARIES[1:] / f"{name}.{SETUP.version}"


def run_hook(box, tree=None, hook=None, settings=""):
    """The hook for a box, with the driver in `tree`; what it did is judged."""
    config, log = SETUP.work / "driver-test.toml", SETUP.work / "driver-test.log"
    log.unlink(missing_ok=True)
    config.write_text(f'[nvidia-container-cli]\nroot = "{tree or SETUP.driver}"\ndebug = "{log}"\n{settings}')
    before, host = box.seen(), Path("/proc/self/mountinfo").read_text().splitlines()
    done = run([hook or SETUP.hook, f"-config={config}", "createRuntime"], input=box.state_text)
    record = {"exit": done.returncode, "stdout": done.stdout, "stderr": done.stderr, "late": False}
    record |= {"left processes": [], "host": host, "before": before, "after": box.seen()}
    record["log"] = log.read_text() if log.exists() else ""
    oracle.check_record(record)
    return record


def run_in_new_box(rules, tree=None, env=None, devices="1", **options):
    with Box(rules, Case(devices, env=env if env is not None else ALL)) as box:
        return run_hook(box, tree, **options)


def check_refused(record, code, *words):
    check(record["exit"] > 0, f"the hook succeeded; its log: {record['log'][-600:]}")
    check_one_line(record["stderr"], code, *words)


def mounted(record):
    return [line.split()[4].partition("/rootfs")[2] for line in record["after"]["mounts"]]


def has(record, name):
    return any(Path(target).name.startswith(name + ".") for target in mounted(record))


# ---- damages


def cut_off(size):
    def damage(path):
        os.truncate(path, size)

    return damage


def patch(offset, layout, value):
    def damage(path):
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(struct.pack(layout, value))

    return damage


def fill(path):
    path.write_bytes(b"\xff" * path.stat().st_size)


def loop_notes(path):
    """Every segment becomes a note over the whole file, whose sizes lead back to it."""
    data = bytearray(path.read_bytes())
    at, count = struct.unpack_from("<Q", data, ELF_SEGMENTS_AT)[0], struct.unpack_from("<H", data, ELF_SEGMENT_COUNT_AT)[0]
    for number in range(count):
        struct.pack_into("<I", data, at + 56 * number, 4)  # PT_NOTE
        struct.pack_into("<QQ", data, at + 56 * number + 8, 0, 0)
        struct.pack_into("<QQ", data, at + 56 * number + 32, 1 << 62, 1 << 62)
    path.write_bytes(data)


DAMAGES = {
    "empty": cut_off(0),
    "cut off in its header": cut_off(40),
    "cut off after its header": cut_off(64),
    "cut off in the middle": cut_off(4096),
    "garbage": fill,
    "with sections past its end": patch(ELF_SECTIONS_AT, "<Q", 1 << 60),
    "with segments past its end": patch(ELF_SEGMENTS_AT, "<Q", (1 << 64) - 8),
    "with 65535 segments": patch(ELF_SEGMENT_COUNT_AT, "<H", 0xFFFF),
    "with endless notes": loop_notes,
    "of another architecture": patch(18, "<H", 0xF3),
    "of the other byte order": patch(5, "B", 2),
}
