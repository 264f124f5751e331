# SPDX-License-Identifier: Apache-2.0
"""The check for machines with a real GPU, on this one, which has none: what it can see it must see, and what is lacking it must say."""

import json
import os
import re

from harness import HERE, PROCFS_HOOK, SETUP, Skip, check, check_equal, run, test

GPU_TESTS = HERE.parent / "gpu"
PASSED, FAILED, NOT_CHECKED = "passed", "failed", "not checked"
LAST_GPU = "one GPU by index (7)"
# The simulated libcuda.so.1 can be loaded, and that is all.
NO_CUDA = "libcuda.so.1 has no cuGetErrorString"
FAIL_WITHOUT_A_GPU = {
    "compute,utility: a CUDA program computes right": NO_CUDA,
    "all: a CUDA program computes right": NO_CUDA,
    f"{LAST_GPU}: CUDA computes right and counts one device": NO_CUDA,
    f"{LAST_GPU}: its node can be opened": "ENXIO",
}
MANIFESTS = [
    f"{name}: EGL and Vulkan manifests of the driver are there"
    for name in ("graphics", "display", "all")
]
DENIED = [
    f"{name}: other GPUs are denied by number" for name in (LAST_GPU, "NVIDIA_VISIBLE_DEVICES=none")
]
PASS = [
    "utility: nvidia-smi ends with 0",
    "utility: nvidia-smi -L equals the host's",
    "utility: every injected library loads by its SONAME",
    "compute,utility: nvidia-smi -L equals the host's",
    "compute,utility: every injected library loads by its SONAME",
    "graphics: every injected library loads by its SONAME",
    "video: every injected library loads by its SONAME",
    "display: every injected library loads by its SONAME",
    "all: nvidia-smi -L equals the host's",
    "all: every injected library loads by its SONAME",
    f"{LAST_GPU}: nvidia-smi shows it alone",
    f"{LAST_GPU}: other GPUs have no node",
    "NVIDIA_VISIBLE_DEVICES=none: nvidia-smi shows no GPU",
    "NVIDIA_VISIBLE_DEVICES=none: other GPUs have no node",
    "the hook opens no GPU",
    "the hook starts no program",
]


def build_programs():
    directory = SETUP.work / "verify-programs"
    if not directory.exists():
        run([GPU_TESTS / "build-programs", directory], check=True)
    return directory


class Verified:
    """What verify reported."""

    def __init__(self, *options, hook=None, before=()):
        programs, report = build_programs(), SETUP.work / "report.md"
        command = [*before, GPU_TESTS / "verify", "--hook", hook or SETUP.hook]
        command += ["--rootfs", SETUP.rootfs, "--programs", programs, "--report", report]
        command += ["--driver-root", SETUP.driver, "--hook-before", PROCFS_HOOK, "--runs", "2"]
        done = run([*command, *options])
        self.exit, self.text, self.errors = done.returncode, done.stdout, done.stderr
        check(self.text, f"verify ended with {self.exit}: {self.errors}")
        check_equal(report.read_text(), self.text, "the report in the file")
        row = re.compile(r"\| (passed|failed|not checked) \| (.*?) \| (.*) \|")
        rows = [match.groups() for match in map(row.fullmatch, self.text.splitlines()) if match]
        self.verdicts = {name: verdict for verdict, name, _ in rows}
        self.details = {name: detail for _, name, detail in rows}
        self.rows = re.findall(r"^\| ([^|]*) \| 2 \| [\d.]+ ms \|", self.text, re.M)

    def named(self, verdict):
        return sorted(name for name, seen in self.verdicts.items() if seen == verdict)

    def check_passed(self, names):
        seen = {name: (self.verdicts.get(name), self.details.get(name)) for name in names}
        check_equal([name for name in names if seen[name][0] != PASSED], [], f"passed of {seen}")

    def check_failures(self):
        """Exactly what needs a GPU fails, each for its reason."""
        check_equal((self.exit, self.named(FAILED)), (1, sorted(FAIL_WITHOUT_A_GPU)), "failures")
        for name, reason in FAIL_WITHOUT_A_GPU.items():
            check(reason in self.details[name], f"{name}: {self.details[name]}")


@test("runc", "runc-cgroup2")
def verify_with_runc_passes_all_but_what_needs_a_gpu():
    seen = Verified()
    seen.check_failures()
    seen.check_passed(PASS + DENIED)
    check_equal(seen.named(NOT_CHECKED), sorted(MANIFESTS), "not checked")
    check("| containers are started by | runc (" in seen.text, f"no runc:\n{seen.text}")
    expected = ["the hook", "nvidia-smi -L on the host", "NVML start and stop on the host"]
    check_equal(seen.rows, expected, "times")


@test("runc")
def verify_without_runc_makes_the_containers_itself():
    seen = Verified("--no-runc")
    seen.check_failures()
    seen.check_passed(PASS)
    check_equal(seen.named(NOT_CHECKED), sorted(MANIFESTS + DENIED), "not checked")


@test("runc")
def verify_without_the_right_to_mount_uses_a_user_namespace():
    seen = Verified(before=["setpriv", "--bounding-set", "-sys_admin"])
    if seen.exit == 3:
        raise Skip("this kernel refuses user namespaces to a process with fewer rights")
    seen.check_failures()
    seen.check_passed(PASS)
    check("because | runc (" in seen.text, f"no word on runc:\n{seen.text}")


@test("runc")
def verify_without_any_namespace_says_so_and_looks_at_plans():
    """A user namespace is refused to who is in a chroot."""
    other = SETUP.work / "chroot"
    other.mkdir()
    script = 'mount --rbind / "$0" && exec setpriv --bounding-set -sys_admin chroot "$0" "$@"'
    seen = Verified(before=["unshare", "--mount", "sh", "-c", script, other])
    check_equal((seen.exit, seen.named(FAILED)), (3, []), "exit status and failures")
    check_equal(seen.named(NOT_CHECKED), ["everything inside a container"], "not checked")
    sets = ("utility", "compute,utility", "graphics", "video", "display", "all")
    seen.check_passed([f"{name}: everything planned is on the host" for name in sets])


@test("runc")
def verify_tells_a_hook_that_does_nothing():
    seen = Verified(hook="/bin/true")
    names = [
        "utility: nvidia-smi ends with 0",
        "utility: nvidia-smi -L equals the host's",
        "graphics: every injected library loads by its SONAME",
        f"{LAST_GPU}: nvidia-smi shows it alone",
        "NVIDIA_VISIBLE_DEVICES=none: nvidia-smi shows no GPU",
    ]
    verdicts = {name: seen.verdicts[name] for name in names}
    check_equal(verdicts, dict.fromkeys(names, FAILED), "verdicts on nothing")


@test("runc")
def verify_tells_a_hook_that_opens_a_gpu_and_one_that_shows_too_many():
    hook = SETUP.work / "curious-hook"
    text = "#!/bin/sh\n(: </dev/nvidia2) 2>/dev/null\n"
    hook.write_text(f'{text}exec {SETUP.hook} "$@"\n')
    hook.chmod(0o755)
    seen = Verified(hook=hook)
    check_equal(seen.verdicts["the hook opens no GPU"], FAILED, "an opened GPU")
    check("/dev/nvidia2" in seen.details["the hook opens no GPU"], "which GPU it was is not told")
    # The request is exchanged on its way: every GPU for whoever asks for one.
    text = '#!/bin/sh\nset -- "$1" createRuntime\nbundle=${1#-config=}; bundle=${bundle%/*}\n'
    text += 'sed -i "s/VISIBLE_DEVICES=7/VISIBLE_DEVICES=all/" "$bundle/config.json"\n'
    hook.write_text(f'{text}exec {SETUP.hook} "$@"\n')
    seen = Verified(hook=hook)
    names = [
        f"{LAST_GPU}: {what}"
        for what in (
            "nvidia-smi shows it alone",
            "other GPUs have no node",
            "other GPUs are denied by number",
        )
    ]
    verdicts = {name: seen.verdicts[name] for name in names}
    check_equal(verdicts, dict.fromkeys(names, FAILED), "verdicts on too many GPUs")


@test("runc")
def verify_knows_right_sums_from_wrong_ones():
    """Its CUDA program, with a libcuda.so.1 that computes on the processor: the only way here for it to succeed."""
    directory = SETUP.work / "fake-cuda"
    directory.mkdir()
    library = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", directory / "libcuda.so.1"]
    run(["cc", "-std=gnu11", "-Wall", *library, GPU_TESTS / "fake_cuda.c"], check=True)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(directory)}
    program = build_programs() / "cuda_add"
    right = run([program], env=environment)
    told = json.loads(right.stdout)
    check_equal((right.returncode, told["right"], told["devices"]), (0, True, 1), "right sums")
    check_equal((told["cuda"], told["name"]), (12040, 'the "fake" GPU'), "what the driver is")
    wrong = run([program], env={**environment, "FAKE_CUDA_WRONG": "1"})
    told = json.loads(wrong.stdout)
    seen = (wrong.returncode, told["right"], told["step"])
    check_equal(seen, (1, False, "compare"), "wrong sums")
    check_equal(told["error"], "1 of 65536 sums are wrong", "what is wrong")
