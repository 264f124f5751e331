# SPDX-License-Identifier: Apache-2.0
"""`docker run --gpus` beside `--device nvidia.com/gpu=…`: the devices by CDI are given, and the rest is said."""

from bundle import HOOK_ENV, Case, bundle, foreign_nodes, run_in, running
from cdi_edits import add_cdi_devices
from command import GOOD, document
from expect import check_foreign_nodes, check_gpus
from harness import SETUP, check, check_equal, test

WORDS = "only those by CDI are given"


def add_gpus_hook(config):
    """What Docker does for `--gpus`; the variable is already there."""
    args = ["nvidia-container-runtime-hook", "prestart"]
    env = [*HOOK_ENV, f"NVIDIA_CTK_CONFIG_FILE_PATH={SETUP.config}"]
    config["hooks"]["prestart"].append({"path": str(SETUP.hook), "args": args, "env": env})


def both_options(config, _directory):
    add_gpus_hook(config)
    add_cdi_devices(config, ["0"])


def cdi_alone(config, _directory):
    add_cdi_devices(config, ["0"])


def log_since(size):
    log = SETUP.work / "hook.log"
    return log.read_text()[size:] if log.exists() else ""


def run_both(edit):
    """A container with GPU 0 by CDI, and what the hooks logged."""
    log = SETUP.work / "hook.log"
    size = log.stat().st_size if log.exists() else 0
    with bundle(Case("1", hook=[], edit=edit, mounts=[foreign_nodes()])) as directory:
        found = document("explain", "--bundle", str(directory))
        outcome = run_in(directory)
    check_equal(outcome.exit, 0, outcome.errors)
    check_gpus(outcome.view, [0])
    check_foreign_nodes(outcome.view, [0])
    return found, log_since(size)


@test("command")
def gpus_beside_a_cdi_device_is_not_served_and_the_log_and_explain_say_so():
    found, log = run_both(both_options)
    check_equal(log.count(WORDS), 1, f"lines in the log:\n{log}")
    check(any(WORDS in note for note in found["notes"]), found["notes"])
    check_equal(found["duty"], "engine", "who gives the driver")


@test("command")
def a_cdi_device_alone_gets_no_such_line():
    found, log = run_both(cdi_alone)
    check(WORDS not in log, log)
    check_equal(found["notes"], [], "notes")


@test("command")
def inspect_says_that_gpus_beside_a_cdi_device_was_not_served():
    with running(Case("1", hook=[], edit=both_options, args=["sleep", "1000"])) as name:
        found = document("inspect", name, status=GOOD)
    check(any(WORDS in note for note in found["notes"]), found["notes"])
