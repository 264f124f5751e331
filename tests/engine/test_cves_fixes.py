# SPDX-License-Identifier: Apache-2.0
"""What NVIDIA's stack mended without a CVE number, and the defects that reading its code shows."""

import re
import struct
from pathlib import Path

import test_mig
from attack import EVERYTHING, REFUSALS, naive_hook, run_naive, run_ours
from bundle import Case, bind, bundle, foreign_nodes, run_container, run_in, traced_hook
from expect import check_foreign_nodes, check_gpus, check_loader, check_params, check_started
from harness import SETUP, canary, check, check_equal, mount_table, require_program, run, test
from test_features import channels, check_only, host_nodes, started as started_with_features

BOTH = ("hostile", "hostile-cgroup2")
NOT_BY_VARIABLE = "accept-nvidia-visible-devices-envvar-when-unprivileged = false\n"


@test(*BOTH, cves=["toolkit-1.4.1-unprivileged"])
def a_variable_is_no_request_where_unprivileged_containers_may_not_ask():
    config = NOT_BY_VARIABLE + SETUP.config.read_text()
    mounts = [foreign_nodes()]
    outcome = run_container(Case("all", EVERYTHING, config=config, mounts=mounts))
    check_started(outcome)
    check_equal(outcome.view.nodes(), {}, "device nodes")
    check_foreign_nodes(outcome.view, [])
    privileged = Case("0", config=config, mounts=mounts, edit=test_mig.privileged)
    check_gpus(run_container(privileged).view, [0])
    check_gpus(run_container(Case("0", mounts=mounts)).view, [0])  # what the key's default is


@test("hostile", cves=["toolkit-1.17.2-imex"])
def an_old_image_gets_every_gpu_and_no_imex_channel():
    with host_nodes(channels(0, 1, 2)):
        old = {"CUDA_VERSION": "8.0.61"}
        check_only(started_with_features(old, None), {})
        check_only(started_with_features(old, "all"), {})
        asked = {**old, "NVIDIA_IMEX_CHANNELS": "1"}
        check_only(started_with_features(asked, None), channels(1))
    view = run_container(Case(None, old)).view  # not vacuous: everything else is there
    check_equal(len(view.gpus()), 8, "GPUs of an old image")


@test(*BOTH, cves=["toolkit-1.18.2-none"])
def none_brings_no_gpu():
    outcome = run_container(Case("none", EVERYTHING, mounts=[foreign_nodes()]))
    check_started(outcome)
    gpus = [path for path in outcome.view.nodes() if re.fullmatch(r"/dev/nvidia\d+", path)]
    check_equal(gpus, [], "nodes of GPUs")
    check_equal(outcome.view["gpus"], [], "/proc/driver/nvidia/gpus")
    check_foreign_nodes(outcome.view, [])
    some = run_container(Case("none,0", EVERYTHING, mounts=[foreign_nodes()]))
    check(some.record["exit"] in (0, *REFUSALS), f"none with a GPU: {some.errors}")


def hosts_mounts(volume, case, naive=()):
    """The lines that a container adds to the host's mount table, while it is there. The volume has a directory of mount targets, and
    is shared both ways (`rshared`)."""

    def edit(config, directory):
        config["linux"]["rootfsPropagation"] = "rshared"  # or the volume would be a slave of the host's
        if naive:
            entry = config["hooks"]["createRuntime"][0]
            entry["args"] = [*entry["args"][:4], *naive_hook(directory, naive)]

    run(["mount", "-t", "tmpfs", "tmpfs", volume], check=True)
    run(["mount", "--make-shared", volume], check=True)
    firmware = volume / "nvidia" / SETUP.version
    firmware.mkdir(parents=True)
    for name in ("gsp_ga10x.bin", "gsp_tu10x.bin"):
        (firmware / name).touch()  # what is there is mounted over
    try:
        case.mounts, case.edit = [bind(volume, FIRMWARE, "rshared")], edit
        before = mount_table()
        with bundle(case) as directory:
            outcome = run_in(directory, judged=not naive)
            added = [line for line in mount_table() if line not in before]
        return outcome, [line for line in added if line.split()[4].startswith(f"{volume}/")]
    finally:
        run(["umount", "-R", volume], check=True)


@test("hostile", cases=[54], cves=["toolkit-1.16.2-propagation"])
def with_shared_propagation_no_mount_appears_on_the_host():
    volume = SETUP.work / "volume"
    volume.mkdir()
    naive = ["mount", SETUP.config, f"{FIRMWARE}/leaks"]
    _, leaked = hosts_mounts(volume, Case("0"), naive)
    check(leaked, "no leak with the naive hook")
    outcome, added = hosts_mounts(volume, Case("0"))
    check_started(outcome)
    inside = [mount[0] for mount in outcome.view.mounts() if mount[0].startswith(f"{FIRMWARE}/")]
    check_equal(len(inside), 2, f"nothing was mounted in the volume: {inside}")
    check_equal(added, [], "mounts on the host")


@test(*BOTH, cves=["toolkit-1.18.0-params"])
def the_driver_in_the_container_makes_no_nodes():
    without = run_container(Case("0", hook=[]))
    check("ModifyDeviceFiles: 1" in without.view["params"], "the host's own params say 0 already")
    check_params(run_container(Case("0")).view)


@test("hostile", cves=["toolkit-mig-rights"])
def mig_configuration_and_monitoring_are_for_administrators():
    test_mig.mig_administration_is_refused_to_an_unprivileged_container()
    outcome = test_mig.administering(["CONFIG", "MONITOR"], devices="2")
    test_mig.check_administration(outcome, [1, 2, *test_mig.minors_of_gpus([2])], [2])


FIRMWARE = "/usr/lib/firmware"
FILTER_STEPS = 40  # more bpf calls than the hook makes; the loop ends at the first that is not reached


def killed_at(call, number, trace):
    """A container whose hook was killed at its `number`th such call, and whether it was. The runtime goes on as if the hook had
    succeeded, so that the container can show what it may open."""
    words = traced_hook(trace, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
    case = Case("0", mounts=[foreign_nodes()], hook=["/bin/sh", "-c", '"$@" || true', "sh", *words])
    outcome = run_container(case)
    check_started(outcome)
    return outcome, "killed by SIGKILL" in trace.read_text(errors="replace")


def opened_of_others(outcome):
    opened = outcome.view.opened("foreign")
    return {how for path, how in opened.items() if path != "/foreign/gpu2"}


@test("hostile-cgroup2", cases=[57], cves=["libnvidia-container-filter-gap"])
def the_device_filter_is_never_missing_wherever_the_hook_is_killed():
    """nvcgo detached the old program first: killed there, it left a cgroup that may open everything."""
    require_program("strace")
    mounts = [foreign_nodes()]
    naive = run_naive(lambda root, aim: None, ["detach"], canary(), mounts=mounts)
    check_equal(opened_of_others(naive), {"ENXIO"}, "GPUs not asked for, with the naive hook")
    killed, number = True, 0
    while killed:
        number += 1
        check(number < FILTER_STEPS, "the hook makes bpf calls without end")
        outcome, killed = killed_at("bpf", number, SETUP.work / "trace")
        before, after = (outcome.record[when]["devices"] for when in ("before", "after"))
        check_equal(len(after), len(before), f"device programs after bpf call {number}")
        check(after, f"no device program after bpf call {number}")
        check_equal(opened_of_others(outcome), {"EPERM"}, f"GPUs not asked for, after {number}")
    check(number > 3, f"the hook was killed at {number - 1} calls only")
    check_equal(outcome.view.opened("foreign")["/foreign/gpu2"], "ENXIO", "the GPU at the end")


MAGIC = b"glibc-ld.so.cache1.1"
HEADER, ENTRY = 48, 24


def wild_caches(cache):
    """Names and bytes of caches whose numbers lead out of the file. `cache` is a good one."""
    count = struct.unpack_from("<I", cache, 20)[0]
    for value in (0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, len(cache), len(cache) - 1, 0):
        for offset, what in ((20, "count"), (24, "length of the strings"), (32, "extensions")):
            yield f"{what} {value:#x}", patched(cache, offset, value)
        for field, what in ((4, "name"), (8, "path")):
            first, last = HEADER + field, HEADER + (count - 1) * ENTRY + field
            yield f"first {what} at {value:#x}", patched(cache, first, value)
            yield f"last {what} at {value:#x}", patched(cache, last, value)
    for length in (1, 20, 24, 47, HEADER + 1, HEADER + count * ENTRY, len(cache) - 1):
        yield f"cut off after {length} bytes", cache[:length]


def patched(data, offset, value):
    changed = bytearray(data)
    struct.pack_into("<I", changed, offset, value)
    return bytes(changed)


def shows_the_driver(outcome):
    """Whether the cache that the hook left is one that ldconfig reads, with the driver's libraries in it."""
    check_equal(outcome.exit, 0, f"the container did not run: {outcome.errors}")
    check("libcuda.so.1" in outcome.output, f"the cache: {outcome.output[-300:]}")


@test("hostile", cves=["libnvidia-container-cache-offsets"])
def a_loader_cache_with_wild_offsets_is_read_within_its_bounds():
    """No naive hook: one that reads outside may get away with it. A crash would be a signal, which the oracle refuses; what is
    outside would be seen in the new cache. Under a sanitizer the same inputs run in ld_cache_test."""
    good = Path(SETUP.rootfs, "etc/ld.so.cache").read_bytes()
    check(good.startswith(MAGIC), "the image's own cache is of another kind")
    for what, data in wild_caches(good):

        def plant(root, _aim, data=data):
            (root / "etc/ld.so.cache").write_bytes(data)

        outcome = run_ours(plant, command="/sbin/ldconfig -p")
        shows_the_driver(outcome)
        check("\\" not in outcome.output, f"{what}: {outcome.output}")


@test("hostile", cves=["libnvidia-container-cache-offsets"])
def a_good_loader_cache_keeps_what_the_image_has():
    outcome = run_container(Case("0"))
    check_started(outcome)
    check_loader(outcome.view)
