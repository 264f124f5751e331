# SPDX-License-Identifier: Apache-2.0
"""`nvidia-container-runtime` and containers that exist: updates of their resources, and the runtime that made them."""

import contextlib
import json
import subprocess
from pathlib import Path

import shim
from bundle import bundle
from harness import SETUP, check, check_equal, run, test
from test_shim import case, name_of


def recorder(name):
    """A runtime that keeps its arguments and what it reads, in the place of one that applies them."""
    path = SETUP.work / name
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >"{path}.words"\ncat >"{path}.input"\n')
    path.chmod(0o755)
    return path


def told(path):
    return Path(f"{path}.words").read_text().splitlines(), Path(f"{path}.input").read_text()


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


@test("runc")
def an_update_of_containerds_takes_no_gpu():
    """containerd passes the device rules of its own record at every update, and crun applies them."""
    asked = {"devices": [{"allow": False, "access": "rwm"}], "memory": {}, "cpu": {"cpus": "0"}}
    record, root, file = recorder("record-update"), SETUP.work / "update-state", SETUP.work / "resources.json"
    file.write_text(json.dumps(asked))
    env = shim.environment(str(record))
    with running_in(root, case("1", args=["sleep", "100"])) as name:
        for words, text in ((["--resources=-"], json.dumps(asked)), (["--resources", file], ""), (["-r", "-"], json.dumps(asked))):
            done = run([shim.program(), "--root", root, "update", *words, name], input=text, env=env)
            check_equal(done.returncode, 0, done.stderr)
            seen, given = told(record)
            check_equal(seen, ["--root", str(root), "update", *(["--resources=-"] if len(words) == 1 else [words[0], "-"]), name], "arguments")
            given = json.loads(given)
            rules = {(rule.get("major"), rule.get("minor")) for rule in given["devices"][1:]}
            check({(195, 3), (195, 255)} <= rules and (195, 2) not in rules, f"rules: {given['devices']}")
            check_equal({**given, "devices": given["devices"][:1]}, asked, "all else")
        check_equal(json.loads(file.read_text()), asked, "the engine's file")


@test("runc")
def other_updates_are_passed_on_as_they_are():
    record, root = recorder("record-others"), SETUP.work / "others-state"
    env = shim.environment(str(record))

    def update(name, *words, text):
        done = run([shim.program(), "--root", root, "update", *words, name], input=text, env=env)
        check_equal(done.returncode, 0, done.stderr)
        check_equal(told(record), (["--root", str(root), "update", *words, name], text), f"{words}")

    with running_in(root, case("1", args=["sleep", "100"])) as name:
        update(name, "--cpuset-cpus", "0", text="")
        for text in ('{"cpu": {"cpus": "0"}}', "no JSON", '{"devices": {}}', ""):
            update(name, "--resources=-", text=text)
        update(name, "--resources", "/no/such/file", text="")
        update("no-such-container", "--resources=-", text='{"devices": [{"allow": false}]}')
    with running_in(root, case(None, args=["sleep", "100"])) as name:
        update(name, "--resources=-", text='{"devices": [{"allow": false}]}')


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
