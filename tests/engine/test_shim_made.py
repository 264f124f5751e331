# SPDX-License-Identifier: Apache-2.0
"""`nvidia-container-runtime` and containers that exist: the runtime that made them."""

import contextlib
import subprocess

import shim
from bundle import bundle
from harness import SETUP, check_equal, run, test
from test_shim import case, name_of


@contextlib.contextmanager
def running_in(root, made, runtime="runc", options=()):
    """A container that the shim makes in a state directory of its own; its name."""
    with bundle(made) as directory:
        log = directory / "log"
        with log.open("w") as output:
            words = [shim.program(), "--root", root, *options, "run", "--detach", "--bundle", directory, name_of(directory)]
            streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            done = subprocess.run(list(map(str, words)), env=shim.environment(runtime), check=False, **streams)
        check_equal(done.returncode, 0, log.read_text())
        try:
            yield name_of(directory)
        finally:
            run([runtime, "--root", root, "delete", "--force", name_of(directory)], check=True)


@test("crun-cgroup2")
def a_container_is_stopped_by_the_runtime_that_made_it():
    """Also after a change of `runtimes`, which would leave it to a runtime that does not know it."""
    root = SETUP.work / "state-of-both"
    for made_by, configured, options in (("crun", "runc", ["--cgroup-manager=disabled"]), ("runc", "crun", [])):
        with running_in(root, case("1", args=["sleep", "100"]), made_by, options) as name:
            env = shim.environment(configured)
            for words in (["state"], ["kill", "KILL"]):
                done = run([shim.program(), "--root", root, words[0], name, *words[1:]], env=env)
                check_equal(done.returncode, 0, f"{words} of {made_by}'s container: {done.stderr}")
