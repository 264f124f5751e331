# SPDX-License-Identifier: Apache-2.0
"""crun since 1.23 leaves the device filter to systemd, as a file in bpffs; docs/device-permissions.md."""

import contextlib
import json

from bundle import HOOK_ENV
from harness import SETUP, check, check_equal, test
from systemd_container import CRUN, DROP_IN, started
from systemd_host import systemd_host
from test_systemd import SERVICE, install_sweep, strace

OURS = "/sys/fs/bpf/oci-nvidia-hook"
THEIRS = "/sys/fs/bpf/crun"
# What Podman gives to `crun update`: the devices of its own record, without those of hooks.
PODMANS_DEVICES = {"devices": [{"allow": False, "access": "rwm"}, {"allow": False, "access": "rwm"}]}


def pin_of(container):
    return container.host.path(f"{OURS}/{container.scope.replace('.', '+')}")


@contextlib.contextmanager
def by_crun(**options):
    with started(runtime=CRUN, **options) as container:
        yield container


@contextlib.contextmanager
def with_a_pin(**options):
    with by_crun(**options) as container:
        program = container.host.systemctl("show", "-p", "BPFProgram", container.scope)
        check(f"device:{THEIRS}/" in program, f"crun names no filter to systemd: {program}")
        check(pin_of(container).exists(), f"no filter of ours in {OURS}")
        yield container


@test("systemd-today")
def versions_are_shown():
    for program in ("systemctl", "crun"):
        print(systemd_host().must(program, "--version").splitlines()[0], flush=True)


@test("systemd-today")
def a_gpu_of_todays_crun_stays_over_daemon_reload():
    with with_a_pin() as container:
        container.check_access("before a reload")
        for number in (1, 2, 3):
            container.host.reload()
            container.check_access(f"after reload {number}")


@test("systemd-today")
def a_gpu_of_todays_crun_stays_over_daemon_reexec():
    with with_a_pin() as container:
        container.host.systemctl("daemon-reexec")
        container.check_access("after daemon-reexec")
        container.host.reload()
        container.check_access("after daemon-reexec and a reload")


@test("systemd-today")
def a_gpu_of_todays_crun_stays_over_property_changes():
    with with_a_pin() as container:
        container.host.systemctl("set-property", "--runtime", container.scope, "CPUWeight=50")
        container.check_access("after set-property")
        container.host.reload()
        container.check_access("after set-property and a reload")


@test("systemd-today")
def a_gpu_of_todays_crun_stays_over_podmans_update():
    """crun compares the devices with the filter that it pinned, which must be as it was."""
    with with_a_pin() as container:
        resources = SETUP.work / "resources.json"
        resources.write_text(json.dumps(PODMANS_DEVICES))
        container.host.must(*CRUN, "update", "--resources", resources, container.name)
        container.check_access("after crun update")
        container.host.reload()
        container.check_access("after crun update and a reload")


@test("systemd-today")
def without_the_drop_in_a_reload_takes_the_gpu_of_todays_crun():
    """What the drop-in is for, and that these tests would see a hook that leaves it out."""
    with with_a_pin() as container:
        container.host.path(container.drop_in).unlink()
        container.host.reload()
        container.check_access("after a reload without the drop-in", nodes="EPERM")


@test("systemd-today")
def another_containers_devices_are_not_given_by_a_reload():
    with with_a_pin() as first, with_a_pin() as second:
        first.host.reload()
        first.check_access("of the first after a reload")
        second.check_access("of the second after a reload")


@test("systemd-today")
def a_second_run_of_the_hook_pins_one_filter():
    def twice(config):
        config["hooks"]["createRuntime"] *= 2

    systemd_host().must(SETUP.hook, "remove-drop-ins")
    with with_a_pin(edit=twice) as container:
        names = sorted(path.name for path in pin_of(container).parent.iterdir())
        check_equal(names, [pin_of(container).name], f"names in {OURS}")
        container.host.reload()
        container.check_access("after a reload")


@test("systemd-today")
def a_reload_during_the_start_takes_nothing():
    """The first hook is before ours: systemd puts crun's filter back. The last is after ours, before the container starts."""

    def reload_around_the_hook(config):
        reload = {"path": "/bin/systemctl", "args": ["systemctl", "daemon-reload"], "env": HOOK_ENV}
        config["hooks"]["createRuntime"] = [reload, *config["hooks"]["createRuntime"], reload]

    with by_crun(edit=reload_around_the_hook) as container:
        check(pin_of(container).exists(), f"no filter of ours in {OURS}")
        container.check_access("after reloads during the start")


@test("systemd-today")
def what_was_pinned_goes_with_the_sweep():
    systemd_host().must(SETUP.hook, "remove-drop-ins")
    with with_a_pin() as container:
        done = container.host.must(SETUP.hook, "remove-drop-ins")
        check_equal(done, "", "removed while the container runs")
        container.check_access("after the sweep")
    done = container.host.must(SETUP.hook, "remove-drop-ins")
    check(f"removed {OURS}/" in done, f"the filter of a container that is gone stays: {done!r}")
    check(not pin_of(container).exists(), "the filter is still there")


@test("systemd-today")
def the_unit_removes_what_was_pinned_from_its_sandbox():
    host = systemd_host()
    install_sweep(host)
    host.reload()
    with with_a_pin() as container:
        host.systemctl("start", SERVICE)
        check(pin_of(container).exists(), "the filter of a running container was swept")
    check(pin_of(container).exists(), "systemd removed the filter: the unit would have nothing to do")
    host.systemctl("start", SERVICE)
    check(not pin_of(container).exists(), "the unit left the filter")


@test("systemd-today")
def what_a_killed_hook_pinned_goes_with_the_sweep():
    """Killed when it makes the drop-in, after the filter was pinned. The runtime then ends the container."""
    trace = SETUP.work / "kill-trace"
    with by_crun(hook=strace(trace, "trace=renameat2")):
        names = [line for line in trace.read_text().splitlines() if line.startswith("renameat2(")]
    number = 1 + next(at for at, line in enumerate(names) if f'"{DROP_IN}"' in line)
    kill = strace(trace, "trace=renameat2", f"inject=renameat2:signal=KILL:when={number}")
    with by_crun(hook=kill, fails=True) as container:
        pass
    check(pin_of(container).exists(), "the hook was killed before it pinned its filter")
    container.host.must(SETUP.hook, "remove-drop-ins")
    check(not pin_of(container).exists(), "the filter is still there")


@test("systemd-today")
def a_hook_that_fails_leaves_no_pin():
    def refused(config):
        config["process"]["env"] += ["NVIDIA_REQUIRE_CUDA=cuda>=99"]

    def fail_next(config):
        config["hooks"]["createRuntime"].append({"path": "/bin/false", "args": ["false"]})

    with by_crun(edit=refused, fails=True) as container:
        pass
    check(not pin_of(container).exists(), "a filter of a container that was refused")
    with by_crun(edit=fail_next, fails=True) as container:
        pass
    container.host.must(SETUP.hook, "remove-drop-ins")
    check(not pin_of(container).exists(), "a filter of a container that never started")


@test("systemd-today")
def a_filter_that_cannot_be_pinned_is_a_warning():
    """Another file system is mounted where the hook pins. The container starts; a reload takes the GPU."""
    host = systemd_host()
    log = SETUP.work / "hook.log"
    log.write_text("")
    host.must("mkdir", "-p", OURS)
    host.must("mount", "-t", "tmpfs", "tmpfs", OURS)
    try:
        with by_crun() as container:
            container.check_access("before a reload")
            check(not container.has_drop_in(), "a drop-in without a filter would open all devices")
    finally:
        host.must("umount", OURS)
    text = log.read_text()
    check("which cannot be replaced: " in text, f"no reason in the log:\n{text}")
    check("loses its GPUs at the next systemctl daemon-reload" in text, f"no warning:\n{text}")


@test("systemd-today")
def a_gpu_that_a_reload_took_from_todays_crun_is_granted_again_and_kept():
    with with_a_pin() as container:
        container.host.path(container.drop_in).unlink()
        container.host.reload()
        container.check_access("after a reload without the drop-in", nodes="EPERM")
        check("granted again" in container.regrant(), "granted nothing")
        container.check_access("after regrant")
        for number in (1, 2):
            container.host.reload()
            container.check_access(f"after regrant and reload {number}")
        check("nothing to do" in container.regrant(), "granted something twice")


@test("systemd-today")
def what_the_next_reload_would_take_is_kept():
    host = systemd_host()
    host.must("mkdir", "-p", OURS)
    host.must("mount", "-t", "tmpfs", "tmpfs", OURS)
    try:
        with by_crun() as container:
            host.must("umount", OURS)
            check("systemd would be told" in container.regrant("--dry-run", status=1), "no word of the reload")
            check("systemd was told" in container.regrant(), "systemd was not told")
            check("nothing to do" in container.regrant(), "systemd was told twice")
            host.reload()
            container.check_access("after regrant and a reload")
    finally:
        host.run("umount", OURS)


@test("systemd-today")
def a_gpu_that_podmans_update_took_is_granted_again():
    """crun with the cgroupfs manager replaces the filter by one of the devices that Podman passes."""
    resources = SETUP.work / "resources.json"
    resources.write_text(json.dumps(PODMANS_DEVICES))

    def without_a_scope(config):
        config["linux"]["cgroupsPath"] = "/test-regrant"

    with started(runtime=CRUN[:1], edit=without_a_scope) as container:
        container.check_access("before an update")
        container.host.must(*CRUN[:1], "update", "--resources", resources, container.name)
        container.check_access("after crun update", nodes="EPERM")
        check("granted again" in container.regrant(), "granted nothing")
        container.check_access("after regrant")


@test("systemd-today")
def the_drop_in_of_a_pin_names_our_filter():
    with with_a_pin() as container:
        text = container.host.path(container.drop_in).read_text()
        expected = f"[Scope]\nBPFProgram=\nBPFProgram=device:{OURS}/{pin_of(container).name}\n"
        check(text.endswith(expected), f"{DROP_IN}: {text!r}")
        check("DeviceAllow" not in text, "a DeviceAllow would add a filter that denies all else")
