# SPDX-License-Identifier: Apache-2.0
"""What an engine does to config.json for `--device nvidia.com/gpu=NAME`, for tests that run no engine."""

import json
import os

from command import oci_nvidia
from harness import SETUP, check_equal, fail_text


def node_element(node):
    number = os.stat(node.get("hostPath", node["path"])).st_rdev
    return {"path": node["path"], "type": "c", "major": os.major(number), "minor": os.minor(number), "fileMode": 0o666}


def mount_element(mount):
    return {"destination": mount["containerPath"], "type": "bind", "source": mount["hostPath"], "options": mount["options"]}


def specification(mode, capabilities, config):
    options = ["--mode", mode, "--capabilities", capabilities, "--hook", str(SETUP.hook)]
    done = oci_nvidia("cdi", "generate", *options, config=config)
    check_equal(done.returncode, 0, fail_text("cdi generate", done))
    return json.loads(done.stdout)


def add_cdi_devices(config, names, mode="thin", capabilities="compute,utility", config_file=None):
    """CDI's edits replace variables that are there."""
    spec = specification(mode, capabilities, config_file)
    common = spec["containerEdits"]
    edits = [common, *(one["containerEdits"] for one in spec["devices"] if one["name"] in names)]
    check_equal(len(edits), len(names) + 1, f"devices of the specification that are among {names}")
    replaced = [word.split("=")[0] for word in common["env"]]
    kept = [word for word in config["process"]["env"] if word.split("=")[0] not in replaced]
    config["process"]["env"] = kept + common["env"]
    for one in edits:
        config["mounts"] += map(mount_element, one.get("mounts", []))
        for element in map(node_element, one.get("deviceNodes", [])):
            config["linux"].setdefault("devices", []).append(element)
            rule = {name: element[name] for name in ("type", "major", "minor")}
            config["linux"]["resources"]["devices"].append({"allow": True, **rule, "access": "rw"})
    (hook,) = common["hooks"]
    config["hooks"].setdefault(hook.pop("hookName"), []).append(hook)
