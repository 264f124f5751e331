# SPDX-License-Identifier: Apache-2.0
"""Containers of root with a user namespace of their own, as dockerd's userns-remap makes them."""

import contextlib
import functools
import subprocess

from bundle import HOOK_ENV, Case, foreign_nodes, run_container
from expect import check_foreign_nodes, check_gpus, check_loader, check_started
from harness import SETUP, check, check_equal, test

ROOT = 100000


@functools.cache
def remapped_image():
    target = SETUP.work / "remapped"
    subprocess.run(["cp", "-a", SETUP.rootfs, target], check=True)
    subprocess.run(["chown", "-hR", f"{ROOT}:{ROOT}", target], check=True)
    return target


@contextlib.contextmanager
def complete_procfs():
    """The kernel lets a user namespace mount a procfs only where one without mounts on it is in sight."""
    directory = SETUP.work / "procfs"
    directory.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "proc", "proc", directory], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


def remap(config, directory):
    mapping = [{"containerID": 0, "hostID": ROOT, "size": 65536}]
    config["linux"]["namespaces"].append({"type": "user"})
    config["linux"].update(uidMappings=mapping, gidMappings=mapping)
    for name in ("upper", "rootfs"):
        subprocess.run(["chown", f"{ROOT}:{ROOT}", directory / name], check=True)
    for path in (SETUP.work, SETUP.work.parent, directory):
        path.chmod(0o755)


@test("runc")
def a_remapped_container_gets_its_gpu_and_device_rules():
    with complete_procfs():
        outcome = run_container(
            Case("1", image=remapped_image(), edit=remap, mounts=[foreign_nodes()])
        )
    check_started(outcome)
    check_gpus(outcome.view, [1])
    check_foreign_nodes(outcome.view, [1])
    check_loader(outcome.view)


@test("runc")
def what_is_made_in_a_remapped_container_belongs_to_its_root():
    with complete_procfs():
        outcome = run_container(Case("0", image=remapped_image(), edit=remap))
    check_started(outcome)
    made = [row for row in outcome.changes if "libcuda" in row[0] or "ld.so.cache" in row[0]]
    check(len(made) > 2, f"made: {outcome.changes}")
    owners = {tuple(row[2:4]) for row in made}
    check_equal(owners, {(ROOT, ROOT)}, "owners")


@test("runc")
def real_root_has_no_configuration_of_a_user():
    """An engine passes on whatever environment it has: sudo keeps XDG_CONFIG_HOME."""
    home = SETUP.work / "xdg"
    (home / "oci-nvidia-hook").mkdir(parents=True)
    (home / "oci-nvidia-hook/config.toml").write_text("this is no TOML")

    def give(config, _):
        entry = config["hooks"]["createRuntime"][0]
        entry["env"] = [*HOOK_ENV, f"XDG_CONFIG_HOME={home}", f"HOME={home}"]
        entry["args"] = [word for word in entry["args"] if not word.startswith("-config")]

    outcome = run_container(Case("0", edit=give))
    check_equal(outcome.record["exit"], 14, outcome.errors)  # no driver at `/`
    check("NVH-0102" not in outcome.errors, outcome.errors)
