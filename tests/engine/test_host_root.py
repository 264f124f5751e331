# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia --host-root`: another host is read with its own driver root and its own configuration."""

import json
import shutil

from fake_host import copy_host, write
from harness import SETUP, check, check_equal, fail_text, run, test

DRIVER = "run/nvidia/driver"


def other_host(name):
    """A host whose driver is that of a driver container."""
    host = copy_host(name)
    (host / DRIVER).mkdir(parents=True)
    for part in ("usr", "etc"):
        shutil.copytree(SETUP.driver / part, host / DRIVER / part, symlinks=True)
        if part == "usr":
            shutil.rmtree(host / part)
    write(host / "etc/settings.toml", f'[nvidia-container-cli]\nroot = "/{DRIVER}"\n')
    (host / "etc/nvidia-container-runtime").mkdir()
    (host / "etc/nvidia-container-runtime/config.toml").symlink_to("/etc/settings.toml")  # of that host
    return host


def of_host(host, *words):
    done = run([SETUP.hook.parent / "oci-nvidia", "--host-root", host, *words])
    check_equal(done.returncode, 0, fail_text(" ".join(words), done))
    return json.loads(done.stdout)


@test("command")
def another_host_is_listed_by_its_own_configuration():
    found = of_host(other_host("listed"), "list", "--json")
    names = [file["path"] for file in found["files"]]
    check(f"/usr/lib/x86_64-linux-gnu/libcuda.so.{SETUP.version}" in names, names)


@test("command")
def a_specification_for_another_host_has_the_paths_of_that_host():
    host = other_host("specified")
    spec = of_host(host, "cdi", "generate", "--device-names", "index")
    mounts = spec["containerEdits"]["mounts"]
    libraries = [mount["hostPath"] for mount in mounts if "64-linux-gnu/libcuda.so" in mount["hostPath"]]
    check_equal(libraries, [f"/{DRIVER}/usr/lib/x86_64-linux-gnu/libcuda.so.{SETUP.version}"], "source of libcuda")
    check(str(host) not in json.dumps(spec), "a path of this machine is in it")
    check_equal(sorted(device["name"] for device in spec["devices"]), [*map(str, range(8)), "all"], "devices")
