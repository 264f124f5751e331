# SPDX-License-Identifier: Apache-2.0
"""Containers in a systemd scope keep their GPUs when systemd applies its own device policy again; docs/device-permissions.md."""

import re
import shutil
import stat

from bundle import HOOK_ENV, hook_words
from harness import HERE, SETUP, check, check_equal, test
from systemd_container import CONTENT, CRUN, DROP_IN, NODES, RUNC, WITH_MEMLOCK, started
from systemd_host import UNITS, systemd_host

SERVICE, TIMER = "oci-nvidia-drop-ins.service", "oci-nvidia-drop-ins.timer"


def transient():
    """What systemd's directory of transient units holds."""
    return sorted(path.name for path in systemd_host().path(UNITS).iterdir())


@test("systemd", "systemd-today")
def a_gpu_stays_over_daemon_reload():
    with started() as container:
        container.check_access("before a reload")
        container.host.reload()
        container.check_access("after a reload")
        container.host.reload()
        container.check_access("after two reloads")


@test("systemd", "systemd-today")
def a_gpu_stays_over_property_changes():
    with started() as container:
        for options, value in ((["--runtime"], "MemoryMax=1G"), ([], "CPUWeight=50")):
            container.host.systemctl("set-property", *options, container.scope, value)
            container.check_access(f"after set-property {value}")
            container.host.reload()
            container.check_access(f"after set-property {value} and a reload")
        check(not container.has_drop_in(), "a drop-in though systemd was told")


@test("systemd", "systemd-today")
def a_gpu_stays_over_runc_update():
    """`docker update`, CPU managers. This host may lack the controller, and then runc fails after it has told systemd."""
    with started() as container:
        container.host.must(*RUNC, "update", container.name)
        container.check_access("after an update of nothing")
        container.host.run(*RUNC, "update", "--cpu-share", "512", container.name)
        container.check_access("after an update")
        container.host.reload()
        container.check_access("after an update and a reload")


@test("systemd")
def a_second_run_of_the_hook_tells_systemd_nothing_new():
    def twice(config):
        config["hooks"]["createRuntime"] *= 2

    with started(edit=twice) as container:
        shown = container.host.systemctl("show", "-p", "DeviceAllow", container.scope)
        for number in NODES.values():
            check_equal(shown.count(f"/dev/char/{number} "), 1, f"{number} in {shown}")
        container.host.reload()
        container.check_access("after a reload")


@test("systemd")
def what_systemd_was_told_goes_with_the_unit():
    with started() as container:
        container.host.reload()
    check_equal(transient(), [], "units after the end and a reload")
    with started():
        pass
    check_equal(transient(), [], "units after the end")


# ---- where systemd cannot be told


@test("systemd", "systemd-today")
def a_drop_in_tells_a_systemd_that_could_not_be_told():
    for untold in ("gone", "deaf"):
        log = SETUP.work / "hook.log"
        log.write_text("")
        with started(untold=untold) as container:
            container.check_access("before a reload")
            check(f"was not told the devices of {container.scope}" in log.read_text(), "no warning")
            container.host.reload()
            container.check_access("after a reload")
            container.host.systemctl("set-property", "--runtime", container.scope, "CPUWeight=50")
            container.check_access("after a reload and set-property")


@test("systemd")
def without_being_told_a_reload_takes_the_gpu():
    """What all this is for."""
    with started(untold="gone") as container:
        container.host.must("rm", container.drop_in)
        container.check_access("before a reload")
        container.host.reload()
        container.check_access("after a reload without the drop-in", nodes="EPERM")


@test("systemd")
def a_gpu_that_a_reload_took_is_granted_again_and_kept():
    with started(untold="gone") as container:
        container.host.must("rm", container.drop_in)
        told = container.regrant("--dry-run", status=1)
        check("systemd would be told of them" in told, f"before the reload: {told}")
        container.host.reload()
        container.check_access("after a reload without the drop-in", nodes="EPERM")
        check("granted again" in container.regrant(), "granted nothing")
        container.check_access("after regrant")
        container.host.reload()
        container.check_access("after regrant and a reload")
        check("nothing to do" in container.regrant(), "granted something twice")


@test("systemd")
def inspect_sees_that_systemds_own_filter_allows_the_gpu():
    """After a reload none of the hook's own rules is in force, and nothing is lost."""
    with started() as container:
        container.host.reload()
        container.oci_nvidia("inspect")


@test("systemd")
def with_the_drop_in_alone_a_property_change_takes_the_gpu_until_the_next_reload():
    """A limit: systemd reads drop-ins at a reload only, and applies its whole policy with every property."""
    with started(untold="gone") as container:
        container.host.systemctl("set-property", "--runtime", container.scope, "CPUWeight=50")
        container.check_access("after set-property", nodes="EPERM")
        container.host.reload()
        container.check_access("after set-property and a reload")


@test("systemd", "systemd-today")
def a_gpu_stays_over_daemon_reexec():
    with started() as container:
        container.host.systemctl("daemon-reexec")
        container.check_access("after daemon-reexec")


@test("systemd", "systemd-today")
def devices_that_the_runtime_knows_stay_over_property_changes():
    """Devices of config.json (`--device`, CDI). runc before 1.1.7 tells systemd only of those with a link in /dev/char."""

    def allow(config):
        for number in NODES.values():
            major, minor = map(int, number.split(":"))
            rule = {"allow": True, "type": "c", "major": major, "minor": minor, "access": "rw"}
            config["linux"]["resources"]["devices"].append(rule)

    with started():
        pass  # makes the links
    with started(edit=allow) as container:
        container.host.systemctl("set-property", "--runtime", container.scope, "CPUWeight=50")
        container.check_access("after set-property before a reload")


@test("systemd", "systemd-today")
def another_container_takes_nothing():
    with started() as container:
        with started():
            container.check_access("while another runs")
        container.check_access("after another")


@test("systemd", "systemd-today")
def a_container_without_a_scope_is_not_systemds():
    """The cgroupfs driver."""

    def outside(config):
        name = config["linux"]["cgroupsPath"].split(":")[-1]
        config["linux"]["cgroupsPath"] = f"/outside/{name}"

    with started(runtime=("runc",), edit=outside) as container:
        container.host.reload()
        container.check_access("after a reload")
        check(not container.has_drop_in(), "a drop-in for a scope that there is not")


@test("systemd")
def the_drop_in_is_roots_and_goes_with_the_unit_after_a_reload():
    with started(untold="gone") as container:
        drop_in = container.host.path(container.drop_in)
        check_equal(drop_in.read_text(), CONTENT, "the drop-in")
        status = drop_in.stat()
        seen = (status.st_uid, status.st_gid, oct(stat.S_IMODE(status.st_mode)))
        check_equal(seen, (0, 0, "0o644"), "its owner and mode")
        files = sorted(path.name for path in drop_in.parent.iterdir())
        check_equal(
            files, ["50-DeviceAllow.conf", "50-DevicePolicy.conf", DROP_IN], "files of the scope"
        )
        container.host.reload()
        shown = container.host.systemctl("show", "-p", "DropInPaths", container.scope)
        check(container.drop_in in shown, f"systemd did not read it: {shown}")
    check_equal(transient(), [], "units after the end")


def install_sweep(host):
    shutil.copy(SETUP.hook, host.path("/usr/bin/oci-nvidia-hook"))
    for name in (SERVICE, TIMER):
        file = HERE.parents[1] / "systemd" / (name if name == TIMER else f"{name}.in")
        text = file.read_text().replace("@CMAKE_INSTALL_FULL_BINDIR@", "/usr/bin")
        host.path(f"/etc/systemd/system/{name}").write_text(text)


def sweep(host):
    return host.must(SETUP.hook, "remove-drop-ins")


@test("systemd")
def without_a_reload_the_unit_removes_the_drop_in_from_its_sandbox():
    host = systemd_host()
    install_sweep(host)
    host.reload()
    with started(untold="gone") as first:
        host.systemctl("start", SERVICE)
        check(first.has_drop_in(), "the drop-in of a running container was swept")
    check_equal(transient(), [f"{first.scope}.d"], "units after the end")
    with started() as second:
        check_equal(
            transient(),
            sorted([f"{first.scope}.d", second.scope, f"{second.scope}.d"]),
            "units of the next, which sweeps nothing",
        )
    host.systemctl("start", SERVICE)
    check_equal(transient(), [], "units after the sweep")


@test("systemd")
def the_timer_of_the_sweep_is_started_with_the_device_nodes():
    host = systemd_host()
    install_sweep(host)
    host.reload()
    text = (HERE.parents[1] / "systemd/oci-nvidia-devices.service.in").read_text()
    check(f"Wants={TIMER}" in text, "nothing starts the timer")
    host.systemctl("start", TIMER)
    shown = host.systemctl("show", "--property", "Triggers,ActiveState", TIMER).split()
    check_equal(sorted(shown), ["ActiveState=active", f"Triggers={SERVICE}"], "the timer")
    host.systemctl("stop", TIMER)


@test("systemd")
def the_sweep_takes_only_what_is_ours():
    host = systemd_host()
    foreign = host.path(f"{UNITS}/gone.scope.d")
    foreign.mkdir()
    (foreign / "10-admin.conf").write_text("[Scope]\n")
    (foreign / DROP_IN).write_text(CONTENT)
    with started(untold="gone") as running:
        host.path(f"{running.directory}/10-admin.conf").write_text("[Scope]\nCPUWeight=50\n")
        told = sweep(host)
        check_equal(told, f"removed {UNITS}/gone.scope.d/{DROP_IN}\n", "what is told")
        names = sorted(path.name for path in foreign.iterdir())
        check_equal(names, ["10-admin.conf"], "gone.scope.d")
        check(running.has_drop_in(), "the drop-in of a running container was swept")
        admins = host.path(f"{running.directory}/10-admin.conf")
        check(admins.exists(), "a foreign drop-in is gone")
        host.reload()
        running.check_access("after a reload")
    shutil.rmtree(foreign)


@test("systemd")
def a_scope_whose_devices_systemd_does_not_restrict_gets_no_drop_in():
    def allow_all(config):
        config["linux"]["resources"]["devices"] = [{"allow": True, "access": "rwm"}]

    with started(edit=allow_all) as container:
        check(container.host.path(container.directory).exists(), "runc wrote no properties")
        check(not container.has_drop_in(), "a drop-in would restrict what was not restricted")
        container.host.reload()
        paths = [*NODES, "/foreign/gpu0"]
        check_equal(container.opened(*paths), dict.fromkeys(paths, "ENXIO"), "all nodes")


@test("systemd")
def links_for_older_systemd_are_made_and_never_changed():
    host = systemd_host()
    links = host.path("/dev/char")
    shutil.rmtree(links, ignore_errors=True)
    links.mkdir()
    (links / "195:255").symlink_to("../elsewhere")
    with started():
        seen = {path.name: str(path.readlink()) for path in links.iterdir()}
    expected = {number: f"..{path.removeprefix('/dev')}" for path, number in NODES.items()}
    check_equal(seen, expected | {"195:255": "../elsewhere"}, "/dev/char")
    (links / "195:255").unlink()


def faults_of_the_drop_in():
    """[`call number`] of what the hook does for the drop-in, from one run that succeeds."""
    trace = SETUP.work / "systemd-trace"
    calls = ["mkdirat", "openat2", "write", "renameat2"]
    with started(hook=strace(trace, f"trace={','.join(calls)}"), untold="gone"):
        lines = [line for line in trace.read_text().splitlines() if line.split("(")[0] in calls]
    ours = re.compile(rf'"\.{re.escape(DROP_IN)}\.\w+"|"# Made by oci-nvidia-hook')
    faults, counts = [], dict.fromkeys(calls, 0)
    for line in lines:
        call = line.split("(")[0]
        counts[call] += 1
        if ours.search(line):
            faults.append(f"{call} {counts[call]}")
    return faults


def strace(trace, *expressions):
    options = [word for expression in expressions for word in ("-e", expression)]
    return ["/usr/bin/strace", "-qq", "-o", str(trace), *options, *hook_words()]


@test("systemd")
def a_drop_in_that_cannot_be_written_is_a_warning():
    faults = faults_of_the_drop_in()
    check_equal([fault.split()[0] for fault in faults], ["openat2", "write", "renameat2"], "calls")
    for fault in faults:
        call, number = fault.split()
        log = SETUP.work / "hook.log"
        log.write_text("")
        inject = [f"trace={call}", f"inject={call}:error=EIO:when={number}"]
        hook = strace(SETUP.work / "systemd-trace", *inject)
        with started(hook=hook, untold="gone") as container:
            names = sorted(path.name for path in container.host.path(container.directory).iterdir())
            systemds = ["50-DeviceAllow.conf", "50-DevicePolicy.conf"]
            check_equal(names, systemds, f"files after {fault}")
            container.check_access("before a reload")
        text = log.read_text()
        warning = "a drop-in cannot be written: Input/output error; the container loses"
        check(re.search(warning, text), f"no warning for {fault}:\n{text}")


@test("systemd")
def a_hook_that_fails_leaves_no_drop_in():
    before = transient()
    for number in (1, 2):
        inject = ["trace=bpf", f"inject=bpf:error=EIO:when={number}+"]
        hook = strace(SETUP.work / "systemd-trace", *inject)
        with started(hook=hook, fails=True) as container:
            check("NVH-06" in container.told, f"another failure: {container.told}")
        check_equal(transient(), before, f"units after bpf call {number} failed")


@test("systemd")
def a_container_that_fails_after_the_hook_leaves_nothing_for_long():
    def fail_next(config):
        false = {"path": "/bin/false", "args": ["false"]}
        config["hooks"]["createRuntime"].append(false)

    with started(edit=fail_next, fails=True, untold="gone") as failed:
        pass
    sweep(systemd_host())
    check(not failed.has_drop_in(), "its drop-in was not swept")


@test("systemd")
def crun_tells_systemd_nothing_of_devices():
    """crun 1.8.1, so there is nothing to keep; it puts the container into a cgroup below its scope, with rules of its own."""
    with started(runtime=CRUN, prefix=WITH_MEMLOCK) as container:
        shown = container.host.systemctl("show", "-p", "DevicePolicy", container.scope).strip()
        check_equal(shown, "DevicePolicy=auto", "what systemd knows")
        check(not container.has_drop_in(), "a drop-in would restrict what was not restricted")
        container.check_access("before a reload")
        container.host.reload()
        container.check_access("after a reload")


@test("systemd")
def a_gpu_of_a_cgroup_below_a_restricted_scope_stays_over_daemon_reload():
    """crun, after whose scope systemd restricts devices."""

    def restrict(config):
        scope = "-".join(config["linux"]["cgroupsPath"].split(":")[1:]) + ".scope"
        words = ["systemctl", "set-property", "--runtime", scope, "DevicePolicy=closed"]
        hook = {"path": "/usr/bin/systemctl", "args": words, "env": HOOK_ENV}
        config["hooks"]["createRuntime"].insert(0, hook)

    with started(runtime=CRUN, prefix=WITH_MEMLOCK, edit=restrict) as container:
        container.check_access("before a reload")
        container.host.reload()
        container.check_access("after a reload")
