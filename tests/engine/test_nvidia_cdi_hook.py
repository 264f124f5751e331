# SPDX-License-Identifier: Apache-2.0
"""`podman run --device nvidia.com/gpu=…` with specifications of NVIDIA's form, whose hooks are ours:
nothing of NVIDIA's programs is here."""

import contextlib
import random

import observe
from bundle import Outcome
from cdi import RUNTIMES, SPEC_DIR, generate, podman_run, run_cdi
from expect import LIBRARIES, check_foreign_nodes, check_loader, check_params, check_started
from harness import MINORS, SETUP, check, check_equal, run, test
from nvidia_spec import RELEASES, specification, text_of

ALL = ("cdi", "cdi-cgroup2")


def program(name):
    """The hook under the name by which a specification calls it."""
    link = SETUP.work / name
    if not link.exists():
        link.symlink_to(SETUP.hook)
    return str(link)


@contextlib.contextmanager
def installed(text, suffix):
    SPEC_DIR.mkdir(exist_ok=True)
    for other in SPEC_DIR.iterdir():  # two files with one name of a device are refused
        other.unlink()
    path = SPEC_DIR / f"nvidia.{suffix}"
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink()


def run_release(name, devices, *options, change=None, hook_order=list, **more):
    """A container with `devices` by a specification of NVIDIA's release `name`."""
    document = specification(program(RELEASES[name].program), name, hook_order)
    if change:
        change(document)
    with installed(text_of(document, name), "yaml" if RELEASES[name].yaml else "json"):
        done = run(podman_run(devices, *options, **more))
    return Outcome(done.returncode, done.stdout, done.stderr, observe.View(done.stdout), None, [], "")


def of_driver(table):
    """The rows that are about the driver, not about the image."""
    words = ("nvidia", "cuda", "nvcuvid", "nvoptix")
    return {name: value for name, value in table.items() if any(word in name for word in words)}


def links_of(view):
    """The driver's links that lead to its libraries by SONAME or by a plain name."""
    return sorted(line for line in view["links"] if f"'{LIBRARIES}/lib" in line or "gbm" in line)


def check_same_inside(view, own):
    """What programs find is what our own hook gives."""
    check_equal(of_driver(view.loader()), of_driver(own.loader()), "ldconfig -p")
    check_equal(view.loaded(), own.loaded(), "dlopen")
    check_equal(view["smi"], own["smi"], "nvidia-smi -L")
    check_equal(view["params"], own["params"], "params")


def check_gpu(view, index, runtime):
    nodes = {path for path in view.nodes() if path.startswith("/dev/nvidia") and path[11:].isdigit()}
    check_equal(nodes, {f"/dev/nvidia{MINORS[index]}"}, "nodes of GPUs")
    if runtime != "crun":  # it runs without device cgroup here
        check_foreign_nodes(view, [index])


@test(*ALL)
def specifications_of_every_release_give_what_our_own_hook_gives():
    for runtime in RUNTIMES:
        own = run_cdi(generate("--mode", "full"), ["3"], runtime=runtime).view
        for name, release in RELEASES.items():
            outcome = run_release(name, ["3"], runtime=runtime)
            check_started(outcome)
            check_gpu(outcome.view, 3, runtime)
            check_loader(outcome.view)
            check_equal(outcome.errors, "", f"{name}: standard error")
            if "disable-device-node-modification" in release.hooks:
                check_params(outcome.view)
                check_same_inside(outcome.view, own)


@test("cdi")
def the_calls_may_come_in_any_order_and_more_than_once():
    usual = run_release("1.20", ["0"])
    check_started(usual)
    dice = random.Random(1)
    for _ in range(4):
        outcome = run_release("1.20", ["0"], hook_order=lambda hooks: dice.sample(2 * hooks, 2 * len(hooks)))
        check_started(outcome)
        for section in ("loader", "load", "links", "params"):
            check_equal(outcome.view[section], usual.view[section], section)


@test("cdi")
def two_devices_and_all_by_a_specification_of_nvidias():
    outcome = run_release("1.18", ["0", "5"])
    check_started(outcome)
    check_equal(len(outcome.view.gpus()), 2, "GPUs")
    outcome = run_release("1.18", ["all"])
    check_started(outcome)
    check_equal(len(outcome.view.gpus()), 8, "GPUs")


@test("cdi")
def a_read_only_container_by_a_specification_of_nvidias():
    outcome = run_release("1.20", ["0"], "--read-only")
    check_started(outcome)
    check_loader(outcome.view)


@test("cdi")
def the_profile_names_the_gpu_of_the_container():
    look = "cat /etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf"
    outcome = run_release("1.20", ["3"], command=look)
    mask = hex(1 << MINORS[3])
    check(f'"EGLVisibleDGPUDevices", {mask}]' in outcome.output, outcome.output + outcome.errors)


@test("cdi")
def an_unknown_hook_of_a_newer_specification_does_not_stop_a_container():
    def add(document):
        hooks = document["containerEdits"]["hooks"]
        newer = {**hooks[0], "args": ["nvidia-cdi-hook", "apply-cuda-memory-limits", "--gpu-id", "x"]}
        hooks.insert(0, newer)

    check_started(run_release("1.20", ["0"], change=add))


@test("cdi")
def a_malformed_call_stops_the_container_with_a_line():
    def spoil(document):
        document["containerEdits"]["hooks"][0]["args"] = ["nvidia-cdi-hook", "create-symlinks", "--link", "a"]

    outcome = run_release("1.20", ["0"], change=spoil)
    check(outcome.exit != 0, "the container started")
    check("--link is TARGET::LINK, not `a`" in outcome.errors, outcome.errors)


@test("cdi")
def a_volume_over_the_directories_of_the_hooks_is_never_written():
    """CVE-2024-0134 and CVE-2026-24260 were in create-symlinks."""
    volume = SETUP.work / "hook-volume"
    (volume / "gbm").mkdir(parents=True, exist_ok=True)
    before = sorted(path.name for path in volume.rglob("*"))
    options = []
    for place in ("/etc/ld.so.conf.d", "/etc/nvidia", f"{LIBRARIES}/gbm", "/dev/dri"):
        options += ["-v", f"{volume}:{place}"]
    volume.chmod(0o711)  # not what chmod of 1.16 and 1.17 sets
    mode = volume.stat().st_mode
    for name in RELEASES:
        check_started(run_release(name, ["0"], *options))
        check_equal(sorted(path.name for path in volume.rglob("*")), before, f"{name}: files of the volume")
        check_equal(volume.stat().st_mode, mode, f"{name}: mode of the volume")


