# SPDX-License-Identifier: Apache-2.0
"""What `runc update` (`docker update`, the CPU manager of Kubernetes) leaves of a GPU container's permissions, without systemd."""

from bundle import Case, foreign_nodes, running
from harness import MINORS, Skip, check, check_equal, fail_text, run, test

GPU = 1
UPDATES = (
    [],
    ["--cpu-share", "512"],
    ["--memory", "1073741824", "--memory-swap", "1073741824"],
    ["--cpuset-cpus", "0"],
    ["--pids-limit", "100"],
)
LACKING = ("no such file or directory", "no such device")


def check_access(name, when):
    expected = {f"/foreign/gpu{minor}": "EPERM" for minor in range(8)}
    expected |= {f"/foreign/gpu{MINORS[GPU]}": "ENXIO", "/dev/nvidiactl": "ENXIO"}
    done = run(["runc", "exec", name, "inspect", "open", *expected])
    check(done.returncode == 0, fail_text("inspect", done))
    seen = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    check_equal(seen, expected, f"opening nodes {when}")


@test("runc", "runc-cgroup2")
def a_gpu_stays_over_runc_update():
    """Where a controller is not there, runc fails half-way, puts back what it knows, and the GPU stays, too."""
    succeeded = 0
    case = Case(str(GPU), mounts=[foreign_nodes()], args=["sleep", "1000"])
    with running(case) as name:
        check_access(name, "before an update")
        for words in UPDATES:
            done = run(["runc", "update", *words, name])
            lacking = any(word in done.stderr.lower() for word in LACKING)
            check(done.returncode == 0 or lacking, fail_text("runc update", done))
            succeeded += done.returncode == 0
            check_access(name, f"after runc update {' '.join(words)}")
    if not succeeded:
        raise Skip("runc cannot update anything here")
