# SPDX-License-Identifier: Apache-2.0
"""Every place that the hook works on, exchanged for a link to the host while it does. `run --races N` makes it more than a few."""

import shutil

from attack import UP
from expect import LIBRARIES
from harness import SETUP, check, check_equal, test
from races import COMPAT, FIRMWARE, NODES, SMI, Race, run_races

CONFIG = str(SETUP.config)


def beside(name):
    return f"{name}.swap"


def pairs_of(*names):
    return [(f"rootfs/{name}", f"rootfs/{beside(name)}") for name in names]


def links(target, *names):
    """The trap: beside each name a link to `target`, in which {aim} is the host's directory."""

    def trap(bundle, aim):
        for name in names:
            (bundle / "rootfs" / beside(name)).symlink_to(target.format(aim=aim))

    return trap


def race_for(naive, target, *names):
    return Race(pairs_of(*names), naive, links(target, *names))


@test("hostile", cases=[28], cves=["CVE-2025-23359", "CVE-2021-30465"])
def a_mount_target_that_is_swapped_for_a_link_stays_inside():
    library = f"{LIBRARIES[1:]}/libcuda.so.{SETUP.version}"
    race = race_for(["mount", CONFIG, f"/{SMI}"], "{aim}/secret", SMI, library)
    run_races("mount target", race)


@test("hostile", cases=[28], cves=["CVE-2026-24260", "CVE-2024-45310", "CVE-2021-30465"])
def a_library_directory_that_is_swapped_for_a_link_stays_inside():
    naive = ["mount", CONFIG, f"{LIBRARIES}/libnvidia-ml.so.1"]
    run_races("library directory", race_for(naive, UP + "{aim}", LIBRARIES[1:]))


def cdi_hook(*words):
    """A call of NVIDIA's CDI specifications, which our executable serves under that name."""
    link = SETUP.work / "nvidia-cdi-hook"
    if not link.exists():
        link.symlink_to(SETUP.hook)
    return [link, *words]


@test("hostile", cases=[28], cves=["CVE-2026-24260", "CVE-2024-0134"])
def a_directory_of_create_symlinks_that_is_swapped_stays_inside():
    links_of_call = [f"libcuda.so.1::{LIBRARIES}/{name}" for name in ("libcuda.so", "a/b/libcuda.so")]
    words = [word for link in links_of_call for word in ("--link", link)]
    race = race_for(["mkdir", f"{LIBRARIES}/a/b"], UP + "{aim}", LIBRARIES[1:])
    race.command = cdi_hook("create-symlinks", *words)
    run_races("create-symlinks", race)


@test("hostile", cases=[28], cves=["CVE-2026-24260", "CVE-2025-23267"])
def an_etc_of_update_ldcache_that_is_swapped_stays_inside():
    """Both the cache and the list of folders are in it."""
    library = SETUP.driver / LIBRARIES[1:] / f"libcuda.so.{SETUP.version}"
    swapped = links("{aim}", "etc")

    def trap(bundle, aim):
        (bundle / "rootfs/opt").mkdir()
        shutil.copy(library, bundle / "rootfs/opt")
        swapped(bundle, aim)

    race = Race(pairs_of("etc"), ["mkdir", "/etc/nvidia/below"], trap)
    race.command = cdi_hook("update-ldcache", "--folder", "/opt")
    run_races("update-ldcache", race)


@test("hostile", cases=[28], cves=["CVE-2026-24260", "CVE-2024-45310"])
def a_parent_further_up_that_is_swapped_for_a_link_stays_inside():
    naive = ["mkdir", f"{LIBRARIES}/a/b"]
    run_races("grandparent directory", race_for(naive, "{aim}", "usr/lib", "usr"))


@test("hostile", cases=[28], cves=["CVE-2026-24260", "CVE-2024-45310"])
def an_etc_that_is_swapped_for_a_link_stays_inside():
    naive = ["mkdir", "/etc/nvidia/nvidia-application-profiles-rc.d/below"]
    run_races("/etc", race_for(naive, "{aim}", "etc"))


@test("hostile", cves=["CVE-2025-23267", "CVE-2026-24260"])
def a_loader_cache_that_is_swapped_for_a_link_stays_inside():
    naive = ["mount", CONFIG, "/etc/ld.so.cache"]
    run_races("/etc/ld.so.cache", race_for(naive, "{aim}/secret", "etc/ld.so.cache"))


@test("hostile", cases=[28], cves=["CVE-2025-23359"])
def a_compat_library_that_is_swapped_for_a_link_brings_nothing_of_the_host():
    names = (f"{COMPAT}/libcuda.so.1", f"{COMPAT}/libcuda.so.999.9")
    run_races("compat library", race_for(["compat", LIBRARIES], "{aim}/secret", *names))


@test("hostile", cases=[28], cves=["CVE-2025-23359"])
def a_compat_directory_that_is_swapped_for_a_link_brings_nothing_of_the_host():
    def trap(bundle, aim):
        links("{aim}", COMPAT)(bundle, aim)

    naive = ["take", f"/{COMPAT}/secret", "/etc/debian_version"]
    run_races("compat directory", Race(pairs_of(COMPAT), naive, trap))


@test("hostile", cases=[28], cves=["CVE-2024-0133", "CVE-2024-45310"])
def a_firmware_directory_that_is_swapped_for_a_link_stays_inside():
    naive = ["mount", CONFIG, f"/{FIRMWARE}/gsp_ga10x.bin"]
    run_races("firmware directory", race_for(naive, "{aim}", FIRMWARE, "usr/lib/firmware"))


@test("hostile", cases=[28], cves=["CVE-2026-41579", "CVE-2021-30465"])
def device_nodes_that_are_swapped_for_links_stay_inside():
    naive = ["mount", "/dev/null", "/dev/nvidiactl"]
    run_races("nodes in /dev", race_for(naive, "{aim}/secret", *NODES))


@test("hostile", cases=[28], cves=["CVE-2026-41579"])
def a_dev_that_is_swapped_for_a_link_stays_inside():
    naive = ["mount", "/dev/null", "/dev/nvidia-modeset"]
    run_races("/dev", race_for(naive, "{aim}", "dev"))


@test("hostile", cases=[46], cves=["CVE-2021-30465"])
def a_volume_from_which_a_sibling_moves_directories_stays_what_it_is():
    """The sibling exchanges what is in the shared part of the volume for a link, and for a directory in a part that is not shared."""

    def trap(bundle, aim):
        shared, private = bundle / "volume/shared", bundle / "volume/private"
        (shared / "nvidia" / SETUP.version).mkdir(parents=True)
        (private / "nvidia" / SETUP.version).mkdir(parents=True)
        (shared / "trap").symlink_to(aim)

    place = "volume/shared/nvidia"
    pairs = [(place, "volume/shared/trap"), (place, "volume/private/nvidia")]
    naive = ["mount", CONFIG, f"/{FIRMWARE}/gsp_ga10x.bin"]
    run_races("shared volume", Race(pairs, naive, trap, volume="usr/lib/firmware"))


@test("hostile", cases=[50])
def a_root_file_system_that_is_renamed_meanwhile_is_one_and_the_same():
    """The hook opens it once: it works on one of the two trees and leaves the other one as it is. The naive hook's prey is a link, as
    nobody but the runtime may write the bundle; for ours it is another directory there."""

    def trap(bundle, aim):
        if aim.name == "prey":
            (bundle / "rootfs.swap").symlink_to(aim)
            return
        (bundle / "rootfs.swap/etc").mkdir(parents=True)
        (bundle / "rootfs.swap/other").touch()

    def one_tree(result):
        """The container's own mount is on the root file system it began with: nothing is on what holds both trees."""
        rows = [line.split() for line in result.record["before"]["mounts"]]
        outer = {row[0] for row in rows if row[4] == str(SETUP.work)}
        check(outer, "the file system of both trees is no mount of the container's")
        check_equal(result.parents & outer, set(), "mounts in the other tree")

    naive = ["mkdir", "/etc/nvidia/below"]
    run_races("root file system", Race([("rootfs", "rootfs.swap")], naive, trap), one_tree)
