# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia node` asks systemd to restart the engine: with the capabilities of the installer's container, which are none."""

from harness import SETUP, check, check_equal, test
from systemd_host import systemd_host

UNIT = "/run/systemd/system/containerd.service"
CONFIG = "/run/node/config.toml"
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


@test("systemd", "systemd-today")
def an_installer_restarts_the_engine():
    host = systemd_host()
    host.path("/run/systemd/system").mkdir(parents=True, exist_ok=True)
    host.path(UNIT).write_text("[Service]\nExecStart=/bin/sleep infinity\n")
    host.path("/run/node").mkdir()
    host.path(CONFIG).write_text("version = 2\n")
    host.reload()
    host.systemctl("start", "containerd.service")
    before = host.systemctl("show", "--property=MainPID", "containerd.service")
    program = [SETUP.hook.parent / "oci-nvidia", "node", "--host-root=/", "--owner=a/b", "--engine=containerd"]
    options = [f"--config-file={CONFIG}", "--directory=/run/node/programs", "--restart=systemd"]
    host.run("systemctl","log-level","debug")
    done = host.run(*WITHOUT_CAPABILITIES, *program, *options, "--once")
    print(host.run("sh","-c","journalctl --no-pager -n 60 | cut -c1-300; systemctl show --property=MainPID containerd.service").stdout)
    check_equal(done.returncode, 0, done.stderr)
    check("restarted containerd" in done.stderr, done.stderr)
    after = host.systemctl("show", "--property=MainPID", "containerd.service")
    check(before != after, f"{before} is still {after}")
    host.must(*program, "--remove", "--restart=systemd")
    check("oci-nvidia" not in host.path(CONFIG).read_text(), "it is left configured")
    host.systemctl("stop", "containerd.service")
