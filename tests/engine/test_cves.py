# SPDX-License-Identifier: Apache-2.0
"""Every CVE of the stack that this program replaces, as an image that does it. That it is one is shown with a naive hook first."""

import os

from attack import (
    LOOK_FOR_HOST,
    UP,
    attack,
    hosts_seen,
    reaches,
    replace,
    run_naive,
    run_ours,
    without_mount,
)
from bundle import Case, run_container
from expect import LIBRARIES, check_loader, check_started
from harness import SETUP, canary, check, check_equal, test

COMPAT = "/usr/local/cuda/compat"


def chain(names, alias):
    """The tree of CVE-2024-0132. Each of `names` but the last is a directory that holds the next step, and leads at the mount target
    (`alias`, a directory) to the compat directory itself: mounting one changes what the string of the next one means. The last is a
    link to the root."""

    def plant(root, _aim):
        compat = root / COMPAT[1:]
        compat.mkdir(parents=True)
        for name in names[1:]:
            (compat / name).write_text("harmless")
        step = compat
        for name in names[:-1]:
            step = step / name
            step.mkdir(exist_ok=False)
            target = root / alias[1:] / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(os.path.relpath(COMPAT, os.path.dirname(f"{alias}/{name}")))
        (step / names[-1]).symlink_to(UP)

    return plant


def check_0132(names, alias, **options):
    plant = chain(names, alias)
    operation = ["compat", alias]
    naive = run_naive(plant, operation, canary(), command=LOOK_FOR_HOST, **options)
    check(hosts_seen(naive), f"no attack with {names} at {alias}: {naive.errors} {naive.output}")
    ours = run_ours(plant, command=LOOK_FOR_HOST, **options)
    check_equal((ours.exit, hosts_seen(ours)), (0, []), f"the container with {names} at {alias}")
    check(ours.output, "the container did not look")


def numbered(count):
    return [f"libnvidia-ml.so.{number:02}" for number in range(6, 6 + count)]


@test("hostile", cases=[28], cves=["CVE-2024-0132"])
def a_compat_directory_that_a_mount_changes_shows_nothing_of_the_host():
    for count in (2, 3, 10):
        check_0132(numbered(count), LIBRARIES)


@test("hostile", cases=[28], cves=["CVE-2024-0132"])
def compat_directories_with_the_name_of_a_driver_library_show_nothing_of_the_host():
    """The alias is where our own library must go, too: that is refused, or the compat directory stays what it is."""
    plant = chain([f"libcuda.so.{SETUP.version}", "libnvidia-ml.so.7"], LIBRARIES)
    naive = run_naive(plant, ["compat", LIBRARIES], canary(), command=LOOK_FOR_HOST)
    check(hosts_seen(naive), f"no attack: {naive.errors}")
    ours = run_ours(plant, starts=False)
    check(f"libcuda.so.{SETUP.version}" in ours.errors, f"the library is not named: {ours.errors}")


@test("hostile", cases=[28], cves=["CVE-2024-0132"])
def aliases_in_any_directory_that_gets_mounts_show_nothing_of_the_host():
    places = ("/usr/bin", "/usr/lib/i386-linux-gnu", f"/usr/lib/firmware/nvidia/{SETUP.version}")
    for place in places:
        check_0132(numbered(2), place)
    check_0132(numbered(2), "/dev", edit=without_mount("/dev"))


@test("hostile", cases=[28], cves=["CVE-2024-0132"])
def an_alias_in_proc_driver_shows_nothing_of_the_host():
    """Without a procfs of the runtime no container of runc runs; with one, the image's directory is below it. The hook alone decides."""

    def plant(root, aim):
        chain(numbered(2), "/proc/driver")(root, aim)

    ours = run_ours(plant)
    check_started(ours)


def aliases_of_targets(targets):
    """The targets of our own mounts are links to directories and files that other mounts of ours change."""

    def plant(root, _aim):
        for target, link in targets.items():
            replace(root / target[1:], link)

    return plant


@test("hostile", cases=[28], cves=["CVE-2024-0132"])
def targets_that_are_links_to_each_other_show_nothing_of_the_host():
    """Our own mounts can change what our own targets mean: a file's place leads to the place of another one, or below a directory
    that gets mounted. No naive hook: what it would mount is the driver's in any case."""
    smi, cuda = "/usr/bin/nvidia-smi", f"{LIBRARIES}/libcuda.so.{SETUP.version}"
    profiles = "/etc/nvidia/nvidia-application-profiles-rc.d"
    firmware = f"/lib/firmware/nvidia/{SETUP.version}"
    for targets in (
        {smi: cuda},
        {cuda: smi},
        {smi: "/dev/nvidiactl"},
        {smi: f"{profiles}/smi"},
        {f"/usr{firmware}": profiles},
        {profiles: f"/usr{firmware}"},
        {cuda: "/proc/driver/nvidia/params"},
        {smi: "/proc/driver/nvidia/gpus"},
    ):
        run_ours(aliases_of_targets(targets), starts=None)


@test("hostile", cves=["CVE-2024-0133"])
def a_firmware_directory_that_leads_to_the_host_gets_no_file_there():
    place = f"/lib/firmware/nvidia/{SETUP.version}"
    for spelling in ("{aim}", "/../../../..{aim}", UP + "{aim}", f"{UP}proc/self/root{{aim}}"):

        def plant(root, aim, spelling=spelling):
            replace(root / "usr" / place[1:], spelling.format(aim=aim))

        # What leads through /proc/self/root is no link that any image needs: it is refused, or the optional file left out.
        magic = "proc" in spelling
        outcome = attack(plant, ["create", f"{place}/gsp_ga10x.bin"], None if magic else True)
        inside = f"{str(canary())[1:]}/gsp_ga10x.bin"
        made = [row[0] for row in outcome.changes]
        check(magic or inside in made, f"the firmware is not inside the image with {spelling}")


@test("hostile", cases=[29], cves=["CVE-2024-0134"])
def a_library_directory_that_leads_to_the_host_gets_no_link_there():
    def plant(root, aim):
        replace(root / LIBRARIES[1:], f"/../../..{aim}")

    outcome = attack(plant, ["symlink", f"{LIBRARIES}/libcuda.so"])
    links = [row[0] for row in outcome.changes if row[4]]
    wanted = f"{canary()}/libcuda.so"[1:]
    library = [name for name in links if name.endswith("/libcuda.so")]
    check(library, f"no link libcuda.so was made: {links}")
    check(wanted in links or LIBRARIES[1:] not in library[0], f"the link is elsewhere: {library}")


@test("hostile", cves=["CVE-2024-0134"])
def what_an_image_has_in_the_place_of_a_link_is_kept_or_replaced_inside():
    """The functional side of that fix: images that ship the link must start."""
    link = f"{LIBRARIES}/libcuda.so"[1:]

    def with_link(target):
        return lambda root, _aim: (root / link).symlink_to(target)

    def with_directory(root, _aim):
        (root / link).mkdir()

    def with_full_directory(root, _aim):
        (root / link / "below").mkdir(parents=True)

    for plant in (with_link("libcuda.so.1"), with_link(f"{canary()}/secret")):
        outcome = run_ours(plant)
        check_started(outcome)
        check_loader(outcome.view)
    for plant in (with_directory, with_full_directory):
        outcome = run_ours(plant, starts=None)
        kinds = [row for row in outcome.changes if row[0] == link]
        check_equal([row[1][:3] for row in kinds], ["0o4"], "the image's own directory")


def cache_links():
    """{what the image has: the link's place and text}. `{aim}` is the directory of the host."""
    cache = "etc/ld.so.cache"
    return {
        "the cache as an absolute link": (cache, "{aim}/secret"),
        "the cache as a relative link": (cache, UP + "{aim}/secret"),
        "the cache as a link to a new file": (cache, "{aim}/new"),
        "the directory as a link": ("etc", "{aim}"),
        "the directory as a relative link": ("etc", UP + "{aim}"),
    }


@test("hostile", cves=["CVE-2025-23267"])
def a_loader_cache_that_leads_to_the_host_is_replaced_inside():
    for what, (place, text) in cache_links().items():

        def plant(root, aim, place=place, text=text):
            replace(root / place, text.format(aim=aim))

        outcome = attack(plant, ["write", "/etc/ld.so.cache"], starts=None, command="true")
        if outcome.record["exit"] == 0:
            made = [row for row in outcome.changes if row[0].endswith("ld.so.cache")]
            check(made and all(row[1].startswith("0o1") for row in made), f"{what}: {made}")


@test("hostile", cves=["CVE-2025-23267"])
def the_configuration_of_the_loader_is_not_written_through_links():
    """Ours writes no such file. The naive one does what enable-cuda-compat did."""
    for place in ("etc/ld.so.conf", "etc/ld.so.conf.d"):

        def plant(root, aim, place=place):
            replace(root / place, f"{aim}/secret" if place.endswith("conf") else aim)

        name = "/etc/ld.so.conf" if place.endswith("conf") else "/etc/ld.so.conf.d/compat.conf"
        check_started(attack(plant, ["write", name]))


@test("hostile", cves=["CVE-2025-23267"])
def a_proc_that_is_a_link_is_never_written_through():
    def plant(root, aim):
        replace(root / "proc", aim)

    edit = without_mount("/proc")
    operation = ["write", "/proc/params"]
    attack(plant, operation, starts=False, edit=edit, command="true")


@test("hostile", cves=["CVE-2025-23359", "CVE-2026-24260"])
def nothing_of_the_image_is_ever_mounted():
    """Both swap a file for a link between check and use (test_races.py has them live). What makes that worth while, a source or a
    parent that the image owns, is not there at all: no new mount shows a file of the image's own."""

    def plant(root, _aim):
        compat = root / COMPAT[1:]
        compat.mkdir(parents=True)
        for name in ("libcuda.so.1", "libcuda.so.999.99.99", "libnvidia-ml.so.1"):
            (compat / name).write_bytes((root / "usr/bin/true").read_bytes())

    naive = run_naive(plant, ["compat", LIBRARIES], canary(), command="cat /proc/self/mountinfo")
    check(f"{COMPAT}/libcuda.so.999.99.99" in naive.output, "the naive hook mounted nothing")
    outcome = run_ours(plant)
    check_started(outcome)
    # The oracle has looked at the source of every mount already.
    shown = [mount for mount in outcome.view.mounts() if COMPAT in mount[0] + mount[1]]
    check_equal(shown, [], "mounts from or in the image's directory")


@test("hostile", cves=["CVE-2024-0133", "CVE-2024-0134"])
def without_an_attack_the_naive_hook_does_no_harm():
    """What the other tests show is the attack, and no defect of the naive hook's tests."""
    for operation in (["create", "/etc/a"], ["symlink", "/etc/b"], ["write", "/etc/c"], ["mkdir", "/d"]):
        check(not reaches(lambda root, aim: None, operation), f"{operation} reaches the host anyway")
    outcome = run_container(Case("0"))
    check_started(outcome)
