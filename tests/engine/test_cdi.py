# SPDX-License-Identifier: Apache-2.0
"""`podman run --device nvidia.com/gpu=…` with specifications of this program's, full and thin."""

import json

import test_mig
from cdi import CDI_SCHEMA, RUNTIMES, generate, hooks_directory, installed, oci_nvidia, run_cdi, validate
from expect import check_foreign_nodes, check_gpus, check_loader, check_params, check_started
from harness import BUSES, MINORS, SETUP, UUID, check, check_equal, run, test
from upgrade import NEW_VERSION, upgraded_driver

ALL = ("cdi", "cdi-cgroup2")
MODES = ("full", "thin")


def by_mode(mode):
    return generate("--mode", mode, "--capabilities", "compute,utility")


def check_container(outcome, gpus, runtime):
    """These GPUs and no other, by the engine's own nodes, with a driver that loads."""
    check_started(outcome)
    view = outcome.view
    check_gpus(view, gpus)
    check_loader(view)
    check_params(view)
    if runtime != "crun":  # it runs without device cgroup here
        check_foreign_nodes(view, gpus)
    mounted = [mount[0] for mount in view.mounts() if mount[0].startswith("/dev/nvidia")]
    check_equal(mounted, [], "nodes that are mounts: the hook made them, not the engine")
    check_equal((outcome.record["stdout"], outcome.record["stderr"]), ("", ""), "hook's output")


def each_case():
    return [(mode, runtime) for mode in MODES for runtime in RUNTIMES]


@test(*ALL)
def one_gpu_by_cdi_is_there_and_no_other():
    for mode, runtime in each_case():
        check_container(run_cdi(by_mode(mode), ["1"], runtime=runtime), [1], runtime)


@test(*ALL)
def two_gpus_by_cdi_by_index_and_uuid():
    for mode, runtime in each_case():
        outcome = run_cdi(by_mode(mode), ["0", f"{UUID}5"], runtime=runtime)
        check_container(outcome, [0, 5], runtime)


@test(*ALL)
def all_gpus_by_cdi():
    for mode, runtime in each_case():
        check_container(run_cdi(by_mode(mode), ["all"], runtime=runtime), range(8), runtime)


@test("cdi")
def a_read_only_container_by_cdi_has_its_gpu():
    for mode in MODES:
        check_container(run_cdi(by_mode(mode), ["3"], "--read-only"), [3], "runc")


@test("cdi")
def a_full_specification_has_the_engine_mount_the_files_and_a_thin_one_the_hook():
    library = f"libcuda.so.{SETUP.version}"
    for mode in MODES:
        outcome = run_cdi(by_mode(mode), ["0"])
        before = any(library in line for line in outcome.record["before"]["mounts"])
        check_equal(before, mode == "full", f"{mode}: {library} is mounted before the hook")


@test("cdi")
def an_image_that_asks_for_more_gets_no_more():
    """What the container says in its environment is not asked: the nodes in config.json are."""
    for mode in MODES:
        wishes = ["-e", "NVIDIA_VISIBLE_DEVICES=all", "-e", "NVIDIA_GDS=enabled"]
        check_container(run_cdi(by_mode(mode), ["2"], *wishes), [2], "runc")


@test(*ALL)
def a_gpu_that_was_given_for_looking_alone_stays_so_beside_one_by_cdi():
    node = f"/dev/nvidia{MINORS[3]}"
    for mode, access in (("thin", "r"), ("thin", "m"), ("full", "r")):
        outcome = run_cdi(by_mode(mode), ["0"], "--device", f"{node}:{node}:{access}")
        check_started(outcome)
        check_foreign_nodes(outcome.view, [0])
        check_equal(outcome.view.opened()[node], "EPERM", f"{node}, given with `{access}`")
        check_equal(outcome.view["gpus"], [f"0000:{BUSES[0]}:00.0"], "GPUs that the hook handled")


@test("cdi")
def a_requirement_that_the_driver_does_not_meet_stops_a_container_by_cdi():
    outcome = run_cdi(by_mode("thin"), ["0"], "-e", "NVIDIA_REQUIRE_CUDA=cuda>=99")
    check(outcome.exit != 0, "the container started")
    check("NVH-0302" in outcome.errors, outcome.errors)


@test("cdi")
def the_hook_of_the_hooks_directory_stays_out():
    """`before` of the completing hook would show what the other one did."""
    directory = SETUP.work / "cdi-two-hooks.d"
    directory.mkdir()
    for path in hooks_directory().iterdir():
        (directory / path.name).write_text(path.read_text())
    usual = json.loads(SETUP.hook_definition.read_text())
    log = SETUP.work / "second.log"
    config = SETUP.work / "second.toml"
    config.write_text(SETUP.config.read_text().replace("hook.log", "second.log"))
    usual["hook"]["path"] = str(SETUP.hook)
    usual["hook"]["args"].insert(1, f"-config={config}")
    (directory / "oci-nvidia-hook.json").write_text(json.dumps(usual))
    for mode in MODES:
        options = ["-e", "NVIDIA_VISIBLE_DEVICES=all"]
        check_container(run_cdi(by_mode(mode), ["1"], *options, hooks=directory), [1], "runc")
        check("no GPU request: nothing to do" in log.read_text(), f"second hook: {log.read_text()}")
        log.unlink()


@test("cdi")
def a_container_without_a_device_has_nothing_of_the_driver():
    outcome = run_cdi(by_mode("full"), [])
    check_started(outcome)
    check_equal(outcome.view.nodes(), {}, "device nodes")
    check_equal(outcome.record, None, "the hook ran")


@test("cdi")
def capabilities_of_a_specification_are_the_files_of_its_containers():
    for mode in MODES:
        text = generate("--mode", mode, "--capabilities", "utility")
        outcome = run_cdi(text, ["0"])
        check_started(outcome)
        check_gpus(outcome.view, [0], compute=False)
        check("libcuda.so.1" not in outcome.view.loader(), "libcuda.so.1 is there")


@test("cdi")
def without_a_list_of_capabilities_containers_have_all():
    for mode in MODES:
        outcome = run_cdi(generate("--mode", mode), ["0"])
        check_started(outcome)
        check_loader(outcome.view)
        check("/dev/nvidia-modeset" in outcome.view.nodes(), "no node for capability display")
        check("libGLX_nvidia.so.0" in outcome.view.loader(), "no library for capability graphics")


def run_mig(mode, *devices):
    text = generate("--mode", mode, host=test_mig.HOST)
    foreign = ["-v", f"{test_mig.foreign_caps()['source']}:/foreign-caps:dev"]
    return run_cdi(text, devices, *foreign, host=test_mig.HOST, command=test_mig.LOOK)


@test("cdi")
def a_mig_device_by_cdi_by_index_and_by_uuid():
    for mode in MODES:
        test_mig.check_devices(run_mig(mode, "1:2"), [(1, 9)], [1])
        uuid = test_mig.mig_uuid(2, 12)
        test_mig.check_devices(run_mig(mode, uuid, "1:0"), [(1, 7), (2, 12)], [1, 2])


@test("cdi")
def all_mig_devices_by_cdi():
    for mode in MODES:
        test_mig.check_devices(run_mig(mode, "all"), test_mig.DEVICES, range(4))


@test("cdi")
def a_whole_gpu_by_cdi_brings_none_of_its_mig_devices():
    test_mig.check_devices(run_mig("thin", "1"), [], [1])


@test("cdi")
def a_thin_specification_outlives_an_upgrade_of_the_driver():
    with upgraded_driver() as (config, upgrade):
        text = generate("--mode", "thin", "--capabilities", "compute,utility", config=config)
        driver = upgrade()
        host = ["--driver-version", NEW_VERSION]
        outcome = run_cdi(text, ["1"], host=host, driver=driver)
        check_started(outcome)
        check_gpus(outcome.view, [1])
        loaded = outcome.view.loaded()["libcuda.so.1"]
        check_equal(loaded.split(".so.")[1], NEW_VERSION, "version of the libcuda that was loaded")


@test("cdi")
def a_full_specification_does_not_outlive_it_and_says_which_file_is_gone():
    with upgraded_driver() as (config, upgrade):
        text = generate(config=config)
        driver = upgrade()
        outcome = run_cdi(text, ["1"], host=["--driver-version", NEW_VERSION], driver=driver)
        check(outcome.exit != 0, "the container started")
        check(SETUP.version in outcome.errors, outcome.errors)


@test("cdi")
def specifications_follow_the_schema():
    for options in (
        [],
        ["--mode", "thin"],
        ["--mode", "thin", "--allow-in-builds"],
        ["--kind", "example.org/accelerator", "--device-names", "uuid"],
    ):
        spec = validate(generate(*options), CDI_SCHEMA)
    names = [device["name"] for device in spec["devices"]]
    check_equal(names, [f"{UUID}{index}" for index in range(8)] + ["all"], "devices by UUID")
    mig = validate(generate(host=test_mig.HOST), CDI_SCHEMA)
    names = {device["name"] for device in mig["devices"]}
    check({"0", "1:0", "2:6", test_mig.mig_uuid(1, 7), "all"} <= names, f"devices: {names}")


@test("cdi")
def a_specification_is_written_at_once_and_podman_finds_it():
    path = "/var/run/cdi/nvidia.com-gpu.json"
    words = ["--config", SETUP.config, "--hook", SETUP.hook, "--output", path]
    with installed("{}") as (file,):  # the old one
        done = oci_nvidia("cdi", "generate", *words)
        check_equal((done.returncode, done.stdout), (0, ""), done.stderr)
        check_equal(oct(file.stat().st_mode & 0o7777), oct(0o644), "mode")
        check_equal([one.name for one in file.parent.iterdir()], [file.name], "files there")
        validate(file.read_text(), CDI_SCHEMA)
        check("17 devices of nvidia.com/gpu" in done.stderr, done.stderr)
    for output in ("/nowhere/at/all.json", "/proc/cdi.json"):
        done = oci_nvidia("cdi", "generate", *words[:-1], output)
        check_equal(done.returncode, 11, done.stderr)
        check("NVH-0109" in done.stderr and output in done.stderr, done.stderr)
    check_equal(run(["ls", "/nowhere"]).returncode, 2, "a directory that was not there")
