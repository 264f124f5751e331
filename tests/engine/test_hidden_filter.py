# SPDX-License-Identifier: Apache-2.0
"""Kernels that do not show device filters (net.core.bpf_jit_harden = 2): the hook makes them anew from config.json.

The device rules are generated: whatever runc and crun accept, the hook must find out what they made of it, or it could not grant
anything. What is attached afterwards is exactly what the runtime attached, with the hook's rules before it.
"""

import contextlib
import fcntl
import json
import os
import random
import struct
import sys
from pathlib import Path

import device_rules
from bundle import HOOK_ENV, Case, bundle, foreign_nodes
from command import GOOD, document
from harness import CGROUP_NAME, HERE, MINORS, SETUP, Skip, check, check_equal, fail_text, run, test
from systemd_container import CRUN, RUNC
from systemd_container import started as in_scope
from systemd_podman import by_podman
from test_old_kernel import refused

ENGINES = ("runc-cgroup2", "crun-cgroup2")
GPU = 1
SEED = 20221
GENERATED = 40 if SETUP.long else 12
RULE_SIZE, HEAD_SIZE = 4, 5  # instructions of the hook's own rules
HARDEN = Path("/proc/sys/net/core/bpf_jit_harden")
DEFAULT = [{"allow": False, "access": "rwm"}]
# What engines write, and what nobody should.
ODD = [
    DEFAULT,
    [],
    [{"allow": True, "access": "rwm"}],
    [{"allow": True, "type": "a", "access": "r"}],
    [*DEFAULT, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"}],
    [*DEFAULT, {"allow": True, "type": "c", "major": -1, "minor": -1, "access": "m"}],
    [*DEFAULT, {"allow": True, "type": "b", "access": "rwm"}, {"allow": False, "type": "b", "access": "w"}],
    [*DEFAULT, {"allow": True, "type": "c", "major": 195, "access": "rwm"}],
    [*DEFAULT, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "mr"}, *DEFAULT],
    [{"allow": True, "access": "rwm"}, {"allow": False, "type": "c", "major": 195, "access": "rwm"}],
    [*DEFAULT, {"allow": True, "type": "c", "minor": 7, "access": "rr"}],
    [*DEFAULT, {"allow": True, "type": "c", "major": 0, "minor": 0, "access": "rwm"}],
    [*DEFAULT, {"allow": True, "type": "b", "major": 4095, "minor": 1048575, "access": "w"}],
    [*DEFAULT, *({"allow": True, "type": "c", "major": 200, "minor": n, "access": "rw"} for n in range(300))],
]


def generated(number):
    source = random.Random(SEED + number)
    rules = list(DEFAULT) if source.random() < 0.7 else []
    for _ in range(source.randrange(1, 12)):
        rule = {"allow": source.random() < 0.7, "access": "".join(source.sample("rwm", source.randrange(1, 4)))}
        for name, values in (
            ("type", ["a", "b", "c", "c", "c"]),
            ("major", [-1, 0, 1, 5, 10, 136, 195, 4095]),
            ("minor", [-1, 0, 1, 3, 200, 229, 255, 1048575]),
        ):
            if source.random() < (0.95 if name == "type" else 0.8):
                rule[name] = source.choice(values)
        rules.append(rule)
    return rules


def runtime(*words):
    crun = [str(HERE / "keep-memlock"), "crun", "--cgroup-manager=cgroupfs"]
    return [*(crun if SETUP.engine.startswith("crun") else ["runc"]), *words]


@contextlib.contextmanager
def container(rules, nodes=(), edit=None, hook=None):
    """A container with these device rules: what the runtime said, its directory, and its name."""

    def change(config, directory):
        config["linux"]["resources"]["devices"] = rules
        config["linux"]["devices"] = list(nodes)
        config["linux"]["cgroupsPath"] = f"/{CGROUP_NAME}{directory.name}"
        words = [sys.executable, str(HERE / "dump_filters.py"), str(directory / "filters.json")]
        dumper = {"path": words[0], "args": words, "env": HOOK_ENV}
        config["hooks"].setdefault("createRuntime", []).insert(0, dumper)
        if edit:
            edit(config, directory)

    case = Case(str(GPU), mounts=[foreign_nodes()], args=["sleep", "1000"], edit=change, hook=hook)
    with bundle(case) as directory:
        name = f"{CGROUP_NAME}{directory.name}"
        with (directory / "log").open("w") as log:
            done = run_logged(runtime("run", "--detach", "--bundle", str(directory), name), log)
        try:
            yield done, directory, name
        finally:
            run(runtime("delete", "--force", name))


def run_logged(command, log):
    """What stays open with the container must be no pipe."""
    pid = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
        ],
    )
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def filters_now(name):
    directory = f"/sys/fs/cgroup/{name}"
    return [device_rules.instructions_of(one) for one in device_rules.attached_programs(directory)]


def check_extended(name, before, what):
    """The container has the runtime's filters, with rules of the hook before each, and nothing else has changed."""
    after = filters_now(name)
    check_equal(len(after), len(before), f"filters of {what}")
    for old, new in zip(before, after):
        added = len(new) - len(old)
        check(added > HEAD_SIZE and (added - HEAD_SIZE) % RULE_SIZE == 0, f"{added} instructions for {what}")
        check_equal(new[added:], old, f"the filter of {what}")


def check_gpu(name, what):
    paths = ["/dev/nvidiactl", f"/foreign/gpu{MINORS[GPU]}"]
    done = run(runtime("exec", name, "inspect", "open", *paths))
    check_equal([line.split()[-1] for line in done.stdout.splitlines()], ["ENXIO", "ENXIO"], f"GPU of {what}")


def starts_alone(rules, nodes):
    with container(rules, nodes, hook=[]) as (status, _, _):
        return status == 0


def tried(rules, nodes=()):
    """Starts a container. Whether its runtime takes such rules."""
    what = json.dumps(rules)[:400]
    with container(rules, nodes) as (status, directory, name):
        if status != 0:
            text = (directory / "log").read_text()[-500:]
            check(not starts_alone(rules, nodes), f"the hook refused {what}: {text}")
            return False
        before = json.loads((directory / "filters.json").read_text())
        check_extended(name, before, what)
        if before:
            check_gpu(name, what)
    return True


def try_all(call):
    lists = ODD + [generated(number) for number in range(GENERATED)]
    if not SETUP.long and call == "bpf-read":
        lists = lists[: len(ODD)]
    taken = []
    counts = refused("EPERM", (call,), lambda: taken.append(sum(tried(rules) for rules in lists)))
    check(taken[0] > len(lists) // 3, "runtimes took few of these rules")
    check(counts.get(call), "the hook never asked for a filter")


@test(*ENGINES)
def a_filter_that_is_hidden_is_made_anew_whatever_the_rules():
    try_all("bpf-hidden")


@test(*ENGINES)
def a_filter_that_may_not_be_read_is_made_anew_whatever_the_rules():
    try_all("bpf-read")


@test(*ENGINES)
def a_node_of_config_json_in_the_place_of_a_default_one_is_known():
    null = {"path": "/dev/null", "type": "c", "major": 1, "minor": 3}
    own = {"path": "/dev/zero", "type": "c", "major": 1, "minor": 8}
    rules = [*DEFAULT, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]
    refused("EPERM", ("bpf-hidden",), lambda: check(tried(rules, [null, own]), "the runtime refused"))


def changed_meanwhile(config, directory):
    """A hook before ours writes another config.json, by which everything is allowed."""
    other = directory / "other.json"
    copy = f"import shutil; shutil.copy({str(other)!r}, {str(directory / 'config.json')!r})"
    words = [sys.executable, "-c", copy]
    wide = json.loads(json.dumps(config))
    wide["linux"]["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    other.write_text(json.dumps(wide))
    config["hooks"]["createRuntime"].insert(1, {"path": words[0], "args": words, "env": HOOK_ENV})


@test(*ENGINES)
def a_config_json_that_the_filter_was_not_made_of_opens_nothing():
    def check_refusal():
        with container(DEFAULT, edit=changed_meanwhile) as (status, directory, _):
            text = (directory / "log").read_text()
            record = json.loads((directory / "record.json").read_text())
            check(status != 0, f"the container started: {text}")
            told = record["stderr"]
            check("NVH-0603" in told and "none that runc, crun or systemd makes of this container's" in told, told)

    refused("EPERM", ("bpf-hidden",), check_refusal)


@contextlib.contextmanager
def hardened_kernel():
    """The real setting, for a short time; other processes that want it wait."""
    if not SETUP.long:
        raise Skip("it changes the kernel of this machine for a moment, which tests beside it would notice; run --long alone")
    before = HARDEN.read_text().strip() if HARDEN.exists() else ""
    with Path("/run/oci-nvidia-test-harden.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            HARDEN.write_text("2\n")
        except OSError as error:
            raise Skip(f"net.core.bpf_jit_harden cannot be written here: {error.strerror}") from error
        try:
            yield
        finally:
            HARDEN.write_text(f"{before}\n")


@test(*ENGINES)
def a_hardened_kernel_does_not_take_the_gpu():
    with hardened_kernel():
        with container(DEFAULT) as (status, directory, name):
            check_equal(status, 0, (directory / "log").read_text()[-500:])
            check_gpu(name, "a container on a hardened kernel")
            log = (SETUP.work / "hook.log").read_text()
            check("is made anew from config.json" in log, log[-2000:])


# ---- in a systemd scope, where systemd's own filter is attached, too


def stays_over_reloads(runtime_words, prefix=()):
    with in_scope(runtime=runtime_words, prefix=prefix) as one:
        one.check_access("where the filter is hidden")
        one.host.reload()
        one.check_access("where the filter is hidden, after a reload")


@test("systemd", "systemd-today")
def a_gpu_in_a_scope_of_runc_is_granted_where_filters_are_hidden():
    refused("EPERM", ("bpf-hidden",), lambda: stays_over_reloads(RUNC))


@test("systemd-today")
def a_gpu_in_a_scope_of_crun_is_granted_where_filters_are_hidden():
    refused("EPERM", ("bpf-hidden",), lambda: stays_over_reloads(CRUN))


@test("systemd", "systemd-today")
def a_gpu_that_a_reload_took_is_granted_again_on_a_hardened_kernel():
    """systemd makes its filter anew; regrant and inspect find out what it is from the unit."""
    with in_scope(untold="gone") as one:
        one.host.must("rm", one.drop_in)
        with hardened_kernel():
            one.host.reload()
            one.check_access("after a reload without the drop-in", nodes="EPERM")
            told = one.oci_nvidia("inspect", status=3)
            check("denied by the device cgroup" in told, told)
            check("granted again" in one.regrant(), "granted nothing")
            one.check_access("after regrant")
            check("nothing to do" in one.regrant(), "granted something twice")


@test("podman-systemd-today", "podman-systemd-next")
def a_gpu_of_podman_stays_on_a_hardened_kernel():
    """What was loaded while the kernel was hardened stays hidden."""
    for runtime_name, manager in (("crun", "systemd"), ("runc", "systemd"), ("crun", "cgroupfs"), ("runc", "cgroupfs")):
        with contextlib.ExitStack() as stack:
            with hardened_kernel():
                one = stack.enter_context(by_podman(runtime_name, manager))
            one.check_access(f"of {runtime_name} with {manager}")
            one.host.reload()
            one.check_access(f"of {runtime_name} with {manager}, after a reload")
            check("nothing to do" in one.regrant(), "granted something twice")
            one.oci_nvidia("inspect")
