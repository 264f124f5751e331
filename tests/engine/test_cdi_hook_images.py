# SPDX-License-Identifier: Apache-2.0
"""The hooks of NVIDIA's specifications in bundles of runc: kinds of images, stages, namespaces, and
images that are made to do harm."""

import os

import images
import test_userns
from bundle import HOOK_ENV, Case, bind, run_container
from expect import LIBRARIES, check_started
from harness import MINORS, SETUP, UUID, canary, check, check_equal, run, test
from hostile_image import aims, edits, in_the_place_of, link_to, movable
from nvidia_spec import CONTROL, RELEASES, driver_files, hooks, mount
from test_compat import DIRECTORY, NEWER, OLDER, Image

RELEASE = RELEASES["1.20"]
NUMBERS = {"nvidiactl": (195, 255), "nvidia-uvm": (511, 0), "nvidia-uvm-tools": (511, 1)}


def program(name="nvidia-cdi-hook"):
    link = SETUP.work / name
    if not link.exists():
        link.symlink_to(SETUP.hook)
    return str(link)


def node(path, major, minor):
    return {"path": path, "type": "c", "major": major, "minor": minor, "fileMode": 0o666}


def by_specification(stage="createContainer", release=RELEASE, calls=hooks, files=driver_files):
    """An `edit`: what an engine writes into config.json for GPU 0 of a specification."""

    def edit(config, _):
        for path in files():
            entry = mount(path, release)
            options = entry["options"]
            config["mounts"].append(
                {"source": entry["hostPath"], "destination": path, "type": "bind", "options": options}
            )
        nodes = [node(f"/dev/{name}", *NUMBERS[name]) for name in CONTROL]
        nodes.append(node(f"/dev/nvidia{MINORS[0]}", 195, MINORS[0]))
        config["linux"].setdefault("devices", []).extend(nodes)
        for entry in calls(program(release.program), release):
            words = {key: entry[key] for key in ("path", "args")}
            config["hooks"].setdefault(stage, []).append({**words, "env": HOOK_ENV})

    return edit


def run_case(*several, **options):
    edit = edits(*several, by_specification(**options.pop("given", {})))
    return run_container(Case(hook=[], edit=edit, **options))


def check_driver(outcome, directory=LIBRARIES):
    check_started(outcome)
    check_equal(outcome.view.gpus(), [f"{UUID}0"], "nvidia-smi -L")
    check_equal(outcome.view.loaded()["libcuda.so.1"], f"{directory}/libcuda.so.{SETUP.version}", "dlopen")


@test("runc", "crun-cgroup2")
def the_calls_serve_a_plain_container():
    outcome = run_case()
    check_driver(outcome)
    check("libc.so.6" in outcome.view.loader(), "the image's own libraries are gone from the cache")
    leftovers = [name for name, *_ in outcome.changes if "oci-nvidia-hook" in name or name.endswith(".tmp")]
    check_equal(leftovers, [], "files with temporary names")


@test("runc")
def the_calls_may_be_registered_at_create_runtime():
    """Which specifications of 1.20 may name."""
    check_driver(run_case(given={"stage": "createRuntime"}))


@test("runc")
def the_calls_serve_a_container_with_the_hosts_pid_namespace():
    def share(config, _):
        namespaces = config["linux"]["namespaces"]
        config["linux"]["namespaces"] = [each for each in namespaces if each["type"] != "pid"]

    check_driver(run_case(share))


@test("runc")
def the_calls_serve_a_container_in_a_user_namespace():
    """Once with a config.json that its root may read, once with one that it may not."""
    for mode in (0o644, 0o600):

        def hide(config, directory, mode=mode):
            test_userns.remap(config, directory)
            config["annotations"] = {"mode": oct(mode)}
            prestart = config["hooks"]["prestart"]
            words = ["chmod", oct(mode)[2:], str(directory / "config.json")]
            prestart.append({"path": "/bin/chmod", "args": words, "env": HOOK_ENV})

        with test_userns.complete_procfs():
            outcome = run_case(hide, image=test_userns.remapped_image())
        check_started(outcome)
        loaded = outcome.view.loaded()
        check_equal(loaded["libcuda.so.1"], f"{LIBRARIES}/libcuda.so.{SETUP.version}", f"config.json {mode:o}")


@test("runc")
def in_the_mount_namespace_of_the_host_nothing_is_done():
    state = f'{{"id": "x", "pid": 0, "bundle": "{SETUP.work}"}}'
    (SETUP.work / "rootfs").mkdir(exist_ok=True)
    (SETUP.work / "config.json").write_text('{"ociVersion": "1.0.2", "process": {}, "root": {"path": "rootfs"}}')
    # The process of number 1 has the namespace that this command enters.
    command = ["nsenter", "--mount=/proc/1/ns/mnt", "--", program(), "create-symlinks", "--link", "a::/b"]
    done = run(command, input=state)
    check(done.returncode != 0, "it worked")
    check_equal(os.listdir(SETUP.work / "rootfs"), [], "files on the host")


@test("runc")
def images_of_other_distributions_load_the_driver():
    for make in (images.rhel, images.arch, images.distroless):
        image = make()
        outcome = run_case(image=image.root, args=[images.CHECKER, "libcuda.so.1", "libnvidia-ml.so.1"])
        check_equal(outcome.exit, 0, f"{make.__name__}: {outcome.output}{outcome.errors}")
        check(f"{LIBRARIES}/libcuda.so" in outcome.output, f"{make.__name__}: {outcome.output}")


@test("runc")
def an_alpine_image_finds_the_driver():
    image = images.alpine()
    outcome = run_case(image=image.root, args=[images.CHECKER, "libcuda.so.1"])
    check_equal(outcome.exit, 0, outcome.output + outcome.errors)


@test("runc")
def newer_compatibility_libraries_are_loaded_whichever_call_comes_first():
    for order in (list, lambda calls: calls[::-1]):
        given = {"calls": lambda *words, order=order: order(hooks(*words))}
        outcome = run_case(Image(NEWER).add_to, given=given)
        check_started(outcome)
        check_equal(outcome.view.loaded()["libcuda.so.1"], f"{DIRECTORY}/libcuda.so.{NEWER}", "dlopen")
    check_driver(run_case(Image(OLDER).add_to))


@test("runc")
def a_second_container_of_the_same_layer_changes_nothing():
    """What a committed image has of an earlier start is found and kept."""
    image = images.copy_of_base("again")
    first = run_case(image=image)
    check_started(first)

    def twice(config, directory):
        entries = config["hooks"].setdefault("createContainer", [])
        entries += [dict(one) for one in entries]

    second = run_case(twice, image=image)
    check_equal([row[0] for row in second.changes], [row[0] for row in first.changes], "files")


@test("hostile", cves=["CVE-2024-0134", "CVE-2026-24260"])
def directories_that_lead_to_the_host_stay_inside_through_the_calls():
    """NVIDIA's create-symlinks wrote on the host through such links."""
    before = sorted(os.listdir(canary()))
    places = (LIBRARIES, "/etc/ld.so.conf.d", f"{LIBRARIES}/gbm", "/etc/nvidia")
    for spelling, aim in aims().items():
        for place in places:
            image = movable() if place.startswith("/usr/lib") else None
            outcome = run_case(in_the_place_of(place, link_to(aim)), image=image)
            check_equal(sorted(os.listdir(canary())), before, f"{place}, {spelling} link")
            check(outcome.exit == 0 or "NVH-05" in outcome.errors, f"{place}: {outcome.errors}")


@test("hostile", cves=["CVE-2025-23267"])
def a_cache_that_leads_elsewhere_is_not_written_through():
    target = SETUP.work / "cache-target"
    target.write_text("host")
    for spelling, aim in aims(target).items():
        outcome = run_case(in_the_place_of("/etc/ld.so.cache", link_to(aim)))
        check_equal(target.read_text(), "host", f"{spelling} link")
        check_driver(outcome)


@test("hostile")
def what_is_no_file_is_left_alone_by_the_calls():
    kinds = {
        "fifo": os.mkfifo,
        "device": lambda path: os.mknod(path, 0o20666, os.makedev(1, 5)),
        "directory": os.mkdir,
        "loop": lambda path: path.symlink_to(path.name),
    }
    for place in ("/etc/ld.so.cache", f"{LIBRARIES}/libcuda.so", "/etc/ld.so.conf.d/00-compat-x.conf"):
        for kind, make in kinds.items():
            outcome = run_case(in_the_place_of(place, make))
            check(outcome.exit == 0 or "NVH-05" in outcome.errors, f"{kind} at {place}: {outcome.errors}")


@test("hostile")
def a_volume_is_never_written_by_the_calls():
    volume = SETUP.work / "cdi-volume"
    volume.mkdir(exist_ok=True)
    (volume / "libcuda.so").write_text("host")
    for place in ("/etc", "/etc/ld.so.conf.d", "/usr/share", "/dev/dri", f"{LIBRARIES}/gbm"):
        options = {"mounts": [bind(volume, place)]}
        run_case(**options)
        check_equal(sorted(os.listdir(volume)), ["libcuda.so"], f"volume on {place}")
        check_equal((volume / "libcuda.so").read_text(), "host", f"file of the volume on {place}")


@test("hostile")
def a_volume_over_the_whole_root_is_never_written_by_the_calls():
    """Mounted last, so that the runtime itself makes nothing but its nodes on it."""
    volume = SETUP.work / "cdi-root"
    for name in ("proc", "dev", "etc", LIBRARIES[1:], "usr/lib/i386-linux-gnu"):
        (volume / name).mkdir(parents=True, exist_ok=True)
    (volume / LIBRARIES[1:] / "libcuda.so").write_text("host")

    def seen():
        paths = (path for path in volume.rglob("*") if path.parent.name != "dev")
        return sorted((str(path.relative_to(volume)), path.is_symlink()) for path in paths)

    def cover(config, directory):
        by_specification()(config, directory)
        config["mounts"].append(bind(volume, "/"))
        del config["hooks"]["prestart"]  # procfs is covered, too

    before = seen()
    run_container(Case(hook=[], edit=cover))
    check_equal(seen(), before, "the volume")
