# SPDX-License-Identifier: Apache-2.0
"""A containerd of the tests' own with its CRI plugin, with a runtime handler for each way in which the driver comes, and its pods."""

import atexit
import contextlib
import dataclasses
import functools
import itertools
import json
import re
import subprocess
import time
from pathlib import Path

import observe
import shim
from bundle import foreign_nodes
from cri import CONTAINER, EXITED, NODE, POD, Client, Refused
from harness import ENGINE_CGROUP, HERE, SETUP, Skip, check, check_equal, fail_text, require_program, run
from image_archive import IMAGE, make_archive

PAUSE = "localhost/oci-nvidia-pause:latest"
START_LIMIT_S = 60
STATE = Path("/run/oci-nvidia-cri")  # sockets need short paths
SOCKET = STATE / "sock"
LOGS = STATE / "logs"
CDI_DIRECTORY = Path("/run/cdi")
MOUNTS_ALONE = (
    "accept-nvidia-visible-devices-envvar-when-unprivileged = false\naccept-nvidia-visible-devices-as-volume-mounts = true\n"
)
MAPPING = [{"host_id": 200000, "container_id": 0, "length": 65536}]
_numbers = itertools.count(1)
_process = []


@functools.cache
def version():
    require_program("containerd")
    return tuple(map(int, re.search(r"(\d+)\.(\d+)\.(\d+)", run(["containerd", "--version"]).stdout).groups()))


def runtime_of_host(name):
    """runc or crun on a host that has a kernel module."""
    return HERE / "with-procfs" / name


def shim_program(name, runtime, settings=""):
    """The shim for an engine that starts it with an environment of its own, with a configuration of its own."""
    config = SETUP.work / f"cri-{name}.toml"
    table = f'[nvidia-container-runtime]\nruntimes = ["{runtime_of_host(runtime)}"]\n'
    config.write_text(settings + SETUP.config.read_text() + table)
    path = SETUP.work / f"cri-{name}"
    path.write_text(f'#!/bin/sh\nexec env NVIDIA_CTK_CONFIG_FILE_PATH={config} {shim.program()} "$@"\n')
    path.chmod(0o755)
    return path


def base_specification():
    """containerd's own, with our hook in it, as docs/kubernetes.md makes it."""
    spec = json.loads(run(["ctr", "oci", "spec"], check=True).stdout)
    arguments = ["oci-nvidia-hook", f"-config={SETUP.config}", "createRuntime"]
    spec.setdefault("hooks", {})["createRuntime"] = [{"path": str(SETUP.hook), "args": arguments, "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]
    path = SETUP.work / "cri-base-spec.json"
    path.write_text(json.dumps(spec))
    return path


def handlers():
    """{handler: (its program, its base specification)}"""
    if SETUP.engine == "installer":  # which adds the others
        return {"runc": (runtime_of_host("runc"), "")}
    return {
        "runc": (runtime_of_host("runc"), ""),
        "crun": (runtime_of_host("crun"), ""),
        "nvidia": (shim_program("nvidia", "runc"), ""),
        "nvidia-crun": (shim_program("nvidia-crun", "crun"), ""),
        "nvidia-mounts": (shim_program("nvidia-mounts", "runc", MOUNTS_ALONE), ""),
        "base": (runtime_of_host("runc"), base_specification()),
    }


NETWORK = r"""#!/bin/sh
# A plugin of CNI that leaves a network namespace as it is.
case $CNI_COMMAND in
  VERSION) echo '{"cniVersion": "1.0.0", "supportedVersions": ["0.3.1", "0.4.0", "1.0.0"]}' ;;
  *) echo '{"cniVersion": "0.4.0", "interfaces": [{"name": "eth0", "sandbox": "'"$CNI_NETNS"'"}], "ips": [{"version": "4", "address": "192.0.2.2/24", "interface": 0}]}' ;;
esac
"""


def make_network():
    programs, configurations = STATE / "cni-bin", STATE / "cni"
    for directory in (programs, configurations):
        directory.mkdir()
    for name in ("nothing", "loopback"):
        (programs / name).write_text(NETWORK)
        (programs / name).chmod(0o755)
    (configurations / "10-nothing.conflist").write_text('{"cniVersion": "0.4.0", "name": "nothing", "plugins": [{"type": "nothing"}]}')
    return programs, configurations


def configuration():
    programs, configurations = make_network()
    old = version() < (2,)
    plugin = '[plugins."io.containerd.grpc.v1.cri"' if old else '[plugins."io.containerd.cri.v1.runtime"'
    lines = [f"version = {2 if old else 3}", 'disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]']
    lines += [f"{plugin}]", "restrict_oom_score_adj = true", "disable_apparmor = true", "tolerate_missing_hugetlb_controller = true"]
    lines += ["disable_hugetlb_controller = true", "netns_mounts_under_state_dir = true"]
    lines += [f'sandbox_image = "{PAUSE}"'] if old else ["enable_cdi = true", f'cdi_spec_dirs = ["{CDI_DIRECTORY}"]']
    lines += [f"{plugin}.cni]", f'bin_dir = "{programs}"', f'conf_dir = "{configurations}"']
    lines += [f"{plugin}.containerd]", 'default_runtime_name = "runc"', *(['snapshotter = "overlayfs"'] if old else [])]
    for name, (program, base) in handlers().items():
        lines += [f"{plugin}.containerd.runtimes.{name}]", 'runtime_type = "io.containerd.runc.v2"', f'base_runtime_spec = "{base}"']
        lines += [f"{plugin}.containerd.runtimes.{name}.options]", f'BinaryName = "{program}"']
    if not old:
        images = '[plugins."io.containerd.cri.v1.images"'
        lines += [f"{images}]", 'snapshotter = "overlayfs"', f"{images}.pinned_images]", f'sandbox = "{PAUSE}"']
    path = STATE / "config.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def stop():
    for process in _process:
        process.terminate()
        process.wait(timeout=60)
    _process.clear()


def launch():
    """Starts the daemon, for the first time or again with what it had, and waits until it answers."""
    log = SETUP.work / "cri-containerd.log"
    command = ["containerd", "--config", STATE / "config.toml", "--root", SETUP.disk / "cri", "--state", "/run/containerd", "--address", SOCKET]
    with log.open("a") as output:
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        _process.append(subprocess.Popen(list(map(str, command)), **streams))
    deadline = time.monotonic() + START_LIMIT_S
    while not is_ready():
        if _process[0].poll() is not None or time.monotonic() > deadline:
            raise Skip(f"containerd does not start here: {log.read_text(errors='replace')[-600:]}")
        time.sleep(0.1)


def is_ready():
    """Of the CRI plugin, which is ready later than the daemon."""
    if run(["ctr", "--address", SOCKET, "version"]).returncode != 0:
        return False
    try:
        Client(SOCKET).call("ListPodSandbox")
    except Refused:
        return False
    return True


@functools.cache
def client():
    """Starts containerd once, and imports the image."""
    connected = Client(SOCKET)
    STATE.mkdir(mode=0o711)
    LOGS.mkdir()
    configuration()
    atexit.register(stop)
    launch()
    archive = SETUP.disk / "cri-image.tar"
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    make_archive(archive, [IMAGE, PAUSE], {"Entrypoint": ["sleep", "infinity"], "Env": [path]})
    done = run(["ctr", "--address", SOCKET, "--namespace", "k8s.io", "image", "import", "--snapshotter", "overlayfs", archive])
    check_equal(done.returncode, 0, fail_text("ctr image import", done))
    archive.unlink()
    return connected


def has_ended():
    return bool(_process) and _process[0].poll() is not None


def restart():
    stop()
    launch()
    client().connect()


@dataclasses.dataclass
class Pod:
    """One pod with one container."""

    handler: str = ""
    devices: str = None  # NVIDIA_VISIBLE_DEVICES
    script: str = observe.SCRIPT
    env: dict = dataclasses.field(default_factory=dict)
    mounts: list = dataclasses.field(default_factory=list)
    cdi: list = dataclasses.field(default_factory=list)
    annotations: dict = dataclasses.field(default_factory=dict)
    pod_annotations: dict = dataclasses.field(default_factory=dict)
    security: dict = dataclasses.field(default_factory=dict)  # of the container
    user_namespace: bool = False

    def namespaces(self):
        if not self.user_namespace:
            return {"network": NODE, "pid": CONTAINER}
        return {"network": POD, "pid": CONTAINER, "userns_options": {"mode": POD, "uids": MAPPING, "gids": MAPPING}}

    def sandbox(self, name):
        privileged = self.security.get("privileged", False)
        return {
            "metadata": {"name": name, "uid": name, "namespace": "tests"},
            "log_directory": str(LOGS),
            "annotations": self.pod_annotations,
            "linux": {"cgroup_parent": ENGINE_CGROUP, "security_context": {"namespace_options": self.namespaces(), "privileged": privileged}},
        }

    def container(self, name, attempt=0):
        env = {**({} if self.devices is None else {"NVIDIA_VISIBLE_DEVICES": self.devices}), **self.env}
        return {
            "metadata": {"name": "c", "attempt": attempt},
            "image": {"image": IMAGE},
            "command": ["/bin/sh", "-c", self.script],
            "envs": [{"key": key, "value": value} for key, value in env.items()],
            "mounts": [self.mapped(mount) for mount in self.mounts],
            "annotations": self.annotations,
            "log_path": f"{name}-{attempt}.log",
            "linux": {"security_context": {"namespace_options": self.namespaces(), **self.security}},
            "CDI_devices": [{"name": device} for device in self.cdi],
        }

    def mapped(self, mount):
        return {**mount, "uidMappings": MAPPING, "gidMappings": MAPPING} if self.user_namespace else mount


def foreign():
    return {"host_path": foreign_nodes()["source"], "container_path": "/foreign", "readonly": True}


@dataclasses.dataclass
class Started:
    pod: Pod
    name: str
    sandbox: str
    container: str
    log: Path

    def status(self):
        return client().call("ContainerStatus", container_id=self.container)["status"]

    def wait(self):
        """Its exit status, and what it wrote."""
        deadline = time.monotonic() + START_LIMIT_S
        while self.status()["state"] != EXITED:
            check(time.monotonic() < deadline, f"the container does not end: {self.output()[-300:]}")
            time.sleep(0.05)
        return self.status()["exit_code"], self.output()

    def output(self):
        """Without what the log has before each line: time, stream and whether the line is whole."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(line.split(" ", 3)[-1] for line in lines)

    def update(self, resources):
        client().call("UpdateContainerResources", container_id=self.container, linux=resources)

    def exec(self, *command):
        done = client().call("ExecSync", container_id=self.container, cmd=list(command), timeout=60)
        check_equal(done["exit_code"], 0, f"{command}: {done['stderr']}")
        return done["stdout"]


def start_container(pod, name, sandbox, attempt=0):
    config = pod.container(name, attempt)
    container = client().call("CreateContainer", pod_sandbox_id=sandbox, config=config, sandbox_config=pod.sandbox(name))["container_id"]
    client().call("StartContainer", container_id=container)
    return Started(pod, name, sandbox, container, LOGS / config["log_path"])


@contextlib.contextmanager
def sandbox_of(pod):
    """A pod without a container: its name and id."""
    name = f"pod{next(_numbers)}"
    sandbox = client().call("RunPodSandbox", config=pod.sandbox(name), runtime_handler=pod.handler)["pod_sandbox_id"]
    try:
        yield name, sandbox
    finally:
        client().call("StopPodSandbox", pod_sandbox_id=sandbox)
        client().call("RemovePodSandbox", pod_sandbox_id=sandbox)


@contextlib.contextmanager
def running(pod):
    with sandbox_of(pod) as (name, sandbox):
        yield start_container(pod, name, sandbox)


def view_of(pod):
    with running(pod) as started:
        status, output = started.wait()
    view = observe.View(output)
    check(status == 0 and view.complete, f"no whole output, status {status}: {output[-400:]}")
    return view


def refusal_of(pod):
    """What the user is told of a container that does not start."""
    with sandbox_of(pod) as (name, sandbox):
        try:
            start_container(pod, name, sandbox)
        except Refused as refused:
            return str(refused)
    raise AssertionError("the container started")
