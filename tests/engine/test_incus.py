# SPDX-License-Identifier: Apache-2.0
"""Incus with nvidia.runtime: its LXC starts nvidia-container-cli for the files, and Incus itself
gives the nodes."""

import atexit
import functools
import os
import subprocess
import time
from pathlib import Path

from harness import MINORS, SETUP, UUID, Skip, check, check_equal, fail_text, run, test
from whole_host import copy_of_image, install_cli

START_LIMIT_S = 60
SCRIPT = "ls /dev | grep ^nvidia; nvidia-smi -L; ldconfig -p | grep -c 'libcuda.so.1 '"
PRESEED = """\
storage_pools:
- {name: default, driver: dir}
profiles:
- {name: default, devices: {root: {path: /, pool: default, type: disk}}}
"""
METADATA = "architecture: x86_64\ncreation_date: 1700000000\n"

install_cli()
os.environ["INCUS_DIR"] = str(SETUP.disk / "incus")
for name in ("subuid", "subgid"):
    Path("/etc", name).write_text("root:1000000:1000000000\n")


def incus(*words, **options):
    done = run(["incus", *words], **options)
    check_equal(done.returncode, 0, fail_text(f"incus {words[0]}", done))
    return done.stdout


def stop(process):
    run(["incus", "delete", "--force", "gpu"])
    process.terminate()
    process.wait(timeout=60)


@functools.cache
def daemon():
    """Starts incusd and imports the image as `test`."""
    log = SETUP.work / "incusd.log"
    with log.open("w") as output:
        command = ["/usr/libexec/incus/incusd", "--group", "root"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    atexit.register(stop, process)
    deadline = time.monotonic() + START_LIMIT_S
    while "Server version: unreachable" in run(["incus", "version"]).stdout:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Skip(f"incusd does not start here: {log.read_text(errors='replace')[-300:]}")
        time.sleep(0.2)
    incus("admin", "init", "--preseed", input=PRESEED)
    image = copy_of_image("incus-image")
    init = image / "usr/sbin/init"
    init.write_text("#!/bin/sh\nexec sleep 10000\n")
    init.chmod(0o755)
    metadata, archive = SETUP.disk / "metadata.yaml", SETUP.disk / "incus.tar"
    metadata.write_text(METADATA)
    tar = ["tar", "-C", SETUP.disk, "--transform", "s,^incus-image,rootfs,", "-cf", archive]
    subprocess.run([*tar, "metadata.yaml", "incus-image"], check=True)
    incus("image", "import", archive, "--alias", "test")


@test("incus-today")
def a_container_with_nvidia_runtime_has_the_driver():
    daemon()
    print(incus("version").replace("\n", " "), flush=True)
    settings = ("-c", "nvidia.runtime=true", "-c", "nvidia.driver.capabilities=compute,utility")
    incus("init", "test", "gpu", *settings)
    try:
        for node in ("nvidiactl", f"nvidia{MINORS[1]}"):
            path = f"/dev/{node}"
            incus("config", "device", "add", "gpu", node, "unix-char", f"source={path}", f"path={path}")
        incus("start", "gpu")
        told = incus("exec", "gpu", "--", "sh", "-c", SCRIPT).splitlines()
        check(f"nvidia{MINORS[1]}" in told and f"nvidia{MINORS[2]}" not in told, f"nodes in {told}")
        gpus = [line for line in told if "UUID" in line]
        check(len(gpus) == 1 and f"{UUID}1" in gpus[0], f"GPUs: {gpus}")
        check_equal(told[-1], "1", "libcuda.so.1 in the loader cache")
    finally:
        incus("delete", "--force", "gpu")
