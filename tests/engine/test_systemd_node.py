# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia node` on a host that a real systemd runs: the restart of the engine."""

from harness import SETUP, check, check_equal, fail_text, test
from systemd_host import systemd_host

UNIT = "/run/systemd/system/containerd.service"
SERVICE = "[Service]\nExecStart=/bin/sleep infinity\nRestart=no\n"
BROKEN = "[Service]\nExecStart=/bin/false\nRestart=no\n"
CONFIG = "/etc/containerd/config.toml"
# As in the container of the installer, whose manifest drops all.
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


def unit(host, text):
    host.path(UNIT).parent.mkdir(parents=True, exist_ok=True)
    host.path(UNIT).write_text(text)
    host.reload()


def node(host, *options, status=0):
    program = SETUP.hook.parent / "oci-nvidia"
    done = host.run(*WITHOUT_CAPABILITIES, program, "node", "--host-root", "/", "--engine", "containerd", *options)
    check_equal(done.returncode, status, fail_text("oci-nvidia node", done))
    return done.stderr


def main_pid(host):
    return host.systemctl("show", "--property", "MainPID", "containerd.service")


@test("systemd", "systemd-today")
def an_installer_has_systemd_restart_the_engine_when_its_configuration_has_changed():
    host = systemd_host()
    unit(host, SERVICE)
    host.systemctl("start", "containerd")
    first = main_pid(host)
    check("restarted containerd" in node(host, "--once"), "it does not say so")
    second = main_pid(host)
    check(second not in (first, "MainPID=0\n"), f"{first} {second}")
    check("restarted" not in node(host, "--once"), "a second run restarts it")
    check_equal(main_pid(host), second, "the engine after a second run")
    check("restarted containerd" in node(host, "--remove"), "--remove does not restart it")
    check(main_pid(host) not in (first, second, "MainPID=0\n"), "the engine after --remove")
    check(not host.path(CONFIG).exists(), "the configuration is there still")
    host.systemctl("stop", "containerd")


@test("systemd", "systemd-today")
def an_engine_that_does_not_come_back_is_told_and_tried_again():
    host = systemd_host()
    unit(host, SERVICE)
    host.systemctl("start", "containerd")
    unit(host, BROKEN)
    told = node(host, "--once", status=11)
    check("NVH-0111" in told and "restart containerd.service" in told, told)
    unit(host, SERVICE)
    host.systemctl("start", "containerd")
    check("restarted containerd" in node(host, "--once"), "the restart that is due is not made")
    node(host, "--remove")
    host.systemctl("stop", "containerd")


@test("systemd", "systemd-today")
def where_no_unit_runs_people_are_told():
    host = systemd_host()
    unit(host, SERVICE)
    told = node(host, "--once")
    check("restart containerd on this node" in told and "containerd.service is inactive" in told, told)
    node(host, "--remove")
