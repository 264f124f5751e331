# SPDX-License-Identifier: Apache-2.0
"""Programs that start nvidia-container-cli themselves: LXC with its own hook script, and containerd's `ctr run --gpus`."""

import atexit
import functools
import itertools
import shutil
import subprocess
import time
from pathlib import Path

import observe
import shim
from attach_cycle import check_refresh_cycle
from bundle import foreign_nodes
from cli import binaries, copy_of_image, environment, place
from expect import check_foreign_nodes, check_gpus, check_loader, check_params
from harness import CGROUP_NAME, HERE, SETUP, Skip, check, check_equal, fail_text, require_program, run, test
from image_archive import IMAGE, make_archive
from nvidia_spec import RELEASES, specification, text_of
from usual_places import usual_places

TASKS = "/run/containerd/io.containerd.runtime.v2.task"

# ---- LXC

LXC_SCRIPT = Path("/usr/share/lxc/hooks/nvidia")
SHIFT = 100000
LXC_CONFIG = """\
lxc.rootfs.path = dir:{rootfs}
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.mount.auto = proc:mixed sys:ro
lxc.hook.mount = {procfs}
lxc.hook.mount = {script} --root {driver}
"""
UNPRIVILEGED = f"lxc.idmap = u 0 {SHIFT} 65536\nlxc.idmap = g 0 {SHIFT} 65536\n"
# What the kernel module shows in the container's procfs.
PROCFS = """#!/bin/sh
mount -t tmpfs -o mode=555 tmpfs "$LXC_ROOTFS_MOUNT/proc/driver" && cp -r /proc/driver/nvidia "$LXC_ROOTFS_MOUNT/proc/driver/"
"""
# Subordinate ids for root; and a procfs that nothing covers, without which the kernel lets no user namespace mount one.
PREPARED = r"""
for file in subuid subgid; do echo root:100000:65536 >"$0/$file"; mount --bind "$0/$file" /etc/$file; done
mkdir -p "$0/proc"
mount -t proc proc "$0/proc"
exec "$@"
"""


def run_lxc(environment_lines, more=UNPRIVILEGED, owner=SHIFT, script=LXC_SCRIPT):
    """A container of LXC with a mount hook; returns the result and what the hooks said."""
    require_program("lxc-execute")
    if not LXC_SCRIPT.exists():
        raise Skip(f"{LXC_SCRIPT} is not installed; install LXC with its hooks (package lxc)")
    rootfs = copy_of_image(owner=owner)
    top = rootfs.parent
    procfs = top / "procfs"
    procfs.write_text(PROCFS)
    procfs.chmod(0o755)
    container = top / "lxc" / f"{CGROUP_NAME}cli"
    container.mkdir(parents=True)
    config = LXC_CONFIG.format(rootfs=rootfs, procfs=procfs, script=script, driver=SETUP.driver) + more
    config += "".join(f"lxc.environment = {line}\n" for line in environment_lines)
    (container / "config").write_text(config)
    log = top / "log"
    command = ["timeout", "60", "lxc-execute", "-P", container.parent, "-n", container.name, "-l", "DEBUG", "-o", log]
    try:
        done = run(
            ["unshare", "--mount", "sh", "-c", PREPARED, top, *command, "--", "sh", "-c", observe.SCRIPT], env=environment()
        )
        return done, log.read_text(errors="replace")
    finally:
        shutil.rmtree(top)


@test("cli")
def lxc_unprivileged_with_its_own_hook_script():
    done, log = run_lxc(["NVIDIA_VISIBLE_DEVICES=1", "NVIDIA_DRIVER_CAPABILITIES=compute,utility", "NVIDIA_REQUIRE_CUDA=cuda>=12.0"])
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, fail_text("lxc-execute", done) + log[-2000:])
    check("exec nvidia-container-cli" in log, "LXC's script did not start the program")
    check_gpus(view, [1])
    check_loader(view)
    check_params(view)


@test("cli")
def lxc_tells_why_a_device_is_unknown():
    done, log = run_lxc(["NVIDIA_VISIBLE_DEVICES=99"])
    check(done.returncode != 0, "the container started")
    check("nvidia-container-cli: device error: 99: unknown device (NVH-0202" in log, log[-3000:])


@test("cli")
def lxc_script_refuses_a_privileged_container_itself():
    """So LXC's own script never lets the program see one."""
    done, log = run_lxc(["NVIDIA_VISIBLE_DEVICES=1"], more="", owner=0)
    check(done.returncode != 0, "the container started")
    check("only works in unprivileged mode" in log and "exec nvidia-container-cli" not in log, log[-3000:])


# A mount hook as people write it for privileged containers.
OWN_SCRIPT = """#!/bin/sh
exec nvidia-container-cli --root=$2 configure %s --device=1 --compute --utility "$LXC_ROOTFS_MOUNT"
"""


def run_privileged(option, *more_devices):
    script = place() / "mount-hook"
    script.write_text(OWN_SCRIPT % option)
    script.chmod(0o755)
    devices = ["*:* m", "1:* rwm", "5:* rwm", "136:* rwm", *more_devices]
    key = "lxc.cgroup.devices" if Path("/sys/fs/cgroup/devices").is_dir() else "lxc.cgroup2.devices"
    more = f"{key}.deny = a\n" + "".join(f"{key}.allow = c {device}\n" for device in devices)
    more += f"lxc.mount.entry = {foreign_nodes()['source']} foreign none bind,create=dir 0 0\n"
    return run_lxc([], more=more, owner=0, script=script)


def check_privileged(done, log):
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, fail_text("lxc-execute", done) + log[-2000:])
    check_gpus(view, [1])
    check_foreign_nodes(view, [1])


@test("cli")
def lxc_privileged_whose_configuration_allows_the_devices():
    check_privileged(*run_privileged("--no-cgroups", "195:3 rw", "195:255 rw", "511:* rw"))


@test("cli")
def lxc_privileged_must_allow_the_devices_itself():
    """The container's cgroup is out of sight of the hook; and LXC writes its own device rules after the hook."""
    done, log = run_privileged("")
    check(done.returncode != 0, "the container started")
    check("nvidia-container-cli: mount error: failed to add device rules (NVH-0601: " in log, log[-3000:])


# ---- containerd

START_LIMIT_S = 60


def stop(process):
    process.terminate()
    process.wait(timeout=60)


@functools.cache
def containerd():
    """Starts containerd once with directories of its own, and imports the image. Returns ctr's first words."""
    require_program("containerd")
    require_program("ctr")
    directory = SETUP.disk / "containerd"
    state = place() / "containerd"
    state.mkdir()
    address = state / "sock"
    log = SETUP.work / "containerd.log"
    config = state / "config.toml"
    config.write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    command = ["containerd", "--config", config, "--root", directory, "--state", state / "state", "--address", address]
    with log.open("w") as output:
        options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        process = subprocess.Popen(list(map(str, command)), **options)
    atexit.register(stop, process)
    deadline = time.monotonic() + START_LIMIT_S
    while run(["ctr", "--address", address, "version"]).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Skip(f"containerd does not start here: {log.read_text(errors='replace')[-300:]}")
        time.sleep(0.1)
    archive = SETUP.disk / "image.tar"
    make_archive(archive, [IMAGE])
    words = ["ctr", "--address", address, "image", "import"]
    # Since 2.0 the daemon imports, which knows only the snapshotter of its configuration.
    local = ["--local"] if "--local" in run([*words, "--help"]).stdout else []
    done = run([*words, *local, "--snapshotter", "native", archive])
    check_equal(done.returncode, 0, fail_text("ctr image import", done))
    archive.unlink()
    return ["ctr", "--address", str(address)]


SCRIPT = observe.SCRIPT + "sleep 1\n"  # ctr ends when the container does, and loses what it has not copied by then


def run_ctr(*options, runtime=HERE / "runc-with-procfs", env=None):
    foreign = foreign_nodes()["source"]
    words = ["run", "--rm", "--net-host", "--snapshotter", "native", "--runc-binary", runtime]
    words += ["--cgroup", f"/{CGROUP_NAME}ctr", "--mount", f"type=bind,src={foreign},dst=/foreign,options=rbind:ro", *options]
    return run(
        [*containerd(), *words, IMAGE, f"{CGROUP_NAME}ctr", "sh", "-c", SCRIPT],
        env=env or environment(NVIDIA_CTK_CONFIG_FILE_PATH=str(SETUP.config)),
    )


@test("cli")
def ctr_run_with_the_shim_as_runtime():
    done = run_ctr("--env", "NVIDIA_VISIBLE_DEVICES=1", runtime=shim.configured())
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, fail_text("ctr run", done))
    check_gpus(view, [1])
    check_foreign_nodes(view, [1])
    check_loader(view)
    done = run_ctr("--env", "NVIDIA_VISIBLE_DEVICES=99", runtime=shim.configured())
    check(done.returncode != 0 and "NVH-0202" in done.stderr, done.stderr[-2000:])


@test("cli")
def ctr_run_with_one_gpu():
    done = run_ctr("--gpus", "0")
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, fail_text("ctr run", done))
    check_equal(view.gpus(), ["GPU-12345678-1234-1234-1234-123456780000"], "nvidia-smi -L")
    check_foreign_nodes(view, [0])
    check_loader(view)
    check_params(view)


@test("cli")
def a_container_of_containerd_gets_a_gpu_and_loses_it():
    name = f"{CGROUP_NAME}ctr-attach"
    words = ["run", "--detach", "--net-host", "--snapshotter", "native", "--runc-binary", HERE / "runc-with-procfs"]
    words += ["--cgroup", f"/{name}", IMAGE, name, "sleep", "1000"]
    done = run([*containerd(), *words], env=environment(NVIDIA_CTK_CONFIG_FILE_PATH=str(SETUP.config)))
    check(done.returncode == 0, fail_text("ctr run", done))
    numbers = itertools.count()

    def inside(*command):
        return run([*containerd(), "task", "exec", "--exec-id", f"e{next(numbers)}", name, *command]).stdout

    try:
        with usual_places({TASKS: place() / "containerd/state" / Path(TASKS).name}):
            check_refresh_cycle(name, inside)
    finally:
        run([*containerd(), "task", "delete", "--force", name])
        run([*containerd(), "container", "delete", name])


@test("cli")
def ctr_run_with_two_gpus():
    done = run_ctr("--gpus", "1", "--gpus", "2")
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, fail_text("ctr run", done))
    check_foreign_nodes(view, [1, 2])


@test("cli")
def ctr_run_with_a_cdi_specification_of_nvidias():
    """Its hooks are ours, under NVIDIA's name."""
    version = run(["ctr", "--version"]).stdout.split()[2].lstrip("v")
    if tuple(map(int, version.split(".")[:2])) < (1, 7):
        raise Skip(f"ctr {version} takes no names by CDI; tests/engine/run --today has a newer one")
    program = SETUP.work / "nvidia-cdi-hook"
    program.symlink_to(SETUP.hook)
    directory = Path("/run/cdi")
    directory.mkdir(exist_ok=True)
    for release in RELEASES:
        calls = program if RELEASES[release].program == program.name else ctk_link()
        file = directory / f"nvidia.{'yaml' if RELEASES[release].yaml else 'json'}"
        file.write_text(text_of(specification(str(calls), release), release))
        done = run_ctr("--device", "nvidia.com/gpu=2")
        file.unlink()
        view = observe.View(done.stdout)
        check(done.returncode == 0 and view.complete, fail_text(f"ctr run, {release}", done))
        check_foreign_nodes(view, [2])
        check_loader(view)


def ctk_link():
    link = SETUP.work / "nvidia-ctk"
    if not link.exists():
        link.symlink_to(SETUP.hook)
    return link


@test("cli")
def ctr_run_shows_the_error_line():
    done = run_ctr("--gpus", "9")
    check(done.returncode != 0, "the container started")
    check("nvidia-container-cli: device error: 9: unknown device (NVH-0202" in done.stderr, done.stderr[-2000:])
