# SPDX-License-Identifier: Apache-2.0
"""config.json edited before the runtime sees it: the runtime mounts and makes what it can, one hook does the rest."""

import stat

from bundle import Case, foreign_nodes, run_container
from edited import run_edited
from expect import LIBRARIES, check_foreign_nodes, check_gpus, check_loader, check_params, check_started
from harness import SETUP, check, check_equal, test

ENGINES = ["runc", "runc-cgroup2", "crun-cgroup2"]
# What a container sees that does not tell who put it there.
SAME = "nodes open foreign loader load links smi gpus params tree dev end".split()


def flags_of(view):
    """{target: flags} of the mounts of files of the driver."""
    rows = {target: (source, flags) for target, source, flags, _ in view.mounts()}
    wanted = ["ro", "nosuid", "nodev", "noexec"]
    return {
        target: (source, [flag for flag in wanted if flag in flags])
        for target, (source, flags) in rows.items()
        if SETUP.version in target or target.startswith(("/usr/bin/nvidia", "/proc/driver/nvidia"))
    }


def made(outcome):
    """The writable layer; the mode of what a mount is put on is the runtime's business."""
    return [[path, stat.S_IFMT(int(mode, 8)), *rest] for path, mode, *rest in outcome.changes]


def check_done_by_runtime(outcome):
    """Before the hook ran, the runtime had done its part, and to that the hook adds nothing."""
    record, top = outcome.record, f"{outcome.directory}/rootfs"
    targets = {
        when: [line.split()[4].removeprefix(top) for line in record[when]["mounts"]] for when in ("before", "after")
    }
    for path in (f"{LIBRARIES}/libcuda.so.{SETUP.version}", "/usr/bin/nvidia-smi"):
        check_equal([targets[when].count(path) for when in ("before", "after")], [1, 1], f"mounts of {path}")
    nodes = [path for path in targets["after"] if path.startswith("/dev/nvidia")]
    check_equal(nodes, [], "nodes that are mounts")
    check_equal(record["after"]["devices"], record["before"]["devices"], "device rules that the hook made")


def check_same(case):
    """The container is the one that the hook alone makes. Returns what was seen of it."""
    usual, seen = run_container(case), run_edited(case)
    check_started(usual)
    check_started(seen)
    for section in SAME:
        check_equal(seen.view[section], usual.view[section], f"section {section}")
    check_equal(flags_of(seen.view), flags_of(usual.view), "mounts of the driver")
    check_equal(made(seen), made(usual), "the writable layer")
    check_done_by_runtime(seen)
    return seen


@test(*ENGINES)
def an_edited_container_is_the_one_that_the_hook_makes():
    outcome = check_same(Case("1", mounts=[foreign_nodes()]))
    check_gpus(outcome.view, [1])
    check_loader(outcome.view)
    check_params(outcome.view)
    if not SETUP.engine.startswith("crun"):  # it is run without cgroups
        check_foreign_nodes(outcome.view, [1])
