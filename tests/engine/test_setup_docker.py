# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia setup docker --runtime`, and the real daemon takes what it wrote."""

import json

from docker_daemon import SIMULATED, daemon, reload_configuration, reload_until, run_docker, view_of
from expect import check_gpus
from harness import SETUP, check, check_equal, fail_text, run, test

RUNTIMES = "{{json .Runtimes}}"


def setup_docker(*words):
    done = run([SETUP.hook.parent / "oci-nvidia", "setup", "docker", *words])
    check(done.returncode in (0, 1), fail_text("oci-nvidia setup docker", done))


@test("docker")
def docker_knows_the_runtime_that_setup_registered():
    daemon()
    path = SETUP.work / "docker/daemon.json"
    text = json.dumps({"default-runtime": "simulated", "runtimes": SIMULATED}, indent=4)
    request = ("--runtime=nvidia", "-e", "NVIDIA_VISIBLE_DEVICES=1")
    try:
        path.write_text(text)
        reload_until(RUNTIMES, lambda told: '"nvidia"' not in told)
        check(run_docker(*request).returncode != 0, "Docker knows the runtime before")
        setup_docker("--runtime", "--config-file", path)
        reload_until(RUNTIMES, lambda told: '"nvidia"' in told)
        check_gpus(view_of(*request), [1])
        setup_docker("--undo", "--config-file", path)
        check_equal(path.read_text(), text, "daemon.json after --undo")
        reload_until(RUNTIMES, lambda told: '"nvidia"' not in told)
    finally:
        reload_configuration("simulated")
