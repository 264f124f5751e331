# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia list`."""

from command import check_refused, document, oci_nvidia, text_of
from harness import BUSES, MINORS, SETUP, SIMULATE, UUID, check, check_equal, test


def on_another_host(*options):
    return [*SIMULATE, *options, "--driver-root", SETUP.driver, "--driver-version", SETUP.version, "--"]


def files_of(found):
    return {file["path"].rsplit("/", 1)[1]: file for file in found["files"] if file["abi"] == "native"}


@test("command")
def list_tells_gpus_by_index_with_minor_node_and_address():
    found = document("list")
    check_equal(found["driver"], SETUP.version, "driver")
    seen = [(gpu["index"], gpu["uuid"], gpu["pci"], gpu["minor"], gpu["node"]) for gpu in found["gpus"]]
    wanted = [
        (index, f"{UUID}{index}", f"0000:{bus}:00.0", minor, f"/dev/nvidia{minor}")
        for index, (bus, minor) in enumerate(zip(BUSES, MINORS))
    ]
    check_equal(seen, wanted, "GPUs")


@test("command")
def list_tells_of_files_why_they_are_in_or_out():
    found = document("list")
    files = files_of(found)
    check_equal(found["capabilities"], ["compute", "utility"], "capabilities")
    cuda, glx = files[f"libcuda.so.{SETUP.version}"], files[f"libGLX_nvidia.so.{SETUP.version}"]
    check_equal((cuda["injected"], cuda["capabilities"]), (True, ["compute", "video"]), "libcuda")
    check(cuda["found_as"].endswith("/libcuda.so.1"), cuda["found_as"])
    check_equal(glx["injected"], False, "libGLX_nvidia")
    check("display,graphics is not in the default capabilities" in glx["reason"], glx["reason"])
    files = files_of(document("list", "--capabilities", "graphics"))
    check_equal(files[f"libGLX_nvidia.so.{SETUP.version}"]["injected"], True, "with graphics")
    check_equal(files[f"libcuda.so.{SETUP.version}"]["injected"], False, "with graphics alone")


@test("command")
def list_is_a_table_for_people():
    text = text_of("list")
    for words in (f"Driver {SETUP.version}", f"{UUID}7", "compute,video: injected", "--why"):
        check(words in text, f"no {words!r} in {text}")
    text = text_of("list", "--why")
    for words in ("found as ", "CUDA driver library", "missing libraries: "):
        check(words in text, f"no {words!r} in {text}")


@test("command")
def list_tells_mig_devices_by_the_names_that_only_nvml_knows():
    found = document("list", before=on_another_host("--mig", "1"))
    devices = found["gpus"][1]["mig_devices"]
    check_equal([device["index"] for device in devices], list(range(7)), f"{found['notes']}: MIG devices")
    check_equal([device["gpu_instance"] for device in devices], list(range(7, 14)), "GPU instances")
    check(all(device["uuid"].startswith("MIG-") for device in devices), devices)


@test("command")
def list_without_a_driver_is_one_line():
    done = oci_nvidia("list", before=on_another_host("--no-driver"))
    check_refused(done, 14, "NVH-0401", "driver not loaded")


@test("command")
def a_reader_that_has_read_enough_is_no_failure():
    """`oci-nvidia list | head`, with a reader that is gone before anything is written."""
    words = ["sh", "-c", '{ sleep 0.3; "$@"; echo "status $?" >&2; } | true', "sh"]
    done = oci_nvidia("list", before=words)
    check_equal(done.stderr, "status 0\n", "standard error")
