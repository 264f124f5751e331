# SPDX-License-Identifier: Apache-2.0
"""Starts containers with runc or, if that is impossible, with namespaces made here; if there are
none, asks the hook for its plan."""

import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import kernel

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HOOK_ENV = {"PATH": PATH.partition("=")[2]}
NODES = ("null", "zero", "full", "random", "urandom", "tty")
LIMIT_S = 120
TOO_LONG = 124  # exit status of a command that was ended for its time, as of timeout(1)
numbers = itertools.count(1)


@dataclasses.dataclass
class Request:
    """One container. With `devices` None there is no request and no hook."""

    devices: str = None
    capabilities: str = "compute,utility"
    script: str = "true"
    wrapper: list = dataclasses.field(default_factory=list)  # command words before the hook's


@dataclasses.dataclass
class Outcome:
    exit: int
    output: str
    errors: str
    hook_ns: int = None  # None: the hook did not run

    @property
    def why(self):
        return " ".join((self.errors or self.output).split())[-400:] or f"exit status {self.exit}"


class Launcher:
    """Common to all ways: a root file system for each container, and the hook's command."""

    leaves_cgroups_alone = True
    stage = ("createRuntime",)
    timed_hook = "in real container starts"

    def __init__(self, work, rootfs, programs, hook, hook_before, driver_root):
        self.work, self.rootfs, self.programs = work, rootfs, programs
        self.hook, self.hook_before, self.driver_root = hook, hook_before, driver_root

    def prepare(self, request):
        directory = self.work / f"bundle-{next(numbers)}"
        root = directory / "rootfs"
        root.mkdir(parents=True)
        try:
            for name in ("upper", "work"):
                (directory / name).mkdir()
            options = f"lowerdir={self.rootfs},upperdir={directory}/upper,workdir={directory}/work"
            kernel.mount("overlay", root, "overlay", 0, options)
        except OSError:
            shutil.copytree(self.rootfs, root, symlinks=True, dirs_exist_ok=True)
            kernel.bind(root, root)
        (root / "verify").mkdir(exist_ok=True)
        self.write_configs(directory, request)
        return directory

    def write_configs(self, directory, request):
        config = self.config(directory, request)
        (directory / "config.json").write_text(json.dumps(config))
        no_cgroups = "true" if self.leaves_cgroups_alone else "false"
        (directory / "hook.toml").write_text(
            f'[nvidia-container-cli]\nroot = "{self.driver_root}"\nno-cgroups = {no_cgroups}\n'
        )

    def hook_words(self, directory, request):
        hook = [str(self.hook), f"-config={directory}/hook.toml", *self.stage]
        return [str(self.programs / "timed"), str(directory / "time"), *request.wrapper, *hook]

    def hooks(self, directory, request):
        """Returns the commands, in order."""
        if request.devices is None:
            return []
        before = [[str(self.hook_before), str(directory / "rootfs")]] if self.hook_before else []
        return [*before, self.hook_words(directory, request)]

    def run(self, request):
        directory = self.prepare(request)
        try:
            outcome = self.start(directory, request)
            times = directory / "time"
            if times.exists():
                outcome.hook_ns = int(times.read_text().split()[0])
            return outcome
        finally:
            kernel.unmount(directory / "rootfs")
            shutil.rmtree(directory, ignore_errors=True)

    def environment(self, request):
        if request.devices is None:
            return [PATH]
        return [
            PATH,
            f"NVIDIA_VISIBLE_DEVICES={request.devices}",
            f"NVIDIA_DRIVER_CAPABILITIES={request.capabilities}",
        ]


class Runc(Launcher):
    def __init__(self, runc, rootless, *arguments):
        super().__init__(*arguments)
        self.runc = str(runc)
        self.leaves_cgroups_alone = rootless
        self.name = f"runc ({self.runc})"

    def config(self, directory, request):
        command = [self.runc, "spec", "--bundle", str(directory)]
        subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_S)
        config = json.loads((directory / "config.json").read_text())
        process = config["process"]
        process["terminal"] = False
        process["args"] = ["/bin/sh", "-c", request.script]
        process["env"] = self.environment(request)
        # For making nodes by number: the device cgroup must refuse them, not a missing capability.
        for kind in ("bounding", "effective", "permitted"):
            process["capabilities"].setdefault(kind, []).append("CAP_MKNOD")
        config["root"]["readonly"] = False
        config["mounts"].append(
            {
                "destination": "/verify",
                "type": "bind",
                "source": str(self.programs),
                "options": ["bind", "ro"],
            }
        )
        config["hooks"] = {
            "createRuntime": [
                {"path": words[0], "args": words, "env": [PATH]}
                for words in self.hooks(directory, request)
            ]
        }
        return config

    def start(self, directory, request):
        runc = [self.runc, "--root", str(self.work / "runc")]
        name = f"oci-nvidia-verify-{os.getpid()}-{directory.name}"
        outcome = finished([*runc, "run", "--bundle", str(directory), name])
        if outcome.exit == TOO_LONG:
            finished([*runc, "delete", "--force", name])
        return outcome


class Bare(Launcher):
    """Makes namespaces as runc does, and calls the hook as runc does, with the same state."""

    name = "namespaces made by this program (no runc)"
    root_path = "rootfs"

    def config(self, directory, request):
        return {
            "ociVersion": "1.0.2",
            "process": {
                "args": ["/bin/sh", "-c", request.script],
                "env": self.environment(request),
                "cwd": "/",
                "user": {"uid": 0, "gid": 0},
            },
            "root": {"path": self.root_path, "readonly": False},
            # mount_container() does this instead of a runtime.
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            ],
            "linux": {"namespaces": [{"type": name} for name in ("mount", "pid", "ipc", "uts")]},
        }

    def start(self, directory, request):
        told, tell = os.pipe()
        wait, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(told)
            os.close(go)
            command = (request.script, self.environment(request))
            container_process(directory, self.programs, command, tell, wait)
        os.close(tell)
        os.close(wait)
        try:
            failure = self.run_hooks(directory, request, told)
            if failure is None:
                os.write(go, b"1")
        finally:
            os.close(told)
            os.close(go)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if failure is not None:
            return failure
        texts = [(directory / name).read_text(errors="replace") for name in ("output", "errors")]
        return Outcome(status, *texts)

    def run_hooks(self, directory, request, told):
        """Returns None, or the outcome if the container could not be made or its hook failed."""
        with os.fdopen(os.dup(told), encoding="utf-8") as lines:
            first, second = lines.readline().strip(), lines.readline().strip()
        if second != "ready":
            return Outcome(1, "", first if not first.isdigit() else second)
        for words in self.hooks(directory, request):
            done = finished(words, state_text(directory, int(first)), HOOK_ENV)
            if done.exit != 0:
                return done
        return None


class PlanOnly(Bare):
    """No container: the hook prints what it would do (--dry-run). The output is its plan."""

    name = "nothing; the hook only plans (--dry-run)"
    stage = ("-dry-run", "createRuntime")
    timed_hook = "making and printing its plan, doing nothing"

    @property
    def root_path(self):
        return str(self.rootfs)

    def run(self, request):
        directory = self.work / f"bundle-{next(numbers)}"
        directory.mkdir()
        self.write_configs(directory, request)
        words = self.hook_words(directory, request)
        outcome = finished(words, state_text(directory, os.getpid()), HOOK_ENV)
        outcome.hook_ns = int((directory / "time").read_text().split()[0])
        shutil.rmtree(directory)
        return outcome


def state_text(directory, pid):
    """Returns the state that a runtime passes to its hooks."""
    state = {"ociVersion": "1.0.2", "id": directory.name, "status": "creating"}
    return json.dumps({**state, "pid": pid, "bundle": str(directory)})


def finished(command, text=None, environment=None):
    try:
        done = subprocess.run(
            command,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(TOO_LONG, "", f"not at its end after {LIMIT_S} s")
    except OSError as error:
        return Outcome(127, "", str(error))
    return Outcome(done.returncode, done.stdout, done.stderr)


def container_process(directory, programs, command, tell, wait):
    """The container's side: makes its namespaces, then runs its first process. Prints its pid and
    `ready`, or what failed. Does not return."""
    try:
        namespaces = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID
        kernel.unshare(namespaces | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS)
        child = os.fork()
        if child != 0:
            os.close(tell)
            os.close(wait)
            os._exit(ended(child))
        root = directory / "rootfs"
        # The pid that the hook will see; /proc is still the one outside.
        os.write(tell, os.readlink("/proc/self").encode() + b"\n")
        mount_container(root, programs)
        outputs = [
            os.open(directory / name, os.O_WRONLY | os.O_CREAT, 0o600)
            for name in ("output", "errors")
        ]
        os.write(tell, b"ready\n")
        os.close(tell)
        if os.read(wait, 1) != b"1":
            os._exit(1)
        os.chroot(root)
        os.chdir("/")
        null = os.open("/dev/null", os.O_RDONLY)
        for number, fd in enumerate([null, *outputs]):
            os.dup2(fd, number)
        script, environment = command
        os.execve("/bin/sh", ["sh", "-c", script], dict(e.split("=", 1) for e in environment))
    except OSError as error:
        # Until `ready` the caller reads this pipe; after that only the container's standard error
        # is left.
        try:
            os.write(tell, f"{error}\n".encode())
        except OSError:
            os.write(2, f"{error}\n".encode())
    finally:
        os._exit(1)


def ended(child):
    """Describes how a process ended, as a shell would. A process that takes too long is killed, and
    its namespace with it."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TOO_LONG


def mount_container(root, programs):
    kernel.bind(root, root)
    try:
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        kernel.mount("proc", root / "proc", "proc", flags)
    except OSError:
        kernel.bind("/proc", root / "proc")  # parts are hidden, so a new procfs is refused
    kernel.bind("/sys", root / "sys")
    kernel.mount("tmpfs", root / "dev", "tmpfs", kernel.MS_NOSUID, "mode=755")
    for name in NODES:
        (root / "dev" / name).touch()
        kernel.bind(f"/dev/{name}", root / "dev" / name)
    (root / "dev/shm").mkdir()
    os.symlink("/proc/self/fd", root / "dev/fd")
    kernel.bind(programs, root / "verify")


def unpack_rootfs(archive, directory):
    """Unpacks a root file system from a tar archive. It is ours, so its names and links are
    trusted."""
    options = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
    with tarfile.open(archive) as file:
        file.extractall(directory, **options)
    return Path(directory)


def choose(runc_files, no_runc, rootless, arguments):
    """Returns (a launcher that starts containers, or None; [why another was not chosen])."""
    reasons = []
    if no_runc:
        reasons.append("runc was not tried: --no-runc")
    elif not runc_files:
        reasons.append("runc is not installed and none was given (--runc FILE)")
    files = [] if no_runc else runc_files
    for launcher in [*(Runc(file, rootless, *arguments) for file in files), Bare(*arguments)]:
        try:
            outcome = launcher.run(Request())
        except (OSError, subprocess.SubprocessError) as error:
            outcome = Outcome(1, "", str(error))
        if outcome.exit == 0:
            return launcher, reasons
        reasons.append(f"{launcher.name} cannot start a container here: {outcome.why}")
    return None, reasons
