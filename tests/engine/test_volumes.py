# SPDX-License-Identifier: Apache-2.0
"""Nothing outside the container's own layer is written: volumes wherever they are, and images that lead into them."""

import contextlib
import os
import shutil
import subprocess

import overlay
from bundle import Case, run_container, running
from edited import run_edited
from expect import LIBRARIES, check_started
from harness import SETUP, UUID, Skip, check, check_equal, test
from hostile_image import link_to, remove
from volumes import check_naive_changes, on, planted_naive, run_beside, state, volume

ENGINES = ("runc", "crun-cgroup2")
PRIVATE = "/usr/local/nvidia"
EVERYTHING = {"NVIDIA_DRIVER_CAPABILITIES": "all"}
# A program may have no link on the PATH.
COMMAND_PREFIX = "PATH=$PATH:" + ":".join(
    f"{place}/bin" for place in (PRIVATE, "/opt/nvidia-driver", "/run/nvidia-driver", "/dev/nvidia-driver")
)
OPTIONS = (("rw",), ("ro",), ("rw", "rprivate"), ("ro", "rshared"))


def case_with(*mounts, **options):
    one = Case("0", EVERYTHING, mounts=list(mounts), **options)
    one.command = f"export {COMMAND_PREFIX}\n{one.command}"
    return one


def check_has_driver(outcome):
    check_started(outcome)
    check_equal(outcome.view.gpus(), [f"{UUID}0"], "GPUs that nvidia-smi lists")
    check_equal(set(outcome.view.opened().values()), {"ENXIO", "opened"}, "opening the nodes")
    for soname in ("libcuda.so.1", "libnvidia-ml.so.1"):
        check(soname in outcome.view.loaded(), f"{soname} does not load: {outcome.view['load']}")
        check(SETUP.version in outcome.view.loaded()[soname], f"{soname} is {outcome.view.loaded()}")


def libraries_of_a_host(directory):
    """Debian's layout: the names in the library directory are links to its alternatives, and lead to the real files."""
    for name in ("libcuda.so.1", "libnvidia-ml.so.1"):
        (directory / name).symlink_to(f"/etc/alternatives/nvidia--{name}")
    return directory


def check_volume_over(place, operation, prepare=None):
    with volume("over", f"{SETUP.rootfs}{place}") as source:
        if prepare:
            prepare(source)
        for options in OPTIONS:
            check_has_driver(run_beside(case_with(on(source, place, *options)), source))
        check_naive_changes(case_with(on(source, place)), operation, source)


@test(*ENGINES)
def a_volume_over_the_library_directory_stays_as_it_is():
    check_volume_over(LIBRARIES, ["create", f"{LIBRARIES}/libcuda.so.{SETUP.version}"], libraries_of_a_host)


@test(*ENGINES)
def a_volume_over_the_programs_stays_as_it_is():
    check_volume_over("/usr/bin", ["create", "/usr/bin/nvidia-smi"])


@test(*ENGINES)
def a_volume_over_etc_stays_as_it_is():
    check_volume_over("/etc", ["write", "/etc/ld.so.cache"])


@test(*ENGINES)
def a_volume_over_usr_stays_as_it_is():
    check_volume_over("/usr", ["create", f"{LIBRARIES}/libcuda.so.{SETUP.version}"])


@test(*ENGINES)
def a_volume_over_run_stays_as_it_is():
    with volume("run") as source, volume("tmpfs", tmpfs=True) as memory:
        for directory in (source, memory):
            for options in OPTIONS:
                one = case_with(on(directory, "/run", *options))
                check_has_driver(run_beside(one, directory))
            writable = case_with(on(directory, "/run"))
            check_naive_changes(writable, ["create", "/run/nvidia-persistenced/socket"], directory)
            shutil.rmtree(directory / "nvidia-persistenced")


@test("runc")
def a_volume_over_the_whole_root_stays_as_it_is():
    """crun refuses it by itself, and so does runc since 1.2."""
    with volume("root", SETUP.rootfs) as source:
        one = case_with()

        def edit(config, _):
            config["mounts"].insert(0, on(source, "/", "rbind"))

        one.edit = edit
        try:
            outcome = run_beside(one, source)
        except AssertionError as error:
            if "is on the top of rootfs" in str(error):
                raise Skip("this runc refuses it by itself; that of Debian 12 does not") from error
            raise
        check(outcome.exit == 0 or outcome.record["exit"] in range(11, 20), f"{outcome.exit}: {outcome.errors}")


@test("runc")
def the_volume_of_another_container_stays_as_it_is():
    with volume("theirs", f"{SETUP.rootfs}{LIBRARIES}") as source:
        theirs = Case(command="sleep 1000", mounts=[on(source, "/data")])
        with running(theirs):
            check_has_driver(run_beside(case_with(on(source, LIBRARIES)), source))


@test(*ENGINES)
def volumes_over_all_places_at_once_leave_the_container_its_driver():
    with volume("libs", f"{SETUP.rootfs}/usr") as usr, volume("etc", f"{SETUP.rootfs}/etc") as etc:
        one = case_with(on(usr, "/usr"), on(etc, "/etc"))
        check_has_driver(run_beside(one, usr, etc))


@test(*ENGINES)
def a_file_that_is_mounted_over_the_loader_cache_is_covered():
    for options in (("rw",), ("ro",)):
        with volume("cache") as source:
            shutil.copy(f"{SETUP.rootfs}/etc/ld.so.cache", source / "cache")
            check_has_driver(run_beside(case_with(on(source / "cache", "/etc/ld.so.cache", *options)), source))


@test("runc")
def a_loader_cache_for_which_there_is_no_room_is_covered():
    """Empty files and links take none on a tmpfs."""
    with volume("upper", tmpfs=True) as small:
        subprocess.run(["mount", "-o", "remount,size=64k", small], check=True)

        def edit(_, directory):
            overlay.unmount(directory)
            for name in ("upper", "work"):
                (small / name).mkdir()
            options = f"lowerdir={SETUP.rootfs},upperdir={small}/upper,workdir={small}/work"
            command = ["mount", "-t", "overlay", "overlay", "-o", options, directory / "rootfs"]
            subprocess.run(command, check=True)
            with contextlib.suppress(OSError), (small / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(bytes(4096))

        outcome = run_container(case_with(edit=edit))
        check_has_driver(outcome)
        check("/etc/ld.so.cache" in [mount[0] for mount in outcome.view.mounts()], "the cache is no mount")


def into_volume(link, target):
    """The image leads `link` to a place on the volume that is mounted at /vol."""

    def edit(config, directory):
        remove(directory / "rootfs" / link[1:])
        link_to(target)(directory / "rootfs" / link[1:])

    return edit


@test(*ENGINES)
def a_link_of_the_image_into_a_volume_changes_nothing_there():
    """Files that the image chooses, a directory of libraries, and the loader cache of somebody else."""
    cuda = f"{LIBRARIES}/libcuda.so.{SETUP.version}"
    kinds = (
        (cuda, "/vol/tenant-b/.maintenance/LOCK", ["mkdir", "/vol/tenant-b/.maintenance"]),
        (LIBRARIES, "/vol/libs", ["create", f"/vol/libs/libcuda.so.{SETUP.version}"]),
        ("/etc", "/vol/etc", ["write", "/vol/etc/ld.so.cache"]),
        ("/lib/firmware", "/vol/firmware", ["create", "/vol/firmware/gsp.bin"]),
    )
    for link, target, operation in kinds:
        for options in (("rw",), ("ro",)):
            with volume("links") as source:
                (source / "tenant-b").mkdir()
                for name, content in (("libs", LIBRARIES), ("etc", "/etc")):
                    subprocess.run(["cp", "-a", f"{SETUP.rootfs}{content}", source / name], check=True)
                (source / "libs/libcuda.so.1").symlink_to("libcuda.so.470.1")
                one = case_with(on(source, "/vol", *options), edit=into_volume(link, target))
                outcome = run_beside(one, source)
                check(outcome.record["exit"] in (0, *range(11, 20)), f"{link}: {outcome.errors}")
                if outcome.record["exit"]:
                    check("/vol" in outcome.record["stderr"], f"the volume is not named: {outcome.errors}")
                if "ro" not in options:
                    check_naive_changes(one, operation, source)


@test(*ENGINES)
def an_unprivileged_container_puts_no_library_into_the_loader_cache_of_the_host():
    """The image leads /etc to the host's and its compat directory to one of the attacker's."""

    def edit(config, directory):
        root = directory / "rootfs"
        remove(root / "etc")
        link_to("/host/etc")(root / "etc")
        (root / "usr/local/cuda").mkdir(parents=True, exist_ok=True)
        link_to("/srv/tenant")(root / "usr/local/cuda/compat")
        config["process"]["user"] = {"uid": 1000, "gid": 1000}
        config["process"]["noNewPrivileges"] = True
        config["process"]["capabilities"] = {}

    for options in (("rw",), ("ro",)):
        with volume("hosts-etc", f"{SETUP.rootfs}/etc") as etc, volume("tenant") as tenant:
            library = next((SETUP.driver / "usr").rglob("libnvidia-ml.so.*.*"))
            for name in ("libcuda.so.600.10.10", "libselinux.so.1"):
                shutil.copy(library, tenant / name)
            one = case_with(on(etc, "/host/etc", *options), on(tenant, "/srv/tenant", *options), edit=edit)
            run_beside(one, etc, tenant)
            if "ro" not in options:
                check_naive_changes(one, ["write", "/host/etc/ld.so.cache"], etc)


@test(*ENGINES)
def a_dev_of_the_host_gets_no_file():
    """Nodes that only the driver's own root has would be made there; those that are there are mounted over."""
    with volume("dev", tmpfs=True) as source:
        for name in ("nvidia2", "nvidiactl"):
            subprocess.run(["cp", "-a", f"/dev/{name}", source / name], check=True)
        one = case_with(on(source, "/dev", "rw"))
        outcome = run_beside(one, source)
        check(outcome.record["exit"] in range(11, 20), f"it started without its nodes: {outcome.errors}")
        check("NVH-0510" in outcome.record["stderr"], outcome.errors)
        for name in ("nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia3"):
            if os.path.exists(f"/dev/{name}"):
                subprocess.run(["cp", "-a", f"/dev/{name}", source / name], check=True)
        run_beside(one, source)
        check_naive_changes(one, ["create", "/dev/made"], source)


@test("crun-cgroup2")
def an_image_makes_no_cgroups_on_the_host():
    made = "/sys/fs/cgroup/made-by-the-image"

    def edit(config, directory):
        profiles = directory / "rootfs/etc/nvidia"
        profiles.mkdir(exist_ok=True)
        link_to(f"{made}/n0/n1")(profiles / "nvidia-application-profiles-rc.d")
        config["linux"]["namespaces"] = [
            one for one in config["linux"]["namespaces"] if one["type"] != "cgroup"
        ]

    run_beside(case_with(edit=edit))
    check(not os.path.exists(made), "the hook made cgroups on the host")
    naive = case_with(edit=planted_naive(edit, ["mkdir", f"{made}/n0"]), hook=["NAIVE"], judged=False)
    run_container(naive)
    check(os.path.exists(made), "no attack: a naive hook made none")
    for path in (f"{made}/n0", made):
        os.rmdir(path)


@test("runc")
def a_read_only_directory_that_several_containers_share_is_not_written():
    with volume("shared-root", SETUP.rootfs) as root:
        for name in ("proc", "dev", "sys", "run"):
            (root / name).mkdir(exist_ok=True)
        one = case_with(readonly=True)

        def edit(config, _):
            config["root"]["path"] = str(root)
            config["hooks"]["prestart"][0]["args"][1] = str(root)

        one.edit = edit
        check_has_driver(run_beside(one, root))


@test("runc")
def a_tmpfs_that_a_volume_covers_is_the_volume():
    """Two mounts at one place, one of them by a link of the image."""
    with volume("covers", tmpfs=True) as source:
        one = case_with(
            {"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid"]},
            {"destination": "/alias", "type": "tmpfs", "source": str(source), "options": ["rbind"]},
        )

        def edit(_, directory):
            link_to("/run")(directory / "rootfs/alias")

        one.edit = edit
        check_has_driver(run_beside(one, source))
        check_naive_changes(one, ["create", "/run/made"], source)


@test("runc", "crun-cgroup2")
def config_json_is_edited_so_that_the_runtime_makes_nothing_on_a_volume():
    """The runtime makes what it is to mount over, wherever that lies: such mounts are the completing hook's."""
    for place, content in ((LIBRARIES, True), ("/usr/bin", True), ("/etc", True), ("/vol", False)):
        with volume("edited", f"{SETUP.rootfs}{place}" if content else None) as source:
            edit = None if content else into_volume(LIBRARIES, "/vol/libs")
            if not content:
                subprocess.run(["cp", "-a", f"{SETUP.rootfs}{LIBRARIES}", source / "libs"], check=True)
            one = case_with(on(source, place, "rw"), edit=edit)
            before = state(source)
            outcome = run_edited(one)
            check_equal(state(source), before, f"the volume at {place}")
            check_has_driver(outcome)


PRIVATE_CONFIG = 'placement = "private"\n'


def private_case(mounts=(), **options):
    return case_with(*mounts, config=PRIVATE_CONFIG + SETUP.config.read_text(), **options)


@test("runc", "crun-cgroup2")
def private_placement_leaves_nothing_in_an_image_that_is_made_of_the_container():
    def without_cache(_, directory):
        remove(directory / "rootfs/etc/ld.so.cache")

    for edit in (None, without_cache):
        outcome = run_container(private_case(edit=edit))
        check_has_driver(outcome)
        for soname in ("libcuda.so.1", "libnvidia-ml.so.1"):
            check_equal(outcome.view.loader().get(soname), f"{PRIVATE}/lib64/{soname}", "ldconfig -p")
        files = [row[0] for row in outcome.changes if row[1].startswith("0o100")]
        check_equal(files, ["etc/ld.so.cache"] if edit else [], "files in the container's layer")
        links = {row[0]: row[4] for row in outcome.changes if row[4]}
        check_equal(links.get("usr/bin/nvidia-smi"), f"{PRIVATE}/bin/nvidia-smi", "link to a program")
        check(all(target.startswith(PRIVATE) for target in links.values()), f"links: {links}")
        check(f"{LIBRARIES[1:]}/libcuda.so.1" not in links, "a link that only the loader would take")


@test("runc")
def private_placement_is_found_again_by_a_second_hook():
    def twice(config, _):
        stage = config["hooks"]["createRuntime"]
        stage.append(stage[-1])

    outcome = run_container(private_case(edit=twice))
    check_has_driver(outcome)
    places = [mount[0] for mount in outcome.view.mounts() if mount[0].endswith(("nvidia", "nvidia-driver")) and mount[3] == "tmpfs"]
    check_equal(sorted(places), ["/proc/driver/nvidia", PRIVATE], "tmpfs of the hook's own")


@test("runc")
def an_image_that_has_something_in_the_private_directory_keeps_it():
    def edit(_, directory):
        (directory / "rootfs" / PRIVATE[1:] / "lib").mkdir(parents=True)

    outcome = run_container(private_case(edit=edit))
    check_has_driver(outcome)
    check_equal(outcome.view.loader().get("libcuda.so.1"), "/opt/nvidia-driver/lib64/libcuda.so.1", "ldconfig -p")


@test("runc")
def a_volume_in_the_private_directory_stays_visible():
    """Also one with a file of the name by which the hook knows its own."""
    with volume("private") as source:
        (source / "README").write_text("of somebody else\n")
        one = private_case(mounts=[on(source, PRIVATE)])
        one.command += f"\necho \"== theirs\"; cat {PRIVATE}/README"
        outcome = run_beside(one, source)
        check_has_driver(outcome)
        check_equal(outcome.view["theirs"], ["of somebody else"], "the volume")
