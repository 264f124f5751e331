# SPDX-License-Identifier: Apache-2.0
"""Hostile environments, at every stage; CVE-2025-23266."""

import os
import subprocess
from pathlib import Path

from bundle import Case, run_container
from device_rules import rules_of
from direct import call, check_refusal, made_bundle, scratch, state_text
from harness import SETUP, check, check_equal, run, test

STAGES = ("prestart", "createRuntime", "createContainer", "startContainer")
INSIDE = STAGES[2:]
# Tells in whatever file system it runs in, and on the host, who loaded it.
POC = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
__attribute__((constructor)) static void run(void) {
  char name[64] = "", path[512];
  FILE *comm = fopen("/proc/self/comm", "r");
  if (comm && fgets(name, sizeof name, comm)) name[strcspn(name, "\n")] = 0;
  const char *places[] = {"%s/owned.", "/owned."};
  for (int i = 0; i < 2; ++i) {
    snprintf(path, sizeof path, "%%s%%s", places[i], name);
    open(path, O_CREAT | O_WRONLY, 0600);
  }
}
"""


def poc():
    """The library that every program with these variables loads, if the loader believes them."""
    library = scratch() / "poc.so"
    if not library.exists():
        source = scratch() / "poc.c"
        source.write_text(POC % scratch())
        run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def hostile_environment(directory):
    """Variables with paths through the working directory, as an image can set them."""
    library = "/proc/self/cwd/poc.so"
    values = {name: library for name in ("LD_PRELOAD", "LD_AUDIT", "LD_PROFILE_OUTPUT")}
    folders = "LD_LIBRARY_PATH GCONV_PATH LOCPATH HOME TMPDIR XDG_CONFIG_HOME XDG_RUNTIME_DIR NLSPATH".split()
    values |= {name: str(directory) for name in folders}
    values |= {"GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.malloc.tcache_count=x", "MALLOC_CHECK_": "3"}
    values |= {"MALLOC_PERTURB_": "255", "MALLOC_TRACE": f"{directory}/trace", "NVC_INSECURE_MODE": "1"}
    values |= {"NVC_DEBUG_FILE": f"{directory}/debug", "NVIDIA_CTK_DEBUG": "true", "PATH": str(directory), "LC_ALL": "xx_XX"}
    return values


def owned(name="*"):
    return sorted(path.name for path in scratch().glob(f"owned.{name}"))


def forget():
    for path in scratch().glob("owned.*"):
        path.unlink()


@test("hostile", cases=[66], cves=["CVE-2025-23266"])
def a_library_of_the_image_reaches_no_hook():
    """That it reaches a dynamic program is shown first."""
    directory = scratch() / "cwd"
    directory.mkdir()
    (directory / "poc.so").write_bytes(poc().read_bytes())
    subprocess.run(["/bin/true"], cwd=directory, env=hostile_environment(directory), check=True)
    check_equal(owned(), ["owned.true"], "what loads it without the hook")
    forget()
    Path("/owned.true").unlink()
    with made_bundle("99") as bundle:
        record = call(state_text(os.getpid(), bundle), "--dry-run", cwd=directory, env=hostile_environment(directory))
        check_refusal(record, "NVH-0202", "99")
    check_equal((owned(), sorted(os.listdir(directory))), ([], ["poc.so"]), "what the hook's environment did")


def at_stage(stage):
    """A hook at `stage` with the environment of an image, once as the hook's own and once as the container's."""

    def edit(config, directory):
        root = directory / "rootfs"
        for place in (directory, root):
            (place / "poc.so").write_bytes(poc().read_bytes())
        program = SETUP.hook
        if stage == "startContainer":
            program = Path("/usr/local/bin/oci-nvidia-hook")
            (root / program.relative_to("/")).write_bytes(SETUP.hook.read_bytes())
            (root / program.relative_to("/")).chmod(0o755)
        environment = [f"{name}={value}" for name, value in hostile_environment("/proc/self/cwd").items()]
        config["process"]["env"] += environment
        words = ["oci-nvidia-hook", *([] if stage == "startContainer" else [f"-config={SETUP.config}"]), stage]
        config["hooks"].setdefault(stage, []).append({"path": str(program), "args": words, "env": environment})
        if stage in INSIDE:  # without an environment of its own: runc 1.1 gives it the image's
            config["hooks"][stage].insert(0, {"path": str(program), "args": words})

    return edit


@test("hostile", cases=[66, 67], cves=["CVE-2025-23266"])
def at_no_stage_is_a_library_of_the_image_loaded_or_process_1_of_the_host_touched():
    """createContainer: the state says pid 1, and /proc is the host's."""
    before = Path("/proc/1/mountinfo").read_text(), rules_of(1)
    for stage in STAGES:
        outcome = run_container(Case("1", hook=[], edit=at_stage(stage), command="true"))
        made = [row[0] for row in outcome.changes if "owned" in row[0]]
        hooks = [name for name in [*made, *owned()] if "oci-nvidia" in name]
        check_equal(hooks, [], f"what the hook loaded at {stage}")
        if stage in INSIDE:
            check(outcome.exit != 0 and "NVH-0107" in outcome.errors, f"{stage}: {outcome.errors}")
        else:
            check_equal(outcome.exit, 0, f"{stage}: {outcome.errors}")
            check(any("libcuda" in row[0] for row in outcome.changes), f"{stage}: the hook did nothing")
        forget()
    check_equal((Path("/proc/1/mountinfo").read_text(), rules_of(1)), before, "process 1 of the host")


@test("hostile", cases=[67])
def a_number_of_another_pid_namespace_is_nobody_of_the_host():
    """As at createContainer: a pid namespace of its own, the host's /proc, and a number that means somebody else there."""
    mounts = Path("/proc/1/mountinfo").read_text()
    with made_bundle() as directory:
        for pid in (1, 2, os.getpid()):
            inside = ["unshare", "--pid", "--fork"]
            check_refusal(call(state_text(pid, directory), before=inside), "NVH-0107", "createRuntime")
    check_equal(Path("/proc/1/mountinfo").read_text(), mounts, "mount table of the host's process 1")
