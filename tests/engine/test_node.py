# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia node` on a host that is a directory: what it makes, what it takes back, and who may; killed at every system call."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import injector
from fake_host import place, write
from harness import SETUP, check, check_equal, fail_text, run, test, tree_state

DIRECTORY = "usr/local/oci-nvidia-hook"
CONTAINERD = "etc/containerd/config.toml"
LABELS = "etc/kubernetes/node-feature-discovery/features.d/oci-nvidia-hook"
TEXT = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd]\n  default_runtime_name = "runc"\n'
K3S = "var/lib/rancher/k3s/agent/etc/containerd/config"
LIMIT_S = 30
STARTED = []
# Where a run that is killed can leave another state behind than at the call before: names, and what files and locks are.
NAMES = {"mkdirat", "renameat2", "unlinkat", "symlinkat"}
CHANGES = NAMES | {"openat2", "write", "fsync", "fchmod", "flock", "exit_group"}


@contextlib.contextmanager
def node(files=None):
    """A host without a driver, and with a containerd that is configured."""
    host = place() / "node"
    shutil.rmtree(host, ignore_errors=True)
    for name, text in (files or {CONTAINERD: TEXT}).items():
        write(host / name, text)
    for directory in ("etc", "run", "usr/local", "var/lib", "proc"):
        (host / directory).mkdir(parents=True, exist_ok=True)
    try:
        yield host
    finally:
        for one in STARTED:  # of a test that has failed
            one.process.kill()
            one.process.wait()
        STARTED.clear()
    shutil.rmtree(host)


def words(host, *options, owner="gpu/installer", engine="containerd"):
    command = [SETUP.hook.parent / "oci-nvidia", "node", "--host-root", host, "--owner", owner, "--engine", engine]
    return [str(word) for word in (*command, "--restart=no", *options)]


def install(host, *options, status=0, **more):
    done = run(words(host, "--once", *options, **more))
    check_equal(done.returncode, status, fail_text("oci-nvidia node", done))
    return done.stderr


def remove(host, status=0):
    done = run(words(host, "--remove"))
    check_equal(done.returncode, status, fail_text("oci-nvidia node --remove", done))
    return done.stderr


def names(host):
    """Every name below the host, and what the files say; a directory's times and sizes say nothing."""
    listed = {}
    for path, mode, owner, group, device, _, _, link in tree_state(host):
        is_file = Path(path).is_file() and not link
        listed[path] = (mode, owner, group, device, link, Path(path).read_bytes() if is_file else b"")
    return listed


class Serving:
    """An installer that waits for its end."""

    def __init__(self, host, *options, **more):
        self.process = subprocess.Popen(words(host, *options, **more), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        STARTED.append(self)
        self.log = ""
        os.set_blocking(self.process.stderr.fileno(), False)
        self.wait_for("ready\n")

    def read(self):
        self.log += (self.process.stderr.read() or b"").decode()

    def wait_for(self, text):
        deadline = time.monotonic() + LIMIT_S
        while text not in self.log:
            self.read()
            check(time.monotonic() < deadline, f"no {text!r}: {self.log}")
            time.sleep(0.02)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(timeout=LIMIT_S)
        STARTED.remove(self)
        self.read()
        self.process.stderr.close()
        return status


@test("command")
def a_node_gets_programs_a_configuration_and_a_runtime_and_nothing_stays():
    with node() as host:
        before = names(host)
        told = install(host)
        check("configured containerd in /etc/containerd/config.toml" in told, told)
        check("doctor: bad: no NVIDIA GPU is on the PCI bus" in told and "oci-nvidia-hook is not installed" not in told, told)
        made = host / DIRECTORY
        check_equal(os.readlink(made / "nvidia-container-runtime"), "oci-nvidia-hook", "the runtime")
        check_equal((made / "oci-nvidia-hook").read_bytes(), SETUP.hook.read_bytes(), "the hook")
        check(f'BinaryName = "/{DIRECTORY}/nvidia-container-runtime"' in (host / CONTAINERD).read_text(), "no handler")
        settings = (host / "etc/oci-nvidia-hook/config.toml").read_text()
        check("accept-nvidia-visible-devices-envvar-when-unprivileged = false" in settings, settings)
        check("oci-nvidia-hook.version=" in (host / LABELS).read_text(), "no label")
        after = names(host)
        install(host)
        record = str(host / "var/lib/oci-nvidia-hook/node.json")
        check_equal({**names(host), record: 0}, {**after, record: 0}, "the node after a second run")
        remove(host)
        check_equal(names(host), before, "the node after --remove")


@test("command")
def a_run_that_is_killed_at_any_call_is_mended_by_the_next():
    """Installing, and removing."""
    with node() as host:
        before = names(host)
        for command in (words(host, "--once"), words(host, "--remove")):
            prepare = remove if "--once" in command else install
            if prepare is install:
                install(host)
            calls, done = injector.list_calls("", words=command)
            check_equal(done["exit"], 0, done["stderr"])
            prepare(host)
            chosen = [call for call in calls if call.name in (CHANGES if SETUP.long else NAMES)]
            check(len(chosen) > 15, f"only {len(chosen)} calls")
            for call in chosen if SETUP.long else chosen[::2]:
                injector.run_killed("", call, words=command)
                install(host)
                remove(host)
                check_equal(names(host), before, f"the node after a run that was killed at {call}")
                if prepare is install:
                    install(host)


@test("command")
def only_one_owner_has_a_node_and_a_dead_one_is_followed():
    with node() as host:
        before = names(host)
        first = Serving(host, owner="a/first")
        told = install(host, owner="b/second", status=11)
        check("NVH-0114" in told and "`a/first`, whose installer runs" in told, told)
        done = run(words(host, "--remove"))
        check(done.returncode == 11 and "NVH-0114" in done.stderr, fail_text("--remove", done))
        first.end(signal.SIGKILL)
        second = Serving(host, owner="b/second")
        check_equal(second.end(), 0, second.log)
        check("everything is taken back" in second.log, second.log)
        check_equal(names(host), before, "the node")


@test("command")
def a_successor_of_the_same_owner_keeps_what_is_there():
    with node() as host:
        before = names(host)
        old = Serving(host)
        hook = (host / DIRECTORY / "oci-nvidia-hook").stat().st_ino
        new = Serving(host)
        check_equal(old.end(), 0, old.log)
        check("everything stays" in old.log, old.log)
        check_equal((host / DIRECTORY / "oci-nvidia-hook").stat().st_ino, hook, "the hook, which is the same version")
        check_equal(new.end(), 0, new.log)
        check_equal(names(host), before, "the node")


@test("command")
def what_an_administrator_wrote_stays():
    own = {CONTAINERD: TEXT, "etc/oci-nvidia-hook/config.toml": "no-cgroups = true\n"}
    with node(own) as host:
        before = names(host)
        told = install(host)
        check("/etc/oci-nvidia-hook/config.toml is there, and stays as it is" in told, told)
        remove(host)
        check_equal(names(host), before, "the node")


@test("command")
def an_engine_that_has_another_runtime_of_that_name_is_refused():
    other = TEXT + '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]\n  BinaryName = "/opt/other"\n'
    with node({CONTAINERD: other}) as host:
        before = names(host)
        told = install(host, status=11)
        check("the runtime `nvidia` is `/opt/other`" in told, told)
        remove(host)
        check_equal(names(host), before, "the node")


@test("command")
def k3s_gets_a_file_that_its_own_configuration_imports():
    imports = f'version = 3\nimports = ["/{K3S}-v3.toml.d/*.toml"]\n'
    runc = '[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]\n  SystemdCgroup = true\n'
    with node({f"{K3S}.toml": imports + runc}) as host:
        before = names(host)
        install(host, engine="auto")
        text = (host / f"{K3S}-v3.toml.d/99-oci-nvidia.toml").read_text()
        for part in ("version = 3\n", f'BinaryName = "/{DIRECTORY}/nvidia-container-runtime"', "SystemdCgroup = true"):
            check(part in text, f"no {part!r} in {text}")
        install(host, engine="auto")
        remove(host)
        check_equal(names(host), before, "the node")
        write(host / f"{K3S}.toml", "version = 2\n")
        told = install(host, engine="auto", status=11)
        check("imports no files of others" in told and "--directory /usr/local/nvidia/toolkit" in told, told)
        install(host, "--directory", "/usr/local/nvidia/toolkit", engine="auto")
        check((host / "usr/local/nvidia/toolkit/nvidia-container-runtime").is_symlink(), "the runtime")
        remove(host)


@test("command")
def crio_gets_a_file_of_its_own():
    with node({"etc/crio/crio.conf": '[crio.runtime]\nconmon = "/usr/bin/conmon"\n'}) as host:
        before = names(host)
        install(host, engine="crio")
        text = (host / "etc/crio/crio.conf.d/99-oci-nvidia.conf").read_text()
        check(f'runtime_path = "/{DIRECTORY}/nvidia-container-runtime"' in text and "hooks_dir" not in text, text)
        remove(host)
        check_equal(names(host), before, "the node")


@test("command")
def another_directory_takes_the_place_of_the_first():
    with node() as host:
        before = names(host)
        install(host)
        install(host, "--directory", "/opt/gpu")
        check(not (host / DIRECTORY).exists(), "the first directory is there")
        check_equal((host / CONTAINERD).read_text().count("BinaryName"), 1, "handlers")
        remove(host)
        check_equal(names(host), before, "the node")


@test("command")
def links_of_the_node_lead_nowhere_else_and_a_directory_of_others_is_refused():
    with node() as host:
        outside = SETUP.work / "outside"
        outside.mkdir()
        shutil.rmtree(host / "usr/local")
        (host / "usr/local").symlink_to(outside)  # on this machine; below the node's root it is nothing
        told = install(host, status=11)
        check("NVH-0113" in told, told)
        check_equal(os.listdir(outside), [], "what was made outside of the node")
        remove(host)
        (host / "usr/local").unlink()
        (host / "usr/local").mkdir(mode=0o777)
        (host / "usr/local").chmod(0o777)
        write(host / DIRECTORY / "x", "")
        (host / DIRECTORY).chmod(0o777)
        told = install(host, status=11)
        check("NVH-0113" in told and "may be written by others than root" in told, told)


@test("command")
def programs_stay_while_containers_run_that_were_started_with_them():
    with node() as host:
        install(host)
        bundle = host / "run/containerd/io.containerd.runtime.v2.task/k8s.io/one"
        write(bundle / "options.json", f'{{"options": {{"binary_name": "/{DIRECTORY}/nvidia-container-runtime"}}}}')
        told = remove(host, status=1)
        check(f"/{DIRECTORY} stays, because 1 containers that run were started with it" in told, told)
        check((host / DIRECTORY / "nvidia-container-runtime").exists(), "the runtime is gone")
        check_equal((host / CONTAINERD).read_text(), TEXT, "the engine's configuration")
        shutil.rmtree(bundle)
        remove(host)
        check(not (host / DIRECTORY).exists() and not (host / "var/lib/oci-nvidia-hook").exists(), "it is there still")


@test("command")
def a_node_without_room_is_told_and_left_as_it_was():
    with node() as host:
        run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", host / "usr"], check=True)
        (host / "usr/local").mkdir()
        before = names(host)
        told = install(host, status=11)
        check("NVH-0113" in told and "No space left" in told and "make room" in told, told)
        check_equal((host / CONTAINERD).read_text(), TEXT, "the engine's configuration")
        remove(host)
        check_equal(names(host), before, "the node")
        run(["umount", host / "usr"], check=True)


@test("command")
def a_second_toolkit_of_the_operator_is_refused():
    """It holds its pid file as NVIDIA's does; the first one keeps its file and the node."""
    with node() as host:
        program = place() / "nvidia-toolkit"
        program.unlink(missing_ok=True)
        program.symlink_to(SETUP.hook.parent / "oci-nvidia-node")
        pid_file = host / "run/nvidia/toolkit.pid"
        options = {"runtime": "containerd", "host-root": host, "pid-file": pid_file, "toolkit-install-dir": host / "usr/local/nvidia"}
        options |= {"config": host / CONTAINERD, "restart-mode": "none", "cdi-enabled": "false"}
        command = [str(program), *(f"--{name}={value}" for name, value in options.items())]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as first:
            while (line := first.stderr.readline()) != "ready\n":
                check(line, "the first one has ended")
            done = run(command)
            check_equal(done.returncode, 1, fail_text("a second one", done))
            check("NVH-0114" in done.stderr, done.stderr)
            check_equal(pid_file.read_text(), f"{first.pid}\n", "the pid file")
            first.terminate()
            first.stderr.read()
        check_equal(first.returncode, 0, "exit status of the first")
        check_equal((host / CONTAINERD).read_text(), TEXT, "the engine's configuration")
