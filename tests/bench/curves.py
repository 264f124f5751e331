# SPDX-License-Identifier: Apache-2.0
"""Scaling curves: the hook's cost depending on a size, and whether the slope is as expected."""

import dataclasses
import json
import os
import statistics
from pathlib import Path

import boxes
import fit
import images
import overlay
import programs
from box import MS_BIND, MS_REC, mount
from harness import SETUP, Skip, run

SIXTEEN = ["--gpus", "16"]
COMPUTE = {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
CAPABILITIES = ["utility", "compute", "video", "graphics", "display", "ngx"]


@dataclasses.dataclass
class Curve:
    """`prepare` takes an x and returns what to measure: a function without arguments that returns
    microseconds."""

    name: str
    unit: str  # of x
    sizes: list
    expected: str  # `flat` or `linear`
    why: str
    prepare: object
    host: object = ()  # options of `simulate`, or a function that returns them for an x
    rounds: int = 20
    interleaved: bool = True  # its sizes can be measured in turns

    def hosts(self, quick):
        """Returns [(options of `simulate`, sizes to measure there)]. Quick: without the largest."""
        sizes = self.sizes if not quick else self.sizes[:-1]
        if callable(self.host):
            return [(self.host(size), [size]) for size in sizes]
        return [(list(self.host), sizes)]


@dataclasses.dataclass
class Result:
    curve: Curve
    points: list  # (x, median in microseconds)

    @property
    def verdict(self):
        return fit.verdict(self.curve.expected, self.points)

    @property
    def good(self):
        return self.verdict[0]

    def as_text(self):
        first = self.points[0][1]
        shown = "  ".join(f"{x}: {y:.0f} us ({y / first:.2f})" for x, y in self.points)
        word = "ok     " if self.good else "DIFFERS"
        return f"{word} {self.curve.name}: {self.curve.expected} ({self.curve.why}); {self.verdict[1]}\n        {shown}"


def measured(env, command=None, **options):
    return lambda: boxes.measure(command or programs.hook(), env, **options).wall


def selected_gpus(count):
    return measured({"NVIDIA_VISIBLE_DEVICES": ",".join(map(str, range(count))), **COMPUTE})


def unselected_gpus(_count):
    return measured({"NVIDIA_VISIBLE_DEVICES": "0", **COMPUTE})


def mig_devices(count):
    names = [f"{gpu}:{index}" for index in range(7) for gpu in range(16)][:count]
    return measured({"NVIDIA_VISIBLE_DEVICES": ",".join(names) or "none", **COMPUTE})


def capabilities(count):
    names = ",".join(CAPABILITIES[:count])
    return measured({"NVIDIA_VISIBLE_DEVICES": "0", "NVIDIA_DRIVER_CAPABILITIES": names})


def add_libraries(root, count):
    """Adds that many libraries to a tree, including its loader cache."""
    directory = root / "usr/lib/bench"
    directory.mkdir(parents=True)
    first = directory / "libbench.so"
    images.compile_program(first, "../simulated_host/library_stub.c", "-fPIC", "-shared", "-nostdlib")
    for number in range(count):
        os.link(first, directory / f"libbench{number}.so.1")
    first.unlink()
    with (root / "etc/ld.so.conf").open("a") as conf:
        conf.write("\n/usr/lib/bench\n")
    images.succeed(["/sbin/ldconfig", "-r", root])
    return root


def image_with(count):
    """Returns the image with that many additional libraries, as layers of an overlay."""
    directory = SETUP.disk / f"image-{count}"
    if not directory.exists():
        directory.mkdir()
        overlay.mount(SETUP.rootfs, directory)
        add_libraries(directory / "rootfs", count)
        overlay.unmount(directory)
    return f"{directory}/upper:{SETUP.rootfs}"


def drop_caches():
    run(["sync"])
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError as error:
        raise Skip(f"the page cache cannot be dropped ({error.strerror}); run on a host, not in a container") from error


def image_libraries(count, before=None):
    return measured({"NVIDIA_VISIBLE_DEVICES": "0", **COMPUTE}, image=image_with(count), before=before)


def image_libraries_cold(count):
    return image_libraries(count, drop_caches)


def driver_libraries(count):
    root = SETUP.disk / f"driver-{count}"
    images.succeed(["cp", "-a", "--one-file-system", SETUP.driver, root])
    add_libraries(root, count)
    for name in ("dev", "proc"):
        (root / name).mkdir(exist_ok=True)
        mount(f"/{name}", root / name, None, MS_BIND | MS_REC)
    config = SETUP.work / f"driver-{count}.toml"
    config.write_text(f'[nvidia-container-cli]\nroot = "{root}"\n')
    return measured({"NVIDIA_VISIBLE_DEVICES": "0", **COMPUTE}, [SETUP.hook, f"-config={config}", "createRuntime"])


def host_mounts(count):
    """The mounts exist while the container is made and the hook runs."""

    def one():
        top = SETUP.work / "mounts"
        grow_mounts(top, count)
        return measured({"NVIDIA_VISIBLE_DEVICES": "0", **COMPUTE})()

    return one


def grow_mounts(top, count):
    source = top / "source"
    source.mkdir(parents=True, exist_ok=True)
    have = sum(1 for _ in top.iterdir()) - 1
    for number in range(have, count):
        (top / str(number)).mkdir()
        mount(source, top / str(number), None, MS_BIND)


def large_config(size, env=None):
    def edit(config):
        missing = max(0, size - len(json.dumps(config)))
        config["annotations"] = {f"bench.{number:05}": "x" * 80 for number in range(missing // 100)}

    return measured({"NVIDIA_VISIBLE_DEVICES": "0", **COMPUTE} if env is None else env, edit=edit)


def large_config_without_request(size):
    return large_config(size, {})


def environment(count):
    extra = {f"BENCH_{number}": "value" for number in range(count)}
    return measured({**extra, "NVIDIA_VISIBLE_DEVICES": "0", **COMPUTE})


def concurrent(count):
    env = {"NVIDIA_VISIBLE_DEVICES": "0", **COMPUTE}
    return lambda: boxes.measure_many(programs.hook(), env, count)


KIB = 1024
CURVES = [
    Curve("selected GPUs", "GPU", [1, 2, 4, 8, 16], "linear", "two mounts for each GPU", selected_gpus, SIXTEEN),
    Curve(
        "GPUs of the host",
        "GPU",
        [1, 4, 8, 16],
        "flat",
        "only the selected one is given",
        unselected_gpus,
        lambda count: ["--gpus", str(count)],
    ),
    Curve(
        "MIG devices",
        "device",
        [1, 14, 28, 56, 112],
        "linear",
        "four mounts for each device",
        mig_devices,
        ["--gpus", "16", "--mig", ",".join(map(str, range(16)))],
    ),
    Curve("capabilities", "capability", [1, 2, 3, 4, 5, 6], "linear", "some mounts for each", capabilities),
    Curve("libraries in the image", "library", [50, 500, 2000, 5000], "linear", "the loader cache is read and written once", image_libraries),
    Curve(
        "libraries in the image, cold page cache",
        "library",
        [50, 500, 2000, 5000],
        "linear",
        "the loader cache is read from the disk; no library is opened",
        image_libraries_cold,
    ),
    Curve("mounts of the host", "mount", [10, 100, 1000, 5000, 20000], "flat", "no mount table is read", host_mounts, interleaved=False),
    Curve(
        "bytes of config.json",
        "byte",
        [5 * KIB, 100 * KIB, 500 * KIB, 2048 * KIB],
        "linear",
        "it is read and parsed once",
        large_config,
    ),
    Curve(
        "bytes of config.json, no request",
        "byte",
        [5 * KIB, 100 * KIB, 500 * KIB, 2048 * KIB],
        "linear",
        "it is read and parsed once",
        large_config_without_request,
    ),
    Curve("environment", "variable", [10, 100, 1000, 10000], "linear", "each is looked at once", environment),
    Curve("containers at once", "container", [1, 5, 20, 50, 100], "linear", "no start waits for another", concurrent),
    Curve("libraries of the driver root", "library", [100, 1000, 5000, 10000], "linear", "its loader cache is read once", driver_libraries),
]


def measure_points(curve, sizes, rounds):
    """Returns [(x, median)], measured in turns."""
    ready = [(size, curve.prepare(size)) for size in sizes]
    found = {size: [] for size in sizes}
    turns = range(-1, rounds)  # the first round does not count
    order = [(turn, one) for turn in turns for one in ready]
    if not curve.interleaved:
        order = [(turn, one) for one in ready for turn in turns]
    for turn, (size, one) in order:
        value = one()
        if turn >= 0:
            found[size].append(value)
    return [(size, statistics.median(values)) for size, values in found.items()]


def by_name(name):
    return next(curve for curve in CURVES if curve.name == name)


def rounds_of(curve, wanted, quick):
    return wanted or (5 if quick else curve.rounds)
