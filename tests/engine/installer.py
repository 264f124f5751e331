# SPDX-License-Identifier: Apache-2.0
"""The container of the installer for nodes, run by containerd as the DaemonSet in docs/examples says, without a cluster."""

import contextlib
import functools
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import cri_containerd
from cri_containerd import LOGS, SOCKET, STATE, Pod, Started, client, runtime_of_host, sandbox_of
from harness import HERE, SETUP, Skip, check, check_equal, fail_text, run, tree_state

DIRECTORY = Path("/usr/local/oci-nvidia-hook")
# What an installer writes to, beside /etc, which is this process's own already.
PLACES = ("/usr/local", "/var/lib")
LIMIT_S = 60


def isolate():
    """This machine's own directories stay as they are. Mounts of the root are passed on, as systemd has it on a node."""
    subprocess.run(["mount", "--make-shared", "/"], check=True)
    for place in PLACES:
        upper, work = (SETUP.disk / f"own{place.replace('/', '-')}-{kind}" for kind in ("upper", "work"))
        upper.mkdir()
        work.mkdir()
        options = f"lowerdir={place},upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, place], check=True)


def image_program():
    return SETUP.hook.parent / "oci-nvidia-node"


@functools.cache
def image(*options):
    """Imports the image; returns its name."""
    if not image_program().exists():
        raise Skip(f"{image_program()} is not built; cmake --build --preset release --target oci-nvidia-node")
    name, archive = f"docker.io/library/oci-nvidia-hook:test{len(options)}", SETUP.disk / "installer.tar"
    make_image(archive, "--name", name, *options)
    client()
    done = run(["ctr", "--address", SOCKET, "--namespace", "k8s.io", "image", "import", "--snapshotter", "overlayfs", archive])
    check_equal(done.returncode, 0, fail_text("ctr image import", done))
    return name


def make_image(archive, *options):
    done = run([sys.executable, HERE.parents[1] / "scripts/image", "--build", SETUP.hook.parents[1], *options, archive])
    check_equal(done.returncode, 0, fail_text("scripts/image", done))
    return done.stdout


def manifest(name):
    return SETUP.manifests[name]


def settings():
    """The manifest's, with what a simulated host needs beside it: its driver's root and its runtimes."""
    own = f'[nvidia-container-runtime]\nruntimes = ["{runtime_of_host("runc")}"]\n'
    return manifest("config-map.yaml")["data"]["config.toml"] + SETUP.config.read_text() + own


def source_of(volume, name):
    """The path on the node of a volume of the manifest."""
    if "hostPath" in volume:
        return volume["hostPath"]["path"]
    directory = SETUP.work / f"{name}-{volume['name']}"
    directory.mkdir()
    if "configMap" in volume:
        (directory / "config.toml").write_text(settings())
    return str(directory)


PROPAGATION = {"None": 0, "HostToContainer": 1}  # as a manifest and CRI call it


class Installer(Pod):
    """The pod of a DaemonSet; `more` is added to its arguments, for an engine that is not this machine's."""

    def __init__(self, *more, file="daemon-set.yaml", namespace="oci-nvidia-hook"):
        self.spec = manifest(file)["spec"]["template"]["spec"]
        (self.described,) = self.spec["containers"]
        self.namespace, self.more = namespace, more
        super().__init__()

    def container(self, name, attempt=0):
        volumes = {volume["name"]: volume for volume in self.spec["volumes"]}
        context = self.described["securityContext"]
        mounts = [
            {
                "container_path": mount["mountPath"],
                "host_path": source_of(volumes[mount["name"]], name),
                "readonly": mount.get("readOnly", False),
                "propagation": PROPAGATION[mount.get("mountPropagation", "None")],
            }
            for mount in self.described["volumeMounts"]
        ]
        arguments = [argument.replace("$(POD_NAMESPACE)", self.namespace) for argument in self.described["args"]]
        check_equal(context["seccompProfile"], {"type": "RuntimeDefault"}, "seccomp profile")
        security = {
            "namespace_options": self.namespaces(),
            "privileged": context["privileged"],
            "run_as_user": {"value": context["runAsUser"]},
            "readonly_rootfs": context["readOnlyRootFilesystem"],
            "no_new_privs": not context["allowPrivilegeEscalation"],
            "capabilities": {
                "drop_capabilities": context["capabilities"]["drop"],
                "add_capabilities": context["capabilities"].get("add", []),
            },
            "seccomp": {"profile_type": 0},
        }
        return {
            "metadata": {"name": self.described["name"], "attempt": attempt},
            "image": {"image": image()},
            "args": [*arguments, *self.more],
            "mounts": mounts,
            "log_path": f"{name}-{attempt}.log",
            "linux": {"security_context": security},
        }


OWN_ENGINE = ("--engine=containerd", f"--config-file={STATE}/config.toml", "--restart=no")


class Running(Started):
    def wait_for(self, words):
        deadline = time.monotonic() + LIMIT_S
        while words not in self.output():
            check(self.status()["state"] != cri_containerd.EXITED, f"it has ended: {self.output()}")
            check(time.monotonic() < deadline, f"no {words!r}: {self.output()}")
            time.sleep(0.05)

    def is_ready(self):
        """The manifest's readiness probe."""
        probe = self.pod.described["readinessProbe"]["exec"]["command"]
        return client().call("ExecSync", container_id=self.container, cmd=probe, timeout=60)["exit_code"] == 0

    def stop(self, seconds=60):
        """SIGTERM, as the kubelet sends it, and SIGKILL after so many seconds."""
        client().call("StopContainer", container_id=self.container, timeout=seconds)
        return self.wait()


def installing(*more, **options):
    return in_a_pod(*OWN_ENGINE, *more, **options)


def plugging(**options):
    """Our NRI plugin, by its manifest."""
    return in_a_pod(file="nri-daemon-set.yaml", **options)


@contextlib.contextmanager
def in_a_pod(*arguments, **options):
    image()
    pod = Installer(*arguments, **options)
    with sandbox_of(pod) as (name, sandbox):
        started = cri_containerd.start_container(pod, name, sandbox)
        yield Running(pod, name, sandbox, started.container, LOGS / f"{name}-0.log")


@contextlib.contextmanager
def installed(*more, **options):
    """The node is set up, and the engine has read its configuration."""
    with installing(*more, **options) as started:
        started.wait_for("ready")
        cri_containerd.restart()
        yield started


class Supervisor:
    """Starts containerd again when it ends, as systemd does."""

    def __init__(self):
        self.restarts, self.is_over = 0, threading.Event()
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()

    def watch(self):
        while not self.is_over.wait(0.05):
            if cri_containerd.has_ended():
                cri_containerd.restart()
                self.restarts += 1

    def wait_for(self, restarts):
        deadline = time.monotonic() + LIMIT_S
        while self.restarts < restarts:
            check(time.monotonic() < deadline, f"containerd was restarted {self.restarts} times, not {restarts}")
            time.sleep(0.05)

    def end(self):
        self.is_over.set()
        self.watcher.join()


def node_state():
    """All that an installer may change, but the times of directories in which something was made and removed."""
    entries = [entry for place in (*PLACES, "/etc") for entry in tree_state(place)]
    listed = [entry[:5] if os.path.isdir(entry[0]) else entry for entry in entries]
    return [*listed, ("engine", (STATE / "config.toml").read_text())]
