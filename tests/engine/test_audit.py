# SPDX-License-Identifier: Apache-2.0
"""The record of each decision: in a file, in the journal, and none by default."""

import contextlib
import json
import socket
from pathlib import Path

import shim
from bundle import Case, bundle, run_container
from expect import check_started
from harness import CGROUP_NAME, SETUP, check, check_equal, run, test

JOURNAL = Path("/run/systemd/journal/socket")


def config(destination):
    return f'audit = "{destination}"\n' + SETUP.config.read_text()


@contextlib.contextmanager
def journal():
    """The socket of systemd's journal on this simulated host, which has a /run of its own."""
    JOURNAL.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(JOURNAL))
        listening.setblocking(False)
        try:
            yield listening
        finally:
            JOURNAL.unlink()
            JOURNAL.parent.rmdir()
            JOURNAL.parent.parent.rmdir()


def heard(listening):
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            lines = listening.recv(65536).decode().splitlines()
            found.append(dict(line.split("=", 1) for line in lines))
    return found


@test("runc")
def audit_takes_down_each_container_that_asks():
    path = SETUP.work / "audit.jsonl"
    check_started(run_container(Case("0,1", config=config(path))))
    check_started(run_container(Case(config=config(path))))  # asks for nothing
    refused = run_container(Case("77", config=config(path)))
    check(refused.exit != 0, "a container with an unknown GPU has started")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.unlink()
    seen = [(line["caller"], line["devices"], line["result"], line["code"]) for line in lines]
    check_equal(seen, [("hook", "0,1", "done", ""), ("hook", "77", "refused", "NVH-0202")], "records")
    check_equal(lines[0]["capabilities"], "compute,utility", "capabilities")
    check(lines[0]["container"] and int(lines[0]["microseconds"]) > 0, lines[0])


@test("runc")
def audit_names_who_asked():
    """Podman's stage before the container exists; the shim, and the hook that it adds, which does the rest."""
    path = SETUP.work / "audit.jsonl"
    settings = SETUP.work / "audit.toml"
    settings.write_text(config(path) + '[nvidia-container-runtime]\nruntimes = ["runc"]\n')
    environment = {**shim.environment(), "NVIDIA_CTK_CONFIG_FILE_PATH": str(settings)}
    with bundle(Case("1", hook=[])) as directory:
        text = (directory / "config.json").read_text()
        done = run([SETUP.hook, f"-config={settings}", "precreate"], input=text, cwd=directory)
        check_equal(done.returncode, 0, done.stderr)
        name = f"{CGROUP_NAME}{directory.name}"
        done = run([shim.program(), "run", "--bundle", directory, name], env=environment)
        check_equal(done.returncode, 0, done.stderr)
    seen = [json.loads(line) for line in path.read_text().splitlines()]
    path.unlink()
    settings.unlink()
    records = [(one["caller"], one["container"], one["devices"], one["result"]) for one in seen]
    expected = [("precreate", "", "1", "done"), ("runtime", "", "1", "done"), ("hook", name, "1", "done")]
    check_equal(records, expected, "records")


@test("runc")
def audit_goes_to_the_journal():
    with journal() as listening:
        check_started(run_container(Case("1")))
        check_equal(heard(listening), [], "records by default")
        check_started(run_container(Case("1", config=config("journal"))))
        records = heard(listening)
    check_equal([one["NVH_DEVICES"] for one in records], ["1"], "devices")
    check_equal((records[0]["NVH_AUDIT"], records[0]["NVH_RESULT"]), ("1", "done"), "version and result")


@test("runc")
def audit_that_cannot_be_written_starts_the_container_all_the_same():
    for destination in ("/nonexistent/audit", "/dev/full", "journal"):
        check_started(run_container(Case("1", config=config(destination))))
