# SPDX-License-Identifier: Apache-2.0
"""Whether a GPU that Podman's container has stays over what systemd and Podman do later; the table
that is in docs/device-permissions.md."""

from harness import check_equal, test
from systemd_container import MINORS, GPU
from systemd_podman import by_podman, versions

ENGINES = ("podman-systemd-today", "podman-systemd-next")
STAYS, LOST = "stays", "LOST"
EVENTS = ("start", "reload", "second reload", "reexec", "set-property", "podman update", "reload after it", "regrant")


def sees(container):
    """Whether the container may use its GPU and no other."""
    try:
        container.check_access("now")
    except AssertionError:
        node = f"/foreign/gpu{MINORS[GPU]}"
        return LOST if container.opened(node)[node] == "EPERM" else "WRONG"
    return STAYS


def happenings(container, manager):
    """(name, function) in the order of EVENTS."""
    host = container.host
    yield "start", lambda: None
    yield "reload", host.reload
    yield "second reload", host.reload
    yield "reexec", lambda: host.systemctl("daemon-reexec")
    if manager == "systemd":  # elsewhere there is no unit
        property_words = ("set-property", "--runtime", container.scope, "CPUWeight=50")
        yield "set-property", lambda: host.systemctl(*property_words)
    yield "podman update", lambda: host.must(*container.runtime, "update", "--cpus", "0.5", container.name)
    yield "reload after it", host.reload
    yield "regrant", container.regrant


def survival(container, manager):
    """{event: what was seen after it}, in one container, one after the other."""
    seen = {}
    for name, happen in happenings(container, manager):
        happen()
        seen[name] = sees(container)
    return seen


def show_row(way, runtime, manager, seen):
    numbers = versions()
    cells = [f"Podman {numbers['podman']}, {runtime} {numbers[runtime]}, {manager}", way]
    cells += [seen.get(event, "-") for event in EVENTS]
    print(f"| {' | '.join(cells)} |", flush=True)


def check_row(runtime, manager, lost=()):
    with by_podman(runtime, manager) as container:
        seen = survival(container, manager)
    show_row("hook", runtime, manager, seen)
    check_equal(seen, {event: LOST if event in lost else STAYS for event in seen}, "the GPU")


@test(*ENGINES)
def the_versions_and_the_heads_of_the_table():
    numbers = versions()
    print(f"systemd {numbers['systemctl']}: {numbers}\n| engine | way | {' | '.join(EVENTS)} |", flush=True)


@test(*ENGINES)
def a_gpu_of_podman_with_crun_in_a_scope_stays():
    check_row("crun", "systemd")


@test(*ENGINES)
def a_gpu_of_podman_with_runc_in_a_scope_stays():
    check_row("runc", "systemd")


@test(*ENGINES)
def a_gpu_of_podman_with_runc_and_cgroupfs_stays():
    check_row("runc", "cgroupfs")


@test(*ENGINES)
def a_gpu_of_podman_with_crun_and_cgroupfs_stays_until_podman_update():
    """crun makes the device filter anew from Podman's own record, which a hook cannot prevent."""
    check_row("crun", "cgroupfs", lost=("podman update", "reload after it"))


@test(*ENGINES)
def without_the_drop_in_a_reload_takes_the_gpu_of_podman():
    """That the table would show a hook that leaves it out."""
    with by_podman("crun", "systemd") as container:
        container.host.path(container.drop_in).unlink()
        container.host.reload()
        check_equal(sees(container), LOST, "the GPU after a reload without the drop-in")


@test(*ENGINES)
def another_gpu_is_never_given():
    """Two containers beside each other, over the same events."""
    with by_podman("crun", "systemd") as one, by_podman("runc", "systemd") as other:
        one.host.reload()
        check_equal([sees(one), sees(other)], [STAYS, STAYS], "the GPUs of both")
