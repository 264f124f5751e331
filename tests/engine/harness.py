# SPDX-License-Identifier: Apache-2.0
"""Registers the engine tests, runs them, and checks around each that the host is as it was."""

import dataclasses
import os
import re
import secrets
import shutil
import stat
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
SIMULATED_HOST = HERE.parent / "simulated_host"
SIMULATE = [sys.executable, "-S", SIMULATED_HOST / "simulate"]  # without the modules of others it starts sooner
PROCFS_HOOK = SIMULATED_HOST / "procfs-hook"

# What the cgroup of each of our containers begins with. No process number: those of two PID
# namespaces are the same, and a run that was killed leaves its cgroups behind.
CGROUP_NAME = f"oci-nvidia-test-{secrets.token_hex(4)}-"
ENGINE_CGROUP = f"/{CGROUP_NAME}engine"
KEPT_CGROUPS = (ENGINE_CGROUP, f"{ENGINE_CGROUP}/buildkit")  # by an engine, as long as it runs
UUID = "GPU-12345678-1234-1234-1234-12345678000"  # and the index
MINORS = [2, 3, 0, 1, 6, 7, 4, 5]  # of the simulated GPUs, by index
BUSES = ["07", "0f", "47", "4e", "87", "90", "b7", "bd"]


class Skip(Exception):
    """The test cannot run here: what is lacking, and how to supply it."""


@dataclasses.dataclass
class Setup:
    """What a process that runs tests was given."""

    name: str = ""  # of tests/engine/run --engine
    engine: str = ""  # whose tests run
    hook: Path = Path()
    hook_definition: Path = Path()
    driver: Path = Path()
    rootfs: Path = Path()
    work: Path = Path()
    disk: Path = Path()
    version: str = ""
    real_driver: bool = False
    other_driver: Path = Path()  # of another Debian than `driver`, where two are compared
    tree: Path = Path()  # another Debian, which is the host or whose systemd starts it
    races: int = 20  # runs of each live race
    long: bool = False  # try everything, not only a selection
    manifests: dict = dataclasses.field(default_factory=dict)  # of the installer, by file name, where `engine` is
    wrapper: list = dataclasses.field(default_factory=list)  # a command that runs the hook
    sources: list = dataclasses.field(default_factory=list)  # more that a container may be given

    @property
    def config(self):
        """A configuration whose driver root is the one of this process."""
        path = self.work / "config.toml"
        if not path.exists():
            path.write_text(
                f'[nvidia-container-cli]\nroot = "{self.driver}"\ndebug = "{self.work}/hook.log"\n'
            )
        return path


SETUP = Setup()


def shared_paths(setup):
    """What a host in a tree of its own sees of this machine."""
    return {setup.driver.parent, setup.rootfs.parent, setup.hook.parent, HERE.parents[1]}


@dataclasses.dataclass
class Test:
    engines: tuple
    function: object
    cases: tuple  # of hostile.CASES
    cves: tuple  # of hostile.CVES
    rarely: tuple  # engines that run it only with --long

    def is_for(self, setup):
        given = (*self.engines, *self.rarely) if setup.long else self.engines
        return bool({setup.engine, setup.name} & set(given))

    @property
    def title(self):
        return self.function.__name__.replace("_", " ")

    @property
    def marks(self):
        """What the summary counts by."""
        return "".join([*(f" [case {n}]" for n in self.cases), *(f" [{cve}]" for cve in self.cves)])


TESTS = []


def test(*engines, cases=(), cves=(), rarely=()):
    """Registers a test function for these engines; its name is the behaviour. `cases` and `cves` are what it covers of
    hostile.py; `rarely` are engines that run it only with --long, because it takes long and finds there what it finds here."""

    def register(function):
        TESTS.append(Test(engines, function, cases, cves, rarely))
        return function

    return register


def run(command, **options):
    """subprocess.run with captured text, no input, and a limit."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=120, **options
    )


def fail_text(what, done):
    return f"{what} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}"


def require_program(name, supply="scripts/test --engines installs it"):
    if shutil.which(name) is None:
        raise Skip(f"{name} is not installed; {supply}")


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def check_equal(seen, expected, what):
    if seen == expected:
        return
    text = f"{what}:\n      expected {expected}\n      seen     {seen}"
    if isinstance(seen, (list, set, tuple)) and isinstance(expected, (list, set, tuple)):
        try:
            extra, missing = sorted(set(seen) - set(expected)), sorted(set(expected) - set(seen))
            text = f"{what}:\n      missing    {missing}\n      unexpected {extra}"
            if not missing and not extra:
                text = f"{what}: other order\n      expected {expected}\n      seen     {seen}"
        except TypeError:
            pass
    raise AssertionError(text)


def tree_state(top):
    """Every name below `top` with what identifies its state; mounts are not entered."""
    device = os.lstat(top).st_dev
    state = []
    for directory, names, files in os.walk(top):
        names[:] = [n for n in names if os.lstat(os.path.join(directory, n)).st_dev == device]
        for name in names + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            link = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
            state.append(
                (
                    path,
                    status.st_mode,
                    status.st_uid,
                    status.st_gid,
                    status.st_rdev,
                    status.st_mtime_ns,
                    status.st_size if not stat.S_ISDIR(status.st_mode) else 0,
                    link,
                )
            )
    return sorted(state)


def cgroups_of_tests():
    """Of this process's containers; those that an engine keeps for all of its own go with the engine."""
    found = [directory for directory, _, _ in os.walk("/sys/fs/cgroup") if CGROUP_NAME in directory]
    return sorted(directory for directory in found if not directory.endswith(KEPT_CGROUPS))


def mount_table():
    """The mount table, without what an engine mounts in its own storage, and the root file systems of boxes (box.py)."""
    roots = re.compile(rf" {SETUP.work}/{CGROUP_NAME}box-\d+/rootfs ")
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if f" {SETUP.disk}/" not in line and not roots.search(line)]


def canary():
    """A directory of the host that hostile images aim at; nothing may ever change in it."""
    directory = SETUP.work / "canary"
    if not directory.exists():
        (directory / "below").mkdir(parents=True)
        (directory / "secret").write_text("of the host\n")
    return directory


def canary_state():
    """What shows even a change that was taken back: nobody can set the time of an inode's last change."""
    directory = canary()
    paths = [directory, *sorted(directory.rglob("*"))]
    return tree_state(directory), [(str(path), path.lstat().st_ctime_ns) for path in paths]


def host_state():
    """What must be the same before and after every test, whether the hook succeeds or fails."""
    return {
        "mount table": mount_table(),
        "driver files": tree_state(SETUP.driver),
        "configuration": tree_state("/etc"),
        "canary": canary_state(),
        "device nodes": [entry[:6] for entry in tree_state("/dev") if "/pts" not in entry[0]],
        "procfs of the driver": tree_state("/proc/driver"),
        "cgroups": cgroups_of_tests(),
    }


def run_one(function, before):
    """`before` is the state of the host, which is the state after it, too: it is returned."""
    function()
    after = host_state()
    for what, state in before.items():
        check_equal(after[what], state, f"{what} of the host changed")
    return after


def run_tests(pattern):
    """Runs the tests of this engine; one line each. Returns whether none failed."""
    good = True
    state = None  # of the host, before a test
    for one in TESTS:
        title = one.title + one.marks
        if not one.is_for(SETUP) or pattern not in title:
            continue
        started = time.monotonic()
        try:
            state = run_one(one.function, state or host_state())
            verdict, detail = "PASS", f" ({time.monotonic() - started:.1f} s)"
        except Skip as reason:
            state = None
            verdict, detail = "SKIP", f": {reason}"
        except Exception as error:  # pylint: disable=broad-except
            good, state = False, None
            verdict, detail = "FAIL", "\n    " + str(error).replace("\n", "\n    ")
            if not isinstance(error, AssertionError):
                detail += "\n" + traceback.format_exc()
        print(f"{verdict} {SETUP.name}: {title}{detail}", flush=True)
    return good


def fail(message):
    sys.exit(f"tests/engine/run: {message}")
