# SPDX-License-Identifier: Apache-2.0
"""nvidia-container-cli on the simulated host: what it tells, its errors, and the command lines of enroot and Apptainer."""

import json
import os
import shutil
import sys
from pathlib import Path

import oracle
from bundle import Case, foreign_nodes, run_container
from cli import USER, binaries, cli, copy_of_image, environment, run_in_namespaces, view_in_namespaces
from expect import LIBRARIES, check_foreign_nodes, check_gpus, check_loader, check_mount_flags, check_started
from harness import BUSES, MINORS, SETUP, SIMULATE, UUID, Skip, check, check_equal, fail_text, require_program, run, test
from test_old_kernel import CALLS, MOUNT_CALLS
from test_old_kernel import wrapper as refused_calls

CONTROL = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"]
INFO_CSV = (
    f"NVRM version,CUDA version\n{{version}},12.2\n\n"
    "Device Index,Device Minor,Model,Brand,GPU UUID,Bus Location,Architecture\n"
) + "".join(
    f"{i},{MINORS[i]},NVIDIA A100-SXM4-40GB,Nvidia,{UUID}{i},00000000:{BUSES[i]}:00.0,8.0\n" for i in range(8)
)


# A host on which the driver is installed as a distribution does it.
INSTALLED = r"""
mount -t overlay -o "lowerdir=$1:$2" overlay "$0" && mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" &&
mount --bind "$3" "$0/mnt" && exec chroot --userspec="$4:$4" "$0" /mnt/nvidia-container-cli info --csv
"""


def check_told(done, output, what):
    check_equal((done.returncode, done.stderr), (0, ""), fail_text(what, done))
    check_equal(done.stdout, output, what)


def lines_of(*words, **options):
    done = cli(*words, **options)
    check_equal((done.returncode, done.stderr), (0, ""), fail_text(str(words), done))
    return done.stdout.splitlines()


def check_error(done, line_start, *words):
    check_equal((done.returncode, done.stdout), (1, ""), "status and standard output")
    check(done.stderr.startswith(f"nvidia-container-cli: {line_start}"), done.stderr)
    check_equal(done.stderr.count("\n"), 1, f"lines of {done.stderr!r}")
    for word in words:
        check(word in done.stderr, f"expected {word!r} in {done.stderr!r}")


@test("cli")
def info_tells_every_gpu():
    check_told(cli("info", "--csv"), INFO_CSV.format(version=SETUP.version), "info --csv")
    text = cli("info").stdout
    check_equal(text.count("\n\n"), 8, "blank lines before GPUs")
    check(
        text.endswith(
            f"\n\nDevice Index:   7\nDevice Minor:   5\nModel:          NVIDIA A100-SXM4-40GB\nBrand:          Nvidia\n"
            f"GPU UUID:       {UUID}7\nBus Location:   00000000:bd:00.0\nArchitecture:   8.0\n"
        ),
        text,
    )


@test("cli")
def an_ordinary_user_is_told_the_same():
    user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    check_equal(lines_of("list", before=user), lines_of("list"), "list")
    # NVML is asked below the driver's root, which an ordinary user cannot enter: here the driver is installed in the host itself.
    if not list(SETUP.rootfs.glob("usr/lib/*/libstdc++.so.6")):
        raise Skip("the image has no libstdc++ for the probe; scripts/test --engines makes one that has")
    host = SETUP.work / "installed"
    host.mkdir(exist_ok=True)
    done = run(["unshare", "--mount", "sh", "-c", INSTALLED, host, SETUP.driver, SETUP.rootfs, binaries(), str(USER)])
    check_told(done, INFO_CSV.format(version=SETUP.version), "info --csv of an ordinary user")


@test("cli")
def list_selects_what_is_asked_for():
    check_equal(lines_of("list", "--device=1"), [*CONTROL, "/dev/nvidia3"], "--device=1")
    check_equal(
        lines_of("list", "-d", f"{UUID}0,0000:0f:00.0", "--device=0"), [*CONTROL, "/dev/nvidia2", "/dev/nvidia3"], "devices"
    )
    everything = lines_of("list")
    check_equal(everything[:12], CONTROL + [f"/dev/nvidia{minor}" for minor in MINORS], "list")
    parts = [lines_of("list", *words) for words in (["-d", "all"], ["-b"], ["-l", "--compat32"], ["-i"], ["-f"])]
    check_equal(sum(parts, []), everything, "the parts of list")
    for path in everything:
        root = "" if path.startswith(("/dev/", "/proc/")) else SETUP.driver
        check(Path(f"{root}{path}").exists(), f"{path} is listed and does not exist")


# Daemons of the driver that listen; then what follows, for each set of options.
DAEMONS = r"""
import json, os, socket, subprocess, sys
root, places, *command = json.loads(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", f"{root}/run"], check=True)
listening = []
for place in places:
    os.mkdir(f"{root}{os.path.dirname(place)}")
    listening.append(socket.socket(socket.AF_UNIX))
    listening[-1].bind(f"{root}{place}")
    listening[-1].listen()
for options in ([], ["--no-persistenced"], ["--no-fabricmanager"], ["--no-persistenced", "--no-fabricmanager"]):
    done = subprocess.run([*command, *options], stdout=subprocess.PIPE, text=True, check=True)
    print(json.dumps(done.stdout.splitlines()))
"""


@test("cli")
def list_leaves_out_daemons():
    persistenced, fabric_manager = "/run/nvidia-persistenced/socket", "/run/nvidia-fabricmanager/socket"
    command = ["nvidia-container-cli", f"--root={SETUP.driver}", "list", "--ipcs"]
    told = json.dumps([str(SETUP.driver), [persistenced, fabric_manager], *command])
    done = run(["unshare", "--mount", sys.executable, "-c", DAEMONS, told], env=environment())
    check_equal(
        [json.loads(line) for line in done.stdout.splitlines()],
        [[persistenced, fabric_manager], [fabric_manager], [persistenced], []],
        fail_text("list --ipcs", done),
    )


@test("cli")
def list_knows_mig_devices_by_name():
    host = [*SIMULATE, "--driver-root", SETUP.driver, "--mig", "1", "--"]
    files = "/proc/driver/nvidia/capabilities/gpu3/mig/gi8"
    expected = [*CONTROL, "/dev/nvidia3", f"{files}/access", f"{files}/ci0/access"]
    expected += ["/dev/nvidia-caps/nvidia-cap480", "/dev/nvidia-caps/nvidia-cap481"]
    for name in ("1:1", "MIG-12345678-1234-1234-1234-123456780111"):
        check_equal(lines_of("list", f"--device={name}", before=host), expected, name)
    config = lines_of("list", "--device=1", "--mig-config=all", before=host)
    check_equal(
        config[5:9],
        [
            "/proc/driver/nvidia/capabilities/mig/config",
            "/dev/nvidia-caps/nvidia-cap1",
            "/proc/driver/nvidia/capabilities/gpu3",
            "/dev/nvidia-caps",
        ],
        "--mig-config=all",
    )
    check_error(
        cli("list", "--device=1:1", "--mig-monitor=all", before=host),
        "mig-monitor error: cannot enable mig-monitor with specific MIG devices selected",
    )


@test("cli")
def errors_have_the_words_that_scripts_know():
    no_driver = [*SIMULATE, "--no-driver", "--"]
    check_error(cli("info", before=no_driver), "initialization error: nvml error: driver not loaded (NVH-0401: ")
    check_error(cli("list", "-d", "9"), "device error: 9: unknown device (NVH-0202: this host has GPUs 0, 1, ", "Try: ")
    other = [*SIMULATE, "--driver-version", "550.54.15", "--"]
    check_error(cli("info", before=other), "initialization error: nvml error: driver/library version mismatch (NVH-0403: ")
    empty = SETUP.work / "empty"
    empty.mkdir(exist_ok=True)
    check_error(
        run(["nvidia-container-cli", f"--root={empty}", "info"], env=environment()),
        "initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file: no such file or directory"
        " (NVH-0402: ",
    )
    check_error(
        run(["nvidia-container-cli", f"--root={empty}/x", "info"], env=environment()), "initialization error: change root failed"
    )
    check_error(
        cli("configure", "--cuda-compat-mode=hook", "/tmp"), "container error: invalid option: cuda-compat-mode=hook (NVH-0204)"
    )
    check_error(cli("configure", "--imex-channel=x", "/tmp"), "error parsing IMEX info: ")
    check_error(cli("configure", "--pid=x", "/tmp"), "input error: invalid pid `x`")
    own = f"--pid={os.getpid()}"
    check_error(cli("configure", own, "/tmp"), f"container error: process {os.getpid()} has no mount namespace of its own")


@test("cli")
def the_root_of_the_host_is_never_configured():
    for rootfs in ("/", "//", "/proc/..", "/proc/self/root", "."):
        done = run(["nvidia-container-cli", "configure", "--device=0", rootfs], env=environment(), cwd="/")
        check_equal((done.returncode, done.stdout), (1, ""), f"{rootfs}: {done.stderr}")
        check("container error: open root file system" in done.stderr, done.stderr)


def enroot(*middle):
    """As enroot calls it (docs/behaviour.md §1.7.4)."""
    first = ["nvidia-container-cli", f"--root={SETUP.driver}", "--user", "configure", "--no-cgroups"]
    return [*first, "--ldconfig=@/sbin/ldconfig", *middle, "ROOTFS"]


def apptainer(*middle, user=()):
    """As Apptainer calls it (docs/behaviour.md §1.7.5)."""
    first = ["nvidia-container-cli", f"--root={SETUP.driver}", *user, "configure", "--no-cgroups"]
    return [*first, *middle, "--ldconfig=@/sbin/ldconfig", "ROOTFS"]


@test("cli")
def enroot_of_an_ordinary_user():
    view = view_in_namespaces(enroot("--device=1", "--compute", "--utility", "--require=cuda>=12.0"), rootless=True)
    check_gpus(view, [1])
    check_loader(view)


@test("cli")
def apptainer_in_a_user_namespace():
    words = apptainer("--device=0,2", "--compute", "--utility", "--require=brand=Nvidia", user=["--user"])
    view = view_in_namespaces(words, rootless=True)
    check_gpus(view, [0, 2])
    check_loader(view)


@test("cli")
def apptainer_of_root():
    view = view_in_namespaces(apptainer("--device=all", "--compute", "--utility"), rootless=False)
    check_gpus(view, range(8))
    check_loader(view)


# What Apptainer's setuid program leaves to the one that it starts.
APPTAINER_RIGHTS = "-all" + "".join(
    f",+{name}"
    for name in ["sys_admin", "mknod", "chown", "dac_override", "dac_read_search", "fowner", "kill"]
    + ["net_admin", "setgid", "setpcap", "setuid", "sys_chroot", "sys_ptrace"]
)


@test("cli")
def apptainer_of_its_setuid_program():
    rights = ["--bounding-set", "--inh-caps", "--ambient-caps"]
    command = ["setpriv", *(f"{option}={APPTAINER_RIGHTS}" for option in rights)]
    view = view_in_namespaces([*command, *apptainer("--device=1", "--compute", "--utility")], rootless=False)
    check_gpus(view, [1])
    check_loader(view)


@test("cli")
def standalone_on_an_old_kernel():
    require_program("cc")
    for calls in (MOUNT_CALLS, CALLS):
        log = SETUP.work / "cli-refused.log"
        refusing = refused_calls(log, "ENOSYS", calls)
        view = view_in_namespaces([*refusing, *apptainer("--device=1", "--compute", "--utility")], rootless=False)
        check_gpus(view, [1])
        check_loader(view)
        check("open_tree" in log.read_text(), "open_tree was not refused")


@test("cli")
def standalone_on_an_old_kernel_leaves_a_shared_root_alone():
    """Its mounts would be made over `/`, which had to be shared no longer for that."""
    require_program("cc")
    rootfs = copy_of_image()
    command = 'mount --make-shared / && mount -t proc proc "$0/proc" && "$@" configure --no-cgroups --utility "$0"; '
    command += "status=$?; grep -c ' / / .* shared:' /proc/self/mountinfo; exit $status"
    refusing = refused_calls(SETUP.work / "cli-refused.log", "ENOSYS", MOUNT_CALLS)
    words = [*refusing, "nvidia-container-cli", f"--root={SETUP.driver}"]
    try:
        done = run(["unshare", "--mount", "sh", "-c", command, rootfs, *words], env=environment())
    finally:
        shutil.rmtree(rootfs.parent)
    check_equal(done.returncode, 1, fail_text("the program", done))
    check("mount error: the root of this mount namespace is shared" in done.stderr, done.stderr)
    check_equal(done.stdout, "1\n", "whether / is shared")


@test("cli")
def an_unmet_requirement_stops_before_anything_is_done():
    done = run_in_namespaces(enroot("--device=1", "--utility", "--require=cuda>=99.0 brand=x"), rootless=True)
    check_error(done, "requirement error: unsatisfied condition: cuda>=99.0, please update your driver to a newer version")


@test("cli")
def after_a_failure_everything_is_as_it_was():
    """Where a library belongs the image has a directory: that is found after other files were made."""

    def spoil(rootfs):
        (rootfs / LIBRARIES.lstrip("/") / f"libnvidia-nvvm.so.{SETUP.version}").mkdir()

    for rootless in (False, True):
        done = run_in_namespaces(apptainer("--device=1", "--compute", "--utility"), rootless, spoil=spoil)
        check_error(done, "mount error: ", f"libnvidia-nvvm.so.{SETUP.version}", "Try: ")


# What containerd's oci-hook does: the state's pid and root file system in the place of {{pid}} and {{rootfs}}.
AS_OCI_HOOK = r"""
state=$(cat)
exec "$@" --pid="$(printf %s "$state" | jq .pid)" "$(printf %s "$state" | jq -r .bundle)/rootfs"
"""


@test("cli")
def supervised_in_a_container_of_runc():
    program = [str(binaries() / "nvidia-container-cli"), f"--root={SETUP.driver}", "--load-kmods", "configure"]
    words = ["--device=1", "--compute", "--utility", "--require=cuda>=12.0"]
    command = ["sh", "-c", AS_OCI_HOOK, "sh", *program, *words]
    outcome = run_container(Case(hook=command, mounts=[foreign_nodes()]))
    check_started(outcome)
    oracle.check_record(outcome.record)
    check_gpus(outcome.view, [1])
    check_foreign_nodes(outcome.view, [1])
    check_loader(outcome.view)
    check_mount_flags(outcome.view)


@test("cli")
def supervised_it_fails_with_one_line():
    program = [str(binaries() / "nvidia-container-cli"), f"--root={SETUP.driver}", "configure", "--device=0:3"]
    outcome = run_container(Case(hook=["sh", "-c", AS_OCI_HOOK, "sh", *program]))
    check(outcome.exit != 0, "the container started")
    check_equal((outcome.record["exit"], outcome.record["stdout"]), (1, ""), "status and standard output")
    start = "nvidia-container-cli: device error: 0:3: unknown device (NVH-0202: this host has no MIG device). Try: "
    check(outcome.record["stderr"].startswith(start), outcome.record["stderr"])
    check_equal(outcome.record["after"], outcome.record["before"], "the container")
    check("unknown device" in Path("/run/oci-nvidia-hook/last-failure").read_text(), "no record of the failure")


@test("cli")
def without_options_there_is_the_control_device_alone():
    view = view_in_namespaces(apptainer(), rootless=False)
    check_equal(view.nodes(), {"/dev/nvidiactl": "195:255"}, "device nodes")
    check("libcuda.so.1" not in view.loader(), "libcuda.so.1 is in the loader cache")


@test("cli")
def what_is_left_out_is_not_there():
    options = ["--no-devbind", "--no-gsp-firmware", "--no-persistenced", "--no-fabricmanager", "--no-cntlibs"]
    view = view_in_namespaces(apptainer("--device=1", "--compute", "--utility", *options), rootless=False)
    check_equal(view.nodes(), {}, "device nodes")
    check_loader(view)
    targets = [mount[0] for mount in view.mounts()]
    check(not [target for target in targets if "firmware" in target], f"firmware is mounted: {targets}")


@test("cli")
def a_relative_root_file_system_is_below_the_working_directory():
    words = [word if word != "ROOTFS" else "rootfs" for word in apptainer("--device=1", "--compute", "--utility")]
    check_gpus(view_in_namespaces(words, rootless=False), [1])


@test("cli")
def the_debug_log_is_appended_to_and_tells_what_has_no_effect():
    log = SETUP.work / "cli.log"
    log.write_text("before\n")
    view = view_in_namespaces(["nvidia-container-cli", f"--debug={log}", *apptainer("--device=1", "--utility")[1:]], rootless=False)
    check_gpus(view, [1], compute=False)
    text = log.read_text()
    check(text.startswith("before\n"), "the log was emptied")
    check("without effect: --ldconfig" in text and "phase applying" in text, text[:2000])
    target = SETUP.work / "cli-target"
    link = SETUP.work / "cli-link"
    target.write_text("")
    link.symlink_to(target)
    check_equal(lines_of("-d", str(link), "list", "-b")[0], "/usr/bin/nvidia-smi", "list")
    check_equal(target.read_text(), "", "the log went through a link")
    done = cli("list", "-b", env={"NVC_DEBUG_FILE": "/dev/stderr"})
    check(done.returncode == 0 and "as nvidia-container-cli" in done.stderr, done.stderr)


@test("cli")
def a_directory_on_the_host_is_configured_where_it_is():
    """A root file system for chroot: the mounts stay, the host's mounts keep their propagation."""
    rootfs = copy_of_image()
    command = (
        'mount --make-shared "$0" 2>/dev/null || mount --bind "$0" "$0" && mount --make-shared "$0" && mount -t proc proc "$0/proc"'
        ' && mount -t tmpfs tmpfs "$0/proc/driver" && cp -a /proc/driver/nvidia "$0/proc/driver/"'
        ' && nvidia-container-cli "$1" configure --no-cgroups --device=0 --utility "$0"'
        ' && grep -F " $0 " /proc/self/mountinfo && chroot "$0" nvidia-smi -L'
    )
    try:
        done = run(["unshare", "--mount", "sh", "-c", command, rootfs, f"--root={SETUP.driver}"], env=environment())
    finally:
        shutil.rmtree(rootfs.parent)
    check_equal(done.returncode, 0, fail_text("chroot", done))
    check(" shared:" in done.stdout.splitlines()[0], f"the mount is no longer shared: {done.stdout}")
    check(f"(UUID: {UUID}0)" in done.stdout, done.stdout)


@test("cli")
def the_name_on_the_path_is_the_program():
    done = run(["nvidia-container-cli", "--version"], env=environment())
    check_equal(len(done.stdout.splitlines()), 7, done.stdout)
