# SPDX-License-Identifier: Apache-2.0
"""What the hook itself does on the host: it opens no GPU, and takes little time."""

import re
from pathlib import Path

import kernel
from containers import Request, finished

GPU_OPENS = "the hook opens no GPU"
OPEN = re.compile(r'open\w*\(.*"[^"]*nvidia\d+"')
# O_PATH opens no device; O_CREAT|O_EXCL makes the placeholder in the container.
HARMLESS = re.compile("O_PATH|O_EXCL")
TRIES = 5


def strace_words(candidates, work):
    """Returns (command words that trace a program into work/trace, None), or (None, why not)."""
    why = "strace is not installed and none was given (--strace FILE)"
    for words in candidates:
        traced = [*words, "-f", "-qq", "-o", str(work / "trace")]
        done = finished([*traced, "/bin/true"])
        if done.exit == 0:
            return traced, None
        why = f"strace does not work here: {done.why}"
    return None, why


def check_gpu_opens(report, launcher, candidates, work):
    traced, why = strace_words(candidates, work)
    if traced is None:
        check_by_watch(report, launcher, why)
        return
    trace = work / "trace"
    trace.unlink()
    outcome = launcher.run(Request("all", "compute,utility", "true", traced))
    if outcome.exit != 0 or not trace.exists():
        check_by_watch(report, launcher, f"under strace the container fails: {outcome.why}")
        return
    calls = trace.read_text(errors="replace").splitlines()
    opened = [call for call in calls if OPEN.search(call) and not HARMLESS.search(call)]
    words = f"strace: {len(calls)} system calls"
    report.expect(GPU_OPENS, not opened, words, "; ".join(opened[:3]))
    # The first process is the hook itself.
    started = [c for c in calls if re.search(r"\b(execve|execveat|fork|vfork|clone3?)\(", c)][1:]
    report.expect("the hook starts no program", not started, "strace", "; ".join(started[:3]))


def check_by_watch(report, launcher, why):
    """Without strace: inotify on the nodes. Other programs may open them meanwhile, so one run
    without an open is enough."""
    nodes = sorted(p for p in Path("/dev").glob("nvidia*") if re.fullmatch(r"nvidia\d+", p.name))
    useless = kernel.watch_tells_opens() if nodes else "this host has no GPU node"
    if useless:
        report.not_checked(GPU_OPENS, f"{why}; nor can it be watched: {useless}")
        return
    watch = kernel.OpenWatch(nodes)
    opened = []
    for _ in range(TRIES):
        watch.opened()
        outcome = launcher.run(Request("all", "compute,utility"))
        opened = watch.opened()
        if outcome.exit == 0 and not opened:
            break
    watch.close()
    how = f"{len(nodes)} node(s) watched by inotify during a container start; {why}"
    good = outcome.exit == 0 and not opened
    words = f"opened in each of {TRIES} starts: {', '.join(opened)}"
    report.expect(GPU_OPENS, good, how, words if opened else outcome.why)


def measure(report, host, launcher, work, runs):
    """Measures the hook in real container starts, and the host's own programs, in turns."""
    timed = str(host.programs / "timed")
    commands = {
        "nvidia-smi -L on the host": host.smi_command(),
        "NVML start and stop on the host": host.own_command("nvml_start"),
    }
    usable = {}
    for what, words in commands.items():
        done = finished(words)
        if done.exit == 0:
            usable[what] = words
        else:
            report.notes.append(f"{what}: {done.why}")
    times = {what: [] for what in ["the hook", *usable]}
    for number in range(runs):
        outcome = launcher.run(Request("all", "compute,utility"))
        if outcome.exit != 0 or outcome.hook_ns is None:
            report.notes.append(f"the hook: {outcome.why}")
            return
        times["the hook"].append(outcome.hook_ns)
        for what, words in usable.items():
            file = work / f"time-{number}"
            finished([timed, str(file), *words])
            times[what].append(int(file.read_text().split()[0]))
            file.unlink()
    report.timings, report.timed_hook = times, launcher.timed_hook

