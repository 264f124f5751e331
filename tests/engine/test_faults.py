# SPDX-License-Identifier: Apache-2.0
"""Every system call that the hook makes, made to fail in every plausible way, and the hook killed at each.

Nobody lists the calls: one traced run tells them, so a new call is swept by itself. `run --long` tries all; otherwise it is a
selection that is the same each time.
"""

import time
import os
from pathlib import Path

import faults
import injector
import oracle
from box import Box, rules_of_runc
from bundle import Case
from harness import SETUP, check, check_equal, mount_table, test

GPU = "1"
FIRST_OWN_CALL = injector.Call("fcntl", 1)  # what comes before is the C library's
SHOWN = 12
# How the log tells of a part that was left out. The device rules are, with a warning, where the hook has no right over the cgroup:
# in a nested container they are the outer one's business.
TOLD = ("left out", "left link", "device rules skipped", "no device filters")
ENGINES = ("hostile", "hostile-cgroup2")
COVERED = "/etc/ld.so.cache "


def permitted(cgroup):
    """The device numbers of the driver that a process in `cgroup` may open."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            (cgroup / "cgroup.procs").write_text(str(os.getpid()))
            os.write(writer, " ".join(filter(may_open, os.listdir("/dev"))).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as told:
        return sorted(told.read().split())


def may_open(name):
    """Of a driver's node. There is no driver behind it: ENXIO is what an open gives that was allowed."""
    if not name.startswith("nvidia") or os.path.isdir(f"/dev/{name}"):
        return False
    try:
        os.close(os.open(f"/dev/{name}", os.O_RDWR))
    except PermissionError:
        return False
    except OSError:
        pass
    return True


def lasting(mounts):
    """Without the numbers, which differ from one box to the next."""
    rows = []
    for line in mounts:
        one = oracle.Mount(line)
        rows.append(f"{one.target.partition('/rootfs')[2]} {one.root} {one.kind} {one.flags}")
    return sorted(rows)


def warm_up(rules):
    """Runs the hook until it remembers the host: the calls of all runs must be the same. It remembers none that is younger than some seconds."""
    remembered = Path("/run/oci-nvidia-hook")
    for _ in range(10):
        with Box(rules, Case(GPU)) as box:
            injector.list_calls(box.state_text)
        if list(remembered.glob("host.*")):
            return
        time.sleep(1)
    raise AssertionError(f"nothing is remembered in {remembered}")


class Sweep:
    """Runs faults in one box for as long as they leave it as it was."""

    def __init__(self, rules):
        self.rules = rules
        self.box = None
        self.host = mount_table()
        self.violations = []
        self.number = 0
        warm_up(rules)
        with Box(rules, Case(GPU)) as box:
            self.calls, done = injector.list_calls(box.state_text)
            check_equal((done["exit"], done["stderr"]), (0, ""), "the hook without a fault")
            self.complete = self.made_in(box)
        check(len(self.complete["permitted"]) == 4, f"without a fault: {self.complete['permitted']}")

    def made_in(self, box):
        """What a complete container has, in words that are the same for all boxes."""
        seen = box.seen()
        parts = {"mounts": lasting(seen["mounts"]), "files": seen["files"], "/dev": seen["/dev"]}
        parts["permitted"] = permitted(box.cgroup)
        return parts

    def fresh_box(self):
        if self.box is None:
            self.box = Box(self.rules, Case(GPU))
            self.before = self.box.seen()
        return self.box

    def drop_box(self):
        if self.box is not None:
            self.box.__exit__()
        self.box = None

    def say(self, what, why):
        self.violations.append(f"{what}: {why}")

    def look(self, what, done):
        """What holds after every run. Returns whether the box is as it was."""
        self.number += 1
        if "reached" not in done["report"]:
            self.say(what, "the call was not made")
        if done["left"]:
            self.say(what, "a process was left behind")
        if mount_table() != self.host:
            self.say(what, "the host's mount table changed")
        same = self.box.seen() == self.before
        if not same:
            self.after = self.box.seen()
        return same

    def fail(self, call, error):
        what = f"{call} {error}"
        log = SETUP.work / "hook.log"
        log.unlink(missing_ok=True)
        done = injector.run_failing(self.fresh_box().state_text, call, faults.number_of(error))
        same = self.look(what, done)
        started = self.calls.index(call) >= self.calls.index(FIRST_OWN_CALL)
        if started or done["exit"] == 0:
            try:
                check(done["exit"] >= 0, f"ended by signal {-done['exit']}")
                oracle.check_words(done)
            except AssertionError as reason:
                self.say(what, reason)
        if done["exit"] == 0:
            self.look_at_success(call, error, log.read_text() if log.exists() else "")
        elif not same:
            self.say(what, f"left behind {difference(self.before, self.after)}")
        if not same:
            self.drop_box()

    def look_at_success(self, call, error, log):
        """The container is complete, or has less than that and the log says so."""
        what = f"{call} {error}"
        made = self.made_in(self.box)
        open_devices = set(made["permitted"]) - set(self.complete["permitted"])
        if open_devices:
            self.say(what, f"devices are open that were not asked for: {open_devices}")
        if faults.hides_a_name(call, error):
            return
        if any(row.startswith(COVERED) for row in made["mounts"]):
            # Another file that could not be written beside the loader's is mounted over it.
            made["mounts"] = [row for row in made["mounts"] if not row.startswith(COVERED)]
            made["files"] = made["files"] + [row for row in self.complete["files"] if "ld.so.cache" in row]
        missing, extra = [], []
        for part, expected in self.complete.items():
            missing += [f"{part}: {row}" for row in expected if row not in made[part]]
            extra += [f"{part}: {row}" for row in made[part] if row not in expected]
        if extra:
            self.say(what, f"succeeded with more than without the fault: {extra[:3]}")
        if missing and not any(words in log for words in TOLD):
            self.say(what, f"succeeded without {len(missing)} parts: {missing[:2]}")

    def kill(self, call):
        what = f"killed at {call}"
        same = self.look(what, injector.run_killed(self.fresh_box().state_text, call))
        if same:
            return
        more = set(permitted(self.box.cgroup)) - set(self.complete["permitted"])
        if more:
            self.say(what, f"devices are open that were not asked for: {more}")
        if self.after["devices"] != self.before["devices"] and not self.is_granting(call):
            self.say(what, "device rules changed before everything else was done")
        self.drop_box()

    def is_granting(self, call):
        """Whether `call` comes after the last one that changes the container's mounts."""
        last = max(at for at, one in enumerate(self.calls) if one.name == "move_mount")
        return self.calls.index(call) > last


def place_of_entry(calls):
    """From there on the hook changes the container."""
    return next(at for at, call in enumerate(calls) if call.name == "setns")


def of_this_engine(calls):
    """The second engine repeats only what depends on the version of the cgroup, and the last steps, which come after it."""
    if SETUP.engine == "hostile":
        return calls
    last = max(at for at, call in enumerate(calls) if call.name in ("bpf", "move_mount"))
    return [call for at, call in enumerate(calls) if at >= last - 40 or call.name == "bpf" or "cgroup" in call.path]


def shorter(calls):
    """Every third call from where the container is changed, every twelfth before."""
    if SETUP.engine != "hostile":
        return calls
    entry = place_of_entry(calls)
    return [call for at, call in enumerate(calls) if at % (3 if at >= entry else 12) == 0]


def difference(before, after):
    rows = []
    for part, old in before.items():
        rows += [f"- {row}" for row in old if row not in after[part]]
        rows += [f"+ {row}" for row in after[part] if row not in old]
    return rows[:3]


def verdict(sweep, title):
    print(f"  {title}; violations {len(sweep.violations)}", flush=True)
    text = "\n".join(sweep.violations[:SHOWN])
    check(not sweep.violations, f"{text}\n({len(sweep.violations)} of {sweep.number})")


@test(*ENGINES, cases=[52])
def a_system_call_that_fails_leaves_the_container_as_it_was_or_complete():
    with rules_of_runc() as rules:
        sweep = Sweep(rules)
        chosen = faults.all_faults(sweep.calls)
        total = len(chosen)
        if not SETUP.long:
            chosen = faults.short_selection(of_this_engine(sweep.calls), 12)
        for call, error in chosen:
            sweep.fail(call, error)
        sweep.drop_box()
    names = len({call.name for call in sweep.calls})
    title = f"{len(sweep.calls)} calls of {names} kinds, {total} faults; tried {len(chosen)}"
    verdict(sweep, title)


@test(*ENGINES, cases=[57])
def a_hook_that_is_killed_at_any_system_call_leaves_the_host_as_it_was():
    with rules_of_runc() as rules:
        sweep = Sweep(rules)
        chosen = sweep.calls if SETUP.long else shorter(of_this_engine(sweep.calls))
        for call in chosen:
            sweep.kill(call)
        sweep.drop_box()
        with Box(rules, Case(GPU)) as box:
            done = injector.list_calls(box.state_text)[1]
            check_equal(done["exit"], 0, "the next container of the image")
            check_equal(sweep.made_in(box), sweep.complete, "the next container of the image")
    verdict(sweep, f"{len(sweep.calls)} calls; killed at {len(chosen)}")
