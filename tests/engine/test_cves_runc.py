# SPDX-License-Identifier: Apache-2.0
"""The class of runc's and crun's CVEs, as images that do it, each shown to be an attack with a naive hook first where one can be."""

import re
import subprocess

import overlay
from attack import UP, attack, prey, replace, run_naive, run_ours, without_mount
from bundle import HOOK_ENV, Case, bundle, run_container
from expect import LIBRARIES, check_one_line, check_started
from harness import MINORS, SETUP, canary, check, check_equal, test
from test_bad_input import call_hook

FIRMWARE = f"/usr/lib/firmware/nvidia/{SETUP.version}"
PARAMS = "/proc/driver/nvidia/params"
PID = r"""pid=$(sed -n 's/.*"pid" *: *\([0-9]*\).*/\1/p')"""
INSIDE = 'nsenter --mount="/proc/$pid/ns/mnt"'


def leads_to_host(place, spelling="{aim}"):
    """An image that has a link to the host at `place`."""

    def plant(root, aim):
        replace(root / place[1:], spelling.format(aim=aim))

    return plant


def nothing(_root, _aim):
    """An image without an attack: it comes by other ways."""


def earlier_hook(script):
    """What happens after the runtime has made its mounts, and before the hook runs: $1 is the root file system, $2 the host's
    directory, which for the naive hook is the prey, and $pid the container's process."""

    def edit(config, directory):
        aim = SETUP.work / "prey"
        aim = aim if aim.exists() else canary()
        args = ["sh", "-ec", f"{PID}; {script}", "sh", f"{directory}/rootfs", str(aim)]
        config["hooks"]["prestart"] = [{"path": "/bin/sh", "args": args, "env": HOOK_ENV}]

    return edit


def check_proc_refused(outcome):
    check_one_line(outcome.record["stderr"], "NVH-0504", "/proc")


@test("hostile", cases=[36], cves=["CVE-2019-16884", "CVE-2025-52881"])
def a_proc_that_is_a_link_is_refused_and_not_written_through():
    def plant(root, aim):
        replace(root / "proc", f"{aim}/below")

    with prey() as aim:
        (aim / "below/driver/nvidia").mkdir(parents=True)
        edit = without_mount("/proc")
        run_naive(plant, ["write", PARAMS], aim, edit=edit, command="true")
        written = aim / "below/driver/nvidia/params"
        check(written.exists(), "no attack: the naive hook wrote elsewhere")
    check_proc_refused(run_ours(plant, starts=False, edit=without_mount("/proc")))


@test("hostile", cases=[36], cves=["CVE-2019-16884", "CVE-2025-52881"])
def a_proc_that_is_another_file_system_is_refused():
    """What the hook is to write for procfs goes to files of the tenant's. A link on that tmpfs leads on, to the host."""
    fake = f'{INSIDE} mount -t tmpfs none "$1/proc"'
    check_proc_refused(run_ours(nothing, starts=False, edit=earlier_hook(fake)))
    linked = f'{fake}; {INSIDE} ln -s "$2" "$1/proc/driver"'
    outcome = attack(nothing, ["write", "/proc/driver/params"], False, edit=earlier_hook(linked))
    check_proc_refused(outcome)


@test("hostile", cases=[36], cves=["CVE-2025-52881"])
def a_procfs_whose_driver_directory_leads_elsewhere_is_not_written_through():
    """procfs has no links there; a tmpfs over /proc/driver has."""
    linked = (
        f'{INSIDE} mount -t tmpfs none "$1/proc/driver"; {INSIDE} ln -s "$2" "$1/proc/driver/nvidia"'
    )
    outcome = attack(nothing, ["write", PARAMS], None, edit=earlier_hook(linked))
    check(outcome.record["exit"] != 0, "the hook took a link for the driver's directory")


@test("hostile", cves=["CVE-2023-25809"])
def the_cgroup_tree_of_the_container_is_not_used():
    """The hook writes device rules to the host's own cgroup tree, whatever the image has for one."""
    place = "/sys/fs/cgroup"
    edit = without_mount("/sys", place)
    outcome = attack(leads_to_host(place), ["write", f"{place}/devices.allow"], edit=edit)
    rules = set(outcome.record["after"]["devices"]) - set(outcome.record["before"]["devices"])
    check(f"c 195:{MINORS[0]} rw" in rules, f"rules that were added: {rules}")


@test("hostile", cves=["CVE-2023-25809"])
def the_cgroup_tree_of_the_container_stays_read_only():
    """The oracle has compared the flags of every mount that was there."""
    attempt = "for f in $(find /sys/fs/cgroup -name '*.allow' -o -name cgroup.procs); do echo 1 >$f && echo wrote $f; done; true"
    outcome = run_ours(nothing, command=f"({attempt}) 2>/dev/null")
    check_equal((outcome.exit, outcome.output), (0, ""), "writing to the cgroup tree")


@test("hostile", cves=["CVE-2024-45310"])
def directories_on_the_way_to_a_target_are_made_inside():
    """That the path is swapped meanwhile is in test_races.py; here it leads to the host from the start."""
    profiles = "/etc/nvidia/nvidia-application-profiles-rc.d"
    for place, target in (("/etc/nvidia", profiles), ("/usr/lib/firmware", f"{FIRMWARE}/x")):
        outcome = attack(leads_to_host(place), ["create", f"{target}/deep/file"])
        made = [row[0] for row in outcome.changes if row[0].startswith(str(canary())[1:])]
        check(made, f"nothing was made inside for {place}: {outcome.changes[:5]}")


def fake_nodes(root, aim):
    (root / "etc/shown").touch()
    for name in ("nvidiactl", f"nvidia{MINORS[0]}", "nvidia-uvm"):
        replace(root / "dev" / name, f"{aim}/secret")


@test("hostile", cases=[35], cves=["CVE-2025-31133"])
def a_device_node_of_the_image_is_never_a_source():
    """The naive hook takes the container's /dev/nvidiactl for one, and gives it the host's file."""
    edit, show = without_mount("/dev"), "cat /etc/shown"
    take = ["take", "/dev/nvidiactl", "/etc/shown"]
    naive = run_naive(fake_nodes, take, canary(), edit=edit, command=show)
    check_equal(naive.output, "of the host\n", "what the naive hook shows")
    # A link where a node goes leads to where the node is put: inside, or it is refused because two have the same place.
    outcome = run_ours(fake_nodes, None, edit=edit, command=show)
    check("of the host" not in outcome.output, "the container shows the host's file")

    def one_fake(root, aim):
        replace(root / "dev/nvidiactl", f"{aim}/secret")
        (root / "dev/nvidia-uvm").write_text("of the image")

    outcome = run_ours(one_fake, edit=edit)
    check_started(outcome)
    numbers = set(outcome.view.opened().values())
    check_equal(numbers, {"ENXIO", "opened"}, "what the nodes of the driver are")


@test("hostile", cases=[33], cves=["CVE-2026-41579", "CVE-2026-47766"])
def a_dev_that_is_a_link_brings_no_node_to_the_host():
    """runc 1.1 makes its own nodes in an image's /dev before: the link takes its place after that, and before the hook."""
    swap = earlier_hook('mv "$1/dev" "$1/dev.old"; ln -s "$2" "$1/dev"')

    def edit(config, directory):
        without_mount("/dev")(config, directory)
        procfs = config["hooks"]["prestart"]
        swap(config, directory)
        config["hooks"]["prestart"] = procfs + config["hooks"]["prestart"]

    outcome = attack(nothing, ["node", "/dev/nvidiactl"], None, edit=edit)
    targets = [line.split()[4] for line in outcome.record["after"]["mounts"]]
    inside = f"{outcome.directory}/rootfs{canary()}/nvidiactl"
    check(inside in targets or outcome.record["exit"] != 0, "the node is elsewhere")


@test("hostile", cases=[29, 32], cves=["CVE-2019-18837"])
def no_spelling_of_a_link_is_missed():
    """The naive hook looks at the last component alone."""
    spellings = {
        "absolute": "{aim}",
        "with slashes": "//{aim}//",
        "with dots": "/././{aim}/.",
        "up and down": UP + "usr/.." + "{aim}",
        "by way of the place itself": "firmware-2/../../" + UP + "{aim}",
    }
    for what, text in spellings.items():

        def plant(root, aim, text=text):
            replace(root / "usr/lib/firmware", text.format(aim=aim))
            (root / "usr/lib/firmware-2").mkdir(exist_ok=True)

        outcome = attack(plant, ["create", f"{FIRMWARE}/gsp_ga10x.bin"], None)
        inside = f"{canary()}/nvidia/{SETUP.version}/gsp_ga10x.bin"[1:]
        made = inside in [row[0] for row in outcome.changes]
        check(made, f"{what}: not made inside: {outcome.errors}")


@test("hostile", cases=[32], cves=["CVE-2019-18837"])
def a_chain_of_links_is_followed_inside_or_refused():
    for length, starts in ((3, True), (39, None), (60, None)):

        def plant(root, aim, length=length):
            directory = root / "usr/lib"
            replace(directory / "firmware", "chain1")
            for number in range(1, length):
                replace(directory / f"chain{number}", f"chain{number + 1}")
            replace(directory / f"chain{length}", aim)

        # A chain that the kernel does not follow is no way to the host for a naive hook either.
        if length < 40:
            attack(plant, ["create", f"{FIRMWARE}/gsp_ga10x.bin"], starts)
        else:
            run_ours(plant, starts)


BAD_NUMBERS = ("0x1", "1x", "+1", "1e0", "1.0", "1;", "1\t2", "\u0661", "1\u00a0", "-1")


@test("hostile", cases=[7, 21, 22], cves=["CVE-2026-30892"])
def numbers_with_anything_after_them_are_refused():
    """No naive hook: strtol takes all of these, and what it makes of them is another GPU or another process."""
    for value in BAD_NUMBERS:
        outcome = run_ours(nothing, starts=False, devices=value)
        check_one_line(outcome.record["stderr"], "NVH-0202", "unknown device")
        channels = {"NVIDIA_IMEX_CHANNELS": value}
        outcome = run_ours(nothing, starts=False, env=channels)
        check_one_line(outcome.record["stderr"], "NVH-0204", "error parsing IMEX info")
    for value in ("0:1x", "0x0:0", "0:0:", ":0"):
        run_ours(nothing, starts=False, devices=value)


@test("hostile", cases=[7], cves=["CVE-2026-30892"])
def a_process_number_is_a_number_or_nothing():
    """The process is a container's, so that a number that was taken would do something."""
    with bundle(Case("0")) as directory:
        process = subprocess.Popen(["unshare", "-m", "sleep", "60"])
        try:
            for text in ('"%d"', '"%dx"', "%de0", "%d.0", "0x%x", "[%d]", "%d.5", "%de3", "-%d"):
                pid = text % process.pid
                state = f'{{"ociVersion":"1.0.2","id":"x","pid":{pid},"bundle":"{directory}"}}'
                done = call_hook(state)
                check_equal(done.returncode, 11, f"exit code with pid {pid} ({done.stderr})")
                check(re.match(r"oci-nvidia-hook: NVH-0104: ", done.stderr), done.stderr)
            changed = overlay.changes(directory / "upper", SETUP.rootfs)
            check_equal(changed, [], "root file system")
        finally:
            process.kill()
            process.wait()


@test("hostile", cves=["CVE-2024-21626"])
def no_descriptor_of_the_hook_reaches_the_container():
    listing = "ls -l /proc/self/fd | sed 's/.* //'"
    usual = run_container(Case("0", hook=[], command=listing))
    outcome = run_container(Case("0", command=listing))
    check_equal(len(outcome.output.split()), len(usual.output.split()), "open files")
    check(LIBRARIES not in outcome.output and "/sys" not in outcome.output, outcome.output)
