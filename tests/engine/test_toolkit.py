# SPDX-License-Identifier: Apache-2.0
"""The installer in the place of the toolkit of NVIDIA's GPU operator: its container as the operator's DaemonSet describes it."""

import contextlib
import re
import shutil
import time
from pathlib import Path

import cri_containerd
from cri import NODE, Refused
from cri_containerd import LOGS, STATE, Pod, client, foreign, runtime_of_host, sandbox_of, version, view_of
from expect import check_foreign_nodes, check_gpus
from harness import SETUP, UUID, check, check_equal, require_program, test
from installer import LIMIT_S, Running, Supervisor, image, node_state

TOOLKIT = Path("/usr/local/nvidia/toolkit")
RUN = Path("/run/nvidia")
CDI = Path("/run/cdi")
# What the operator's own script does: it waits for the driver, and has the shell's way of asking.
SCRIPT = """#!/bin/bash
set -e
until [[ -f /run/nvidia/validations/driver-ready ]]; do sleep 0.1; done
. /run/nvidia/validations/driver-ready
export NVIDIA_DRIVER_ROOT
exec nvidia-toolkit
"""


def variables():
    """Of the operator, for containerd with CDI; and the runtime of a simulated host."""
    return {
        "ROOT": "/usr/local/nvidia",
        "NVIDIA_VISIBLE_DEVICES": "void",
        "TOOLKIT_PID_FILE": "/run/nvidia/toolkit/toolkit.pid",
        "RUNTIME": "containerd",
        "RUNTIME_CONFIG": "/runtime/config-dir/config.toml",
        "RUNTIME_SOCKET": "/runtime/sock-dir/sock",
        "CONTAINERD_RUNTIME_CLASS": "nvidia",
        "NVIDIA_RUNTIME_SET_AS_DEFAULT": "false",
        "CDI_ENABLED": "true",
        "NVIDIA_CONTAINER_RUNTIME_MODE": "cdi",
        "NVIDIA_CONTAINER_RUNTIME_MODES_CDI_DEFAULT_KIND": "management.nvidia.com/gpu",
        "NVIDIA_CONTAINER_RUNTIME_RUNTIMES": str(runtime_of_host("runc")),
    }


class Toolkit(Pod):
    def namespaces(self):
        return {"network": NODE, "pid": NODE}  # hostPID

    def container(self, name, attempt=0):
        script = SETUP.work / "entrypoint.sh"
        script.write_text(SCRIPT)
        script.chmod(0o700)
        places = {
            "/bin/entrypoint.sh": (script, True),
            "/run/nvidia/toolkit": (RUN / "toolkit", False),
            "/run/nvidia/validations": (RUN / "validations", False),
            "/usr/local/nvidia": (TOOLKIT.parent, False),
            "/host": ("/", True),
            "/runtime/config-dir": (STATE, False),
            "/runtime/sock-dir": (STATE, False),
            "/var/run/cdi": (CDI, False),
        }
        return {
            "metadata": {"name": "toolkit", "attempt": attempt},
            "image": {"image": image("--shell", shutil.which("busybox"))},
            "command": ["/bin/sh", "-c"],
            "args": ["/bin/entrypoint.sh"],
            "envs": [{"key": key, "value": value} for key, value in variables().items()],
            "mounts": [{"container_path": at, "host_path": source, "readonly": readonly} for at, (source, readonly) in places.items()],
            "log_path": f"{name}-{attempt}.log",
            "linux": {"security_context": {"namespace_options": self.namespaces(), "privileged": True}},
        }

    def sandbox(self, name):
        config = super().sandbox(name)
        config["linux"]["security_context"]["privileged"] = True
        return config


@contextlib.contextmanager
def toolkit():
    """Directories as the kubelet makes them (DirectoryOrCreate)."""
    require_program("busybox", "apt-get install busybox-static")
    directories = [RUN, RUN / "toolkit", RUN / "validations", CDI, TOOLKIT.parent]
    for directory in directories:
        directory.mkdir(exist_ok=True)
    image("--shell", shutil.which("busybox"))
    pod, supervisor = Toolkit(), Supervisor()
    try:
        with sandbox_of(pod) as (name, sandbox):
            started = cri_containerd.start_container(pod, name, sandbox)
            yield Running(pod, name, sandbox, started.container, LOGS / f"{name}-0.log"), supervisor
    finally:
        supervisor.end()
    shutil.rmtree(RUN)
    CDI.rmdir()
    TOOLKIT.parent.rmdir()


def wait_for(installer, words):
    """Without asking the engine, which is restarted meanwhile."""
    deadline = time.monotonic() + LIMIT_S
    while words not in installer.output():
        check(time.monotonic() < deadline, f"no {words!r}: {installer.output()}")
        time.sleep(0.05)


@test("installer-today")
def the_operator_gets_its_toolkit():
    client()
    before = node_state()
    with toolkit() as (installer, supervisor):
        time.sleep(0.5)
        check_equal(installer.output(), "", "what it says before the driver is ready")
        (RUN / "validations/driver-ready").write_text(f"NVIDIA_DRIVER_ROOT={SETUP.driver}\n")
        wait_for(installer, "ready")
        check("restarted containerd" in installer.output(), installer.output())
        check(re.fullmatch(r"\d+\n", (RUN / "toolkit/toolkit.pid").read_text()), "the pid file")
        check("kind: management.nvidia.com/gpu" in (CDI / "management.nvidia.com-gpu.yaml").read_text(), "the specification")
        supervisor.wait_for(1)
        check_pods()
        with contextlib.suppress(Refused):  # the engine goes while it is asked
            client().call("StopContainer", container_id=installer.container, timeout=60)
        supervisor.wait_for(2)
        installer.wait()  # its last words and its exit status may be lost with the engine that would write them down
        check(not (RUN / "toolkit/toolkit.pid").exists(), "the pid file is there still")
        check_equal(list(CDI.iterdir()), [], "specifications")
        check(not TOOLKIT.exists(), f"{TOOLKIT} is there still")
    check_equal(node_state(), before, "the node")


def check_pods():
    # As the operator's validator, which asks for all by the management specification.
    view = view_of(Pod("nvidia", "all"))
    check_equal(len(view.gpus()), 8, f"GPUs of the validator, {view['smi']}")
    view = view_of(Pod("nvidia-legacy", "2", mounts=[foreign()]))
    check_gpus(view, [2])
    check_foreign_nodes(view, [2])
    check_equal(view_of(Pod("runc", "all")).gpus(), [], "GPUs without the handler")
    if version() >= (2,):
        view = view_of(Pod("", cdi=["management.nvidia.com/gpu=all"]))
        check(f"{UUID}7" in view.gpus(), f"GPUs by CDI: {view['smi']}")
    check_equal(len(view_of(Pod("nvidia-cdi", "all")).gpus()), 8, "GPUs of the handler nvidia-cdi")
