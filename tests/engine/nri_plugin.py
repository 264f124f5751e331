# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia nri` beside the tests' own containerd."""

import contextlib
import subprocess
import time

from cri_containerd import STATE, client
from harness import SETUP, check

SOCKET = "/var/run/nri/nri.sock"
LIMIT_S = 60


class Plugin:
    def __init__(self, *options, settings="", socket=SOCKET):
        self.config = SETUP.work / "nri.toml"
        self.config.write_text(settings + SETUP.config.read_text())
        self.log = STATE / "nri.log"
        self.log.write_text("")
        command = [SETUP.hook.parent / "oci-nvidia", "nri", "--config", self.config, "--hook", SETUP.hook, "--socket", socket, *options]
        with self.log.open("a") as output:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, words, times=1):
        deadline = time.monotonic() + LIMIT_S
        while self.text().count(words) < times:
            check(self.process.poll() is None and time.monotonic() < deadline, f"no {words!r}: {self.text()[-600:]}")
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=LIMIT_S)


@contextlib.contextmanager
def plugin(*options, settings=""):
    """A plugin that containerd has taken."""
    client()
    started = Plugin(*options, settings=settings)
    try:
        started.wait_for("serving ")
        yield started
    finally:
        if started.process.poll() is None:
            started.stop()
