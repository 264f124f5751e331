# SPDX-License-Identifier: Apache-2.0
"""Requests for things that the container must not get."""

from direct import MEMORY, call, check_refusal, container, made_bundle, plan_of, scratch, state_text, within
from harness import SETUP, check, check_equal, test

MANY = 10**6


def refused_values(rows, name=None):
    """Every value (title, value, code, words...) of NVIDIA_VISIBLE_DEVICES, or of the variable `name`, must be refused, in bounded memory."""
    with container() as pid:
        for title, value, code, *words in rows:
            with made_bundle(*((value,) if name is None else ("0", {name: value}))) as directory:
                record = call(state_text(pid, directory), before=within(MEMORY >> 20))
                try:
                    check_refusal(record, code, *words)
                except AssertionError as error:
                    raise AssertionError(f"{title}: {error}") from error


@test("hostile", cases=[21])
def a_device_that_is_a_path_or_a_format_is_an_unknown_device():
    names = "../../etc /dev/nvidia0 nvidia0 .. / 0/../1 GPU-..%n %s%n%x 0x0 00000000000000000099 -1 +1 1.0 1e0 4294967296".split()
    names += ["18446744073709551616", "0:0:0", "0:99", "MIG-", "MIG-GPU-../7/0", "GPU-", "GPU-*", "$(id)", "`id`", "0 1", "0;1"]
    names += ["nvidia.com/gpu=../etc", "amd.com/gpu=all", "x" * (1 << 20), "GPU-" + "9" * (1 << 20)]
    refused_values([(name[:20], name, "NVH-0202", "unknown device") for name in names])
    refused_values([("beside a good one", "0,../../etc", "NVH-0202", "`../../etc`: unknown device")])


@test("hostile", cases=[21])
def a_list_of_a_million_commas_is_bounded():
    """`all` anywhere is all, as for NVIDIA's: what stands beside it is looked at by nobody."""
    with made_bundle("1") as plain, made_bundle("," * MANY + "1" + "," * MANY) as commas:
        check_equal(plan_of(state_text(0, commas), before=within(MEMORY >> 20)), plan_of(state_text(0, plain)), "plan")
    with made_bundle("all") as plain, made_bundle("all,0,../../etc") as mixed:
        check_equal(plan_of(state_text(0, mixed)), plan_of(state_text(0, plain)), "plan")
    with made_bundle("," * MANY) as nothing, container() as pid:
        check_equal(call(state_text(pid, nothing), before=within(MEMORY >> 20))["exit"], 0, "no request")
    numbers = ",".join(map(str, range(MANY // 8)))
    refused_values([("many indices", numbers, "NVH-0202", "`8`"), ("many ones", "1," * MANY + "x", "NVH-0202", "`x`")])


@test("hostile", cases=[22])
def an_imex_channel_that_is_no_channel_is_refused():
    values = "../0 /dev/null 4294967296 1048576 18446744073709551616 -1 +1 0x1 1.5 1e3 0,../1 channel0 0/0 % 1junk".split()
    rows = [(value, value, "NVH-0204", "IMEX") for value in [*values, "9" * (1 << 20)]]
    refused_values(rows, "NVIDIA_IMEX_CHANNELS")


@test("hostile", cases=[23])
def an_unknown_capability_is_refused_with_the_known_ones():
    known = "compat32,compute,display,graphics,ngx,utility,video"
    for_value = [(value, value, "NVH-0201", known) for value in ("teleport", "compute,../etc", "COMPUTE", "none", "compute utility")]
    long = [("1 MiB", "x" * (1 << 20), "NVH-0201"), ("a million", "a,b,c," * (MANY // 3), "NVH-0201", known)]
    refused_values([*for_value, *long], "NVIDIA_DRIVER_CAPABILITIES")


@test("hostile", cases=[26])
def a_requirement_beyond_measure_is_bounded_and_refused():
    rows = [
        ("1 MiB of one term", "cuda>=" + "9" * (1 << 20), "NVH-03"),
        ("many alternatives", "driver>=99999 " * (MANY // 14), "NVH-0302", "unsatisfied"),
        ("many terms", "driver>=1," * (MANY // 10) + "driver>=99999", "NVH-0302", "unsatisfied"),
        ("nested", "(" * MANY, "NVH-0301", "invalid expression"),
        ("a version of many parts", "driver>=99999" + ".1" * (MANY // 2), "NVH-03"),
        ("unknown operator", "cuda~8", "NVH-0301", "cuda~8"),
        ("operators", "cuda>==<8", "NVH-0301", "operators"),
        ("no operator", "cuda", "NVH-0301", "operators"),
        ("no value", "cuda>=", "NVH-0301", "ends after"),
        ("unknown fact", "moon=full", "NVH-0301", "cuda, driver, arch and brand"),
        ("control characters", "cuda>=\x1b[2J", "NVH-0301", "\\x1b[2J"),
        ("a format", "%n%s", "NVH-0301", "%n%s"),
    ]
    for title, value, code, *words in rows:
        with made_bundle("0", {"NVIDIA_REQUIRE_X": value}) as directory, container() as pid:
            record = call(state_text(pid, directory), before=within(MEMORY >> 20))
            check_equal(record["exit"], 13, f"{title}: {record['stderr'][:300]}")
            for word in (code, *words):
                check(word in record["stderr"], f"{title}: expected {word!r} in {record['stderr'][:300]!r}")


@test("hostile", cases=[27])
def a_volume_mount_that_leaves_its_directory_names_no_device():
    config = scratch() / "volumes.toml"
    config.write_text("accept-nvidia-visible-devices-as-volume-mounts = true\n" + SETUP.config.read_text())
    top = "/var/run/nvidia-container-devices"

    def mounts(*names, source="/dev/null"):
        return [{"destination": name, "type": "bind", "source": source, "options": ["bind"]} for name in names]

    nothing = [f"{top}/../0", f"{top}/../../etc/0", f"{top}/a/../../0", f"{top}/..", f"{top}/GPU-x/../../y", f"{top}/.", f"{top}-x/0", f"{top}0", f"/x{top}/0"]
    with container() as pid:
        for name in nothing:
            with made_bundle(None, mounts=mounts(name)) as directory:
                record = call(state_text(pid, directory), config=config)
                check_equal((record["exit"], record["stderr"]), (0, ""), name)
        with made_bundle(None, mounts=mounts(f"{top}/0", source="/etc")) as directory:
            check_equal(call(state_text(pid, directory), config=config)["exit"], 0, "a source that is not /dev/null")
        for name in ("/etc/passwd", "GPU-x/../y", "%n", "a/b/c"):
            with made_bundle(None, mounts=mounts(f"{top}/{name}")) as directory:
                check_refusal(call(state_text(pid, directory), config=config), "NVH-0202", "unknown device")
    with made_bundle(None, mounts=mounts(f"{top}/x/../1")) as odd, made_bundle(None, mounts=mounts(f"{top}/1")) as plain:
        plans = [plan_of(state_text(0, directory), config=config) for directory in (odd, plain)]
        check(plans[0] == plans[1], "a name with .. is not cleaned as NVIDIA's hook does")
