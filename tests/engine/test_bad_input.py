# SPDX-License-Identifier: Apache-2.0
"""Every kind of bad input: one line with a code and a remedy, the exit code of its class, and everything left as it was."""

import json
import os
import subprocess

import overlay
from bundle import Case, bundle, run_container
from expect import check_one_line
from harness import SETUP, check, check_equal, run, test

FORBIDDEN = "load-kmods = false\n"  # or what is missing would be made

# (what is wrong, the container, exit code of the hook, error code, words)
CASES = [
    ("an unknown index", Case("99"), 12, "NVH-0202", ["unknown device", "99"]),
    (
        "an unknown UUID",
        Case("GPU-00000000-0000-0000-0000-000000000000"),
        12,
        "NVH-0202",
        ["unknown device"],
    ),
    (
        "an unknown capability",
        Case("0", {"NVIDIA_DRIVER_CAPABILITIES": "compute,teleport"}),
        12,
        "NVH-0201",
        ["teleport"],
    ),
    (
        "an unsatisfied requirement",
        Case("0", {"NVIDIA_REQUIRE_CUDA": "cuda>=99.0"}),
        13,
        "NVH-0302",
        ["unsatisfied condition", "99.0"],
    ),
    (
        "an unsatisfied requirement on the driver",
        Case("0", {"NVIDIA_REQUIRE_DRIVER": "driver<450"}),
        13,
        "NVH-0302",
        ["unsatisfied condition", "450"],
    ),
    (
        "an unsatisfied requirement on the architecture",
        Case("0", {"NVIDIA_REQUIRE_ARCH": "arch>=9.0"}),
        13,
        "NVH-0302",
        ["unsatisfied condition", "8.0"],
    ),
    (
        "an unsatisfied requirement on the brand",
        Case("0", {"NVIDIA_REQUIRE_BRAND": "brand=tesla"}),
        13,
        "NVH-0302",
        ["unsatisfied condition", "tesla"],
    ),
    (
        "a malformed requirement",
        Case("0", {"NVIDIA_REQUIRE_CUDA": "banana"}),
        13,
        "NVH-0301",
        ["invalid expression", "banana"],
    ),
    (
        "no driver",
        Case("0", settings=FORBIDDEN, host=["--no-driver"]),
        14,
        "NVH-0401",
        ["driver not loaded"],
    ),
    (
        "a module newer than the libraries",
        Case("0", host=["--driver-version", "550.54.15"]),
        14,
        "NVH-0403",
        ["550.54.15", "535.309.01"],
    ),
    (
        "a missing GPU node",
        Case("0", settings=FORBIDDEN, host=["--missing-node", "nvidia2"]),
        14,
        "NVH-0404",
        ["/dev/nvidia2"],
    ),
    (
        "a missing control node",
        Case("0", settings=FORBIDDEN, host=["--missing-node", "nvidiactl"]),
        14,
        "NVH-0404",
        ["/dev/nvidiactl"],
    ),
    (
        "a node with a number that is not its GPU's",
        Case("0", host=["--node-number", "nvidia2=1:3"], settings=FORBIDDEN),
        14,
        "NVH-0405",
        ["/dev/nvidia2"],
    ),
    (
        "a malformed configuration",
        Case("0", config="[nvidia-container-cli\nroot = 1\n"),
        11,
        "NVH-0102",
        ["config.toml:1:"],
    ),
    (
        "a configuration with a value of the wrong type",
        Case("0", config="disable-require = 7\n"),
        11,
        "NVH-0102",
        ["disable-require"],
    ),
    (
        "a driver root that is not there",
        Case("0", config='[nvidia-container-cli]\nroot = "/nowhere"\n'),
        14,
        "NVH-0406",
        ["/nowhere"],
    ),
]


def check_failed(outcome, exit_code, code, words):
    record = outcome.record
    check(outcome.exit != 0, "the container started")
    check(record is not None, f"the hook did not run: {outcome.errors}")
    check_equal(record["exit"], exit_code, f"exit code ({record['stderr'].strip()})")
    check_equal(record["stdout"], "", "standard output of the hook")
    check_one_line(record["stderr"], code, *words)
    check(code in outcome.errors, f"the runtime does not show {code}: {outcome.errors!r}")
    check_equal(record["after"], record["before"], "the container changed")


def register(title, case, exit_code, code, words):
    def body():
        unchanged = run_container(
            Case(case.devices, mounts=case.mounts, host=case.host, hook=["/bin/false"])
        )
        outcome = run_container(case)
        check_failed(outcome, exit_code, code, words)
        check_equal(outcome.changes, unchanged.changes, "the writable layer changed")

    body.__name__ = f"{title} is refused"
    test("runc")(body)


for row in CASES:
    register(*row)


def call_hook(state, *arguments):
    """The hook without a runtime."""
    text = (
        state
        if isinstance(state, str)
        else json.dumps({"ociVersion": "1.0.2", "id": "oci-nvidia-test", **state})
    )
    return run([SETUP.hook, f"-config={SETUP.config}", *arguments, "createRuntime"], input=text)


def check_refused(done, exit_code, code, *words):
    check_equal(done.returncode, exit_code, f"exit code ({done.stderr.strip()})")
    check_equal(done.stdout, "", "standard output")
    check_one_line(done.stderr, code, *words)


@test("runc")
def a_process_that_is_gone_is_refused():
    with bundle(Case("0")) as directory:
        gone = subprocess.Popen(["true"])
        gone.wait()
        check_refused(
            call_hook({"pid": gone.pid, "bundle": str(directory)}), 15, "NVH-0501", str(gone.pid)
        )


@test("runc")
def a_process_in_the_mount_namespace_of_the_host_is_refused():
    with bundle(Case("0")) as directory:
        check_refused(
            call_hook({"pid": os.getpid(), "bundle": str(directory)}),
            15,
            "NVH-0502",
            "mount namespace",
        )
        check_equal(overlay.changes(directory / "upper", SETUP.rootfs), [], "root file system")


@test("runc")
def a_malformed_config_json_is_refused():
    with bundle(Case("0")) as directory:
        (directory / "config.json").write_text('{"ociVersion": "1.0.2", "process": {')
        check_refused(
            call_hook({"pid": os.getpid(), "bundle": str(directory)}), 11, "NVH-0106", "config.json"
        )


@test("runc")
def an_absent_config_json_is_refused():
    with bundle(Case("0")) as directory:
        (directory / "config.json").unlink()
        check_refused(
            call_hook({"pid": os.getpid(), "bundle": str(directory)}), 11, "NVH-0105", "config.json"
        )


@test("runc")
def a_malformed_state_is_refused():
    for text in ("", "{", "[]", '{"pid": "x", "bundle": "/"}'):
        check_refused(call_hook(text), 11, "NVH-0104", "container state")


@test("runc")
def a_dry_run_prints_the_plan_and_changes_nothing():
    with bundle(Case("1")) as directory:
        done = call_hook({"pid": os.getpid(), "bundle": str(directory)}, "--dry-run")
        check_equal((done.returncode, done.stderr), (0, ""), "dry run")
        plan = json.dumps(json.loads(done.stdout))
        check("/dev/nvidia3" in plan and "/dev/nvidia2" not in plan, f"plan: {plan[:400]}")
        check_equal(overlay.changes(directory / "upper", SETUP.rootfs), [], "root file system")
