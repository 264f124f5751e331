# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia refresh` after a change of MIG devices."""

import contextlib
import shutil

from command import GOOD, WARNING, check_refused, document, oci_nvidia
from harness import MINORS, SETUP, check, check_equal, fail_text, run, test
from test_attach import opened
from test_inspect import covered
from test_old_kernel import wrapper
from test_refresh import ALL, container, only, state_of

MIG_GPU, OLD_INSTANCE, NEW_INSTANCE = 1, 7, 9
CAPS_MAJOR = 239


def caps_of(instance):
    first = 3 + MINORS[MIG_GPU] * 135 + instance * 9
    return [first, first + 1]


@contextlib.contextmanager
def changed_mig_devices():
    """The GPU's first two instances are gone, so that its first MIG device is another one."""
    place = SETUP.work / "mig"
    place.mkdir()
    try:
        listing = f"/proc/driver/nvidia/capabilities/gpu{MINORS[MIG_GPU]}/mig"
        told = SETUP.driver / "etc/oci-nvidia-mock.conf"
        shutil.copytree(listing, place / "listing", ignore=shutil.ignore_patterns("gi7", "gi8"))
        lines = []
        for line in told.read_text().splitlines():
            words = line.split()
            if line.startswith("mig=") and int(words[2]) >= NEW_INSTANCE:
                words[1] = str(int(words[1]) - (NEW_INSTANCE - OLD_INSTANCE))
                lines.append(" ".join(words))
            elif not line.startswith("mig="):
                lines.append(line)
        (place / "told").write_text("\n".join(lines) + "\n")
        with covered((place / "listing", listing), (place / "told", told)):
            yield
    finally:
        run(["chmod", "-R", "u+w", place], check=True)
        shutil.rmtree(place)


def cap_nodes(name):
    return sorted(run(["runc", "exec", name, "ls", "/dev/nvidia-caps"]).stdout.split())


@test(*ALL)
def a_change_of_mig_devices_gives_the_new_one_and_takes_the_old_one():
    with container(f"{MIG_GPU}:0") as name:
        check_equal(cap_nodes(name), [f"nvidia-cap{minor}" for minor in caps_of(OLD_INSTANCE)], "before")
        with changed_mig_devices():
            done = only(document("refresh", name))
            check_equal(done["allowed"], [f"c {CAPS_MAJOR}:{minor}" for minor in caps_of(NEW_INSTANCE)], "allowed")
            check_equal(done["denied"], [f"c {CAPS_MAJOR}:{minor}" for minor in caps_of(OLD_INSTANCE)], "denied")
            check_equal(cap_nodes(name), [f"nvidia-cap{minor}" for minor in caps_of(NEW_INSTANCE)], "nodes")
            listed = run(["runc", "exec", name, "ls", f"/proc/driver/nvidia/capabilities/gpu{MINORS[MIG_GPU]}/mig"]).stdout
            check_equal(listed.split(), [f"gi{NEW_INSTANCE}"], "its view of /proc")
            check_equal(only(document("refresh", name))["result"], "nothing-to-do", "a second call")


@test(*ALL)
def a_mig_device_comes_while_it_runs_and_goes_and_its_neighbour_stays():
    first, second = caps_of(OLD_INSTANCE), caps_of(OLD_INSTANCE + 1)
    node = f"/dev/nvidia{MINORS[MIG_GPU]}"
    with container(None) as name:
        for index, minors in enumerate((first, first + second)):
            check_equal(document("attach", name, f"{MIG_GPU}:{index}")["result"], "attached", "attach")
            check_equal(cap_nodes(name), [f"nvidia-cap{minor}" for minor in sorted(minors)], "nodes")
        check_equal(opened(name, node), {node: "ENXIO"}, "opening the node of the GPU")
        found = document("inspect", name, status=GOOD)["nodes"]
        check_equal([one["path"] for one in found if one["denied"]], [], "nodes that it may not open")
        for index, left in ((0, second), (1, [])):
            check_equal(document("detach", name, f"{MIG_GPU}:{index}")["result"], "detached", "detach")
            check_equal(cap_nodes(name), [f"nvidia-cap{minor}" for minor in left], "nodes")
            check_equal(opened(name, node), {node: "ENXIO" if left else "ENOENT"}, "the GPU of both")


@test("refresh")
def a_mig_device_that_is_gone_by_its_name_is_said():
    uuid = f"MIG-12345678-1234-1234-1234-1234567801{MIG_GPU}0"
    with container(uuid) as gone, container(f"{uuid},0") as partly, changed_mig_devices():
        before = state_of(gone)
        done = oci_nvidia("refresh", gone)
        check_refused(done, done.returncode, "NVH-0202", uuid, "oci-nvidia attach")
        check_equal(state_of(gone), before, "the container")
        done = only(document("refresh", partly, status=WARNING))
        check(any(uuid in note for note in done["notes"]), done["notes"])
        check_equal(done["denied"], [f"c {CAPS_MAJOR}:{minor}" for minor in caps_of(OLD_INSTANCE)], "denied")
        check_equal(cap_nodes(partly), [], "nodes")


@test("refresh-cgroup2")
def a_kernel_that_hides_filters_lets_the_new_one_in():
    hidden = wrapper(SETUP.work / "hidden.log", "EPERM", ("bpf-hidden",))
    with container(f"{MIG_GPU}:0") as name, changed_mig_devices():
        done = oci_nvidia("refresh", name, before=hidden)
        check_equal(done.returncode, GOOD, fail_text("refresh", done))
        check_equal(cap_nodes(name), [f"nvidia-cap{minor}" for minor in caps_of(NEW_INSTANCE)], "nodes")
        check_equal(only(document("refresh", name))["result"], "nothing-to-do", "a second call")
