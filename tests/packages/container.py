# SPDX-License-Identifier: Apache-2.0
"""Runs a container in a root with the installed package, on a host with a simulated NVIDIA driver.
"""

import json
from pathlib import Path

from roots import run

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
DEFINITION = "/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json"
DEVICES = {"0": "2", "3": "1"}  # index: minor
LOOK = r"""
nvidia-smi -L | sed 's/^/smi /'
for node in /dev/nvidia[0-9]*; do echo "node $node"; done
inspect load libcuda.so.1 cuInit
"""


def config(root, before):
    """Returns a config.json that requests GPUs, with the hook as in the installed definition."""
    hook = json.loads(root.path(DEFINITION).read_text())["hook"]
    return {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "process": {
            "user": {"uid": 0, "gid": 0},
            "cwd": "/",
            "args": ["/bin/sh", "-c", LOOK],
            "env": ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", f"NVIDIA_VISIBLE_DEVICES={','.join(DEVICES)}"],
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")],
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        },
        "hooks": {"createRuntime": [before, {key: hook[key] for key in ("path", "args", "env", "timeout")}]},
    }


def check(root, work, cache):
    """Raises AssertionError with the container's output."""
    driver, image, bundle = cache / "driver-packages", cache / "image-packages", work / "bundle"
    for tree, maker in ((driver, "simulated_host/make-driver"), (image, "engine/make-rootfs")):
        if not tree.exists():
            run(TESTS / maker, f"{tree}.new")
            Path(f"{tree}.new").rename(tree)
    bundle.mkdir()
    # From the tests: makes the container's procfs show what a driver would.
    before = {"path": "/mnt/procfs-hook", "args": ["procfs-hook", "/mnt/rootfs"], "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}
    (bundle / "config.json").write_text(json.dumps(config(root, before)))
    layers = ":".join(map(str, [driver, *root.layers]))
    said = run(TESTS / "simulated_host/simulate", "--", HERE / "run-container", layers, image, bundle)
    lines = said.splitlines()
    nodes = [f"node /dev/nvidia{minor}" for minor in sorted(DEVICES.values())]
    good = (
        len([line for line in lines if line.startswith("smi GPU ")]) == len(DEVICES)
        and [line for line in lines if line.startswith("node ")] == nodes
        and any(line.startswith("libcuda.so.1 /") for line in lines)
    )
    if not good:
        raise AssertionError(f"the container said:\n{said}")
