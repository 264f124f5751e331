# SPDX-License-Identifier: Apache-2.0
"""Every kind of image: its loader finds the driver, and its own files stay as they are."""

import contextlib
import os
import stat

import images
from bundle import Case, run_container
from expect import COMPUTE_NODES, CONTROL_NODES, check_gpus, check_started
from harness import HERE, MINORS, SETUP, check, check_equal, run, test

DEVICE = 1
# (library, a symbol of it), of each capability
LIBRARIES = {
    "compute": [("libcuda", "1", "cuInit"), ("libnvidia-ptxjitcompiler", "1", "")],
    "utility": [("libnvidia-ml", "1", "nvmlInit_v2"), ("libnvidia-cfg", "1", "")],
    "graphics": [("libGLX_nvidia", "0", ""), ("libnvidia-glcore", None, "")],
}
WITH_GRAPHICS = "compute,utility,graphics"
LOADER_FILES = {"etc/ld.so.cache", "etc/ld-musl-x86_64.path", "etc/ld-musl-aarch64.path"}
NAMES = ("nvidia", "nvcuvid", "cuda", "nvoptix", "vdpau", "GL", "firmware", "gsp")


def sonames(capabilities):
    """{SONAME: (file, symbol)} of some libraries that must be loadable."""
    found = {}
    for capability in capabilities.split(","):
        for name, number, symbol in LIBRARIES[capability]:
            file = f"{name}.so.{SETUP.version}"
            found[file if number is None else f"{name}.so.{number}"] = (file, symbol)
    return found


def load_arguments(capabilities):
    wanted = sonames(capabilities).items()
    return [f"{soname},{symbol}" if symbol else soname for soname, (_, symbol) in wanted]


def run_image(image, args, capabilities="compute,utility", **options):
    env = {"NVIDIA_DRIVER_CAPABILITIES": capabilities}
    case = Case(str(DEVICE), env, image=image.root, args=args, **options)
    outcome = run_container(case)
    detail = outcome.errors.strip() or outcome.output.strip()[-300:]
    check_equal(outcome.exit, 0, f"the container did not run: {detail}; exit code")
    record = outcome.record
    check_equal((record["exit"], record["stdout"], record["stderr"]), (0, "", ""), "the hook")
    case.hook = []
    check_image_unchanged(outcome, image, run_container(case).changes)
    return outcome


def attached(outcome):
    """{where the hook mounted something, as the container names it: the name of what}."""
    top = f"{outcome.directory}/rootfs"
    before = {line.split()[0] for line in outcome.record["before"]["mounts"]}
    rows = [line.split() for line in outcome.record["after"]["mounts"]]
    found = {row[4]: os.path.basename(row[3]) for row in rows if row[0] not in before}
    check(found and all(t.startswith(f"{top}/") for t in found), f"mounted elsewhere: {found}")
    return {target.removeprefix(top): source for target, source in found.items()}


def check_image_unchanged(outcome, image, usual):
    """New are the driver's files and links, and the directories on the way; the image's own are as they were."""
    targets, changes = attached(outcome), [row for row in outcome.changes if row not in usual]
    wrong = []
    for path, mode, owner, group, link in changes:
        kind = stat.S_IFMT(int(mode, 8))
        known = os.path.lexists(image.root / path)
        was_link = os.path.islink(image.root / path)
        if path in LOADER_FILES:
            good = kind == stat.S_IFREG
        elif kind == stat.S_IFLNK:
            good = (was_link or not known) and any(name in path for name in NAMES)
        elif kind == stat.S_IFDIR:
            inside = [row for row in changes if row[0].startswith(f"{path}/")]
            good = not known and (inside or f"/{path}" in targets)
        else:
            good = kind == stat.S_IFREG and not known and f"/{path}" in targets
        if not good or (owner, group) != (0, 0):
            wrong.append(f"{path} {mode} {owner}:{group} {link}")
    check(not wrong, "changed in the image, or made for nothing:\n" + "\n".join(wrong))


def check_loads(outcome, image, capabilities):
    """What load_check printed: every library is the driver's, attached under its own name or its SONAME."""
    seen = dict(line.split(maxsplit=1) for line in outcome.output.splitlines())
    directories = {soname: os.path.dirname(path) for soname, path in seen.items()}
    wanted = sonames(capabilities)
    check_equal(
        directories, dict.fromkeys(wanted, image.real_libraries), f"where libraries are ({seen})"
    )
    sources = attached(outcome)
    check_equal(
        {soname: sources.get(path) for soname, path in seen.items()},
        {soname: file for soname, (file, _) in wanted.items()},
        "what the image's loader takes",
    )


def register(title, make, capabilities=WITH_GRAPHICS, **options):
    def body():
        image = make()
        args = [images.CHECKER, *load_arguments(capabilities)]
        check_loads(run_image(image, args, capabilities, **options), image, capabilities)

    body.__name__ = title
    test("runc")(body)


register("a Debian image loads the driver", images.debian)
register("a RHEL image loads the driver", images.rhel)
register("an openSUSE image loads the driver", images.opensuse)
register("an Arch image loads the driver", images.arch)
register("a Nix image loads the driver", images.nixos)
register("a distroless image loads the driver", images.distroless)
register("a read only distroless image loads the driver", images.distroless, readonly=True)
register(
    "an image with a link to another libcuda loads the driver", images.with_link_to_another_version
)
register("an image with empty leftovers loads the driver", images.with_empty_leftovers)


@test("runc")
def an_image_with_its_own_libcuda_keeps_the_file_and_loads_the_driver():
    image = images.debian()
    file = image.root / image.libraries[1:] / "libcuda.so.1"
    file.write_bytes(images.driver_library("libcuda").read_bytes() + b"of the image")
    outcome = run_image(image, [images.CHECKER, *load_arguments("compute")], "compute")
    check_loads(outcome, image, "compute")
    check(file.read_bytes().endswith(b"of the image"), "the image's own layer changed")


@contextlib.contextmanager
def nvidia_smi_of_nixos(loader):
    """The host's nvidia-smi is started by a loader in the host's store."""
    smi = SETUP.driver / "usr/bin/nvidia-smi"
    patched = SETUP.work / "nvidia-smi"
    source = HERE.parent / "simulated_host/nvidia_smi.c"
    images.compile_program(patched, source, f"-Wl,--dynamic-linker={loader}")
    run(["mount", "--bind", patched, smi], check=True)
    try:
        yield
    finally:
        run(["umount", smi], check=True)


@test("runc")
def a_program_of_a_nixos_host_is_started_by_the_images_loader():
    loader = "/nix/store/1-glibc-2.40/lib/ld-linux-x86-64.so.2"
    with nvidia_smi_of_nixos(loader):
        outcome = run_container(Case("1"))
    check_started(outcome)
    check_gpus(outcome.view, [1])


def nodes():
    return [*CONTROL_NODES, *COMPUTE_NODES, f"/dev/nvidia{MINORS[DEVICE]}"]


@test("runc")
def a_busybox_image_gets_nodes_and_files():
    image = images.busybox()
    command = "cd /dev; ls | grep nvidia; [ ! -e /usr/bin/nvidia-smi ] || echo a program without its loader"
    outcome = run_image(image, ["/bin/sh", "-c", command])
    wanted = sorted(path.removeprefix("/dev/") for path in nodes())
    check_equal(outcome.output.split(), wanted, "what the container lists")
    targets = attached(outcome)
    for soname in ("libcuda.so", "libnvidia-ml.so"):
        file = f"{image.libraries}/{soname}.{SETUP.version}"
        check(file in targets, f"{file} is no mount")


@test("runc")
def a_scratch_image_gets_its_devices():
    image = images.scratch()
    outcome = run_image(image, ["/inspect", "open", *nodes(), "/dev/null", "/dev/nvidia0"])
    expected = dict.fromkeys(nodes(), "ENXIO") | {"/dev/null": "opened", "/dev/nvidia0": "ENOENT"}
    seen = dict(line.split() for line in outcome.output.splitlines())
    check_equal(seen, expected, "opening the nodes")
    check(
        f"{image.libraries}/libcuda.so.{SETUP.version}" in attached(outcome), "libcuda is missing"
    )


def check_musl(image):
    """NVML needs glibc; the simulated one needs of it only what musl has, too."""
    args = [images.CHECKER, *load_arguments("compute,utility")]
    outcome = run_image(image, args)
    check_loads(outcome, image, "compute,utility")
    made = [row[0] for row in outcome.changes if row[0] in LOADER_FILES]
    check(any("musl" in name for name in made), f"loader files made: {made}")


@test("runc")
def an_alpine_image_loads_the_driver():
    check_musl(images.alpine())


@test("runc")
def an_alpine_image_keeps_the_search_path_that_it_has():
    image = images.alpine()
    loader = next((image.root / "lib").glob("ld-musl-*"))
    name = loader.name.replace(".so.1", ".path")
    (image.root / "opt").mkdir()
    own = image.root / "opt/libown.so"
    own.write_bytes(images.driver_library("libnvidia-cfg").read_bytes())
    (image.root / "etc" / name).write_text("/lib:/usr/lib:/opt\n")
    check_musl(image)
    outcome = run_image(image, [images.CHECKER, "libown.so"])
    check_equal(outcome.output, "libown.so /opt/libown.so\n", "the image's own library")


@test("runc")
def a_debian_image_with_musl_keeps_the_search_path_of_its_musl():
    """Debian's musl has default directories of its own, which a path file would replace."""
    image = images.debian()
    (image.root / "usr/lib/ld-musl-x86_64.so.1").touch()
    (image.root / "usr/lib/ld-musl-aarch64.so.1").touch()
    outcome = run_image(image, [images.CHECKER, *load_arguments("compute")], "compute")
    check_loads(outcome, image, "compute")
    made = [row[0] for row in outcome.changes if "musl" in row[0]]
    check_equal(made, [], "files for musl")
