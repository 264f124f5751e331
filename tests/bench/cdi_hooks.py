# SPDX-License-Identifier: Apache-2.0
"""The calls that a CDI specification of NVIDIA's makes for one container, each measured in a
container of its own at createContainer, in turns with an empty static program; beside them our own
hook for the same GPU."""

import dataclasses
import statistics

import programs
from bundle import Case
from containers import Place
from harness import MINORS, SETUP, check_equal
from nvidia_spec import CONTROL, RELEASES, driver_files, hooks, mount

RELEASE = "1.20"
NOTHING, OWN_HOOK, SUM = "nothing", "oci-nvidia-hook, all of it", "all calls"


@dataclasses.dataclass
class Row:
    """Microseconds; `own` is what the program takes beyond `nothing`, in the medians, and
    `least_own` in the fastest runs, on which other load has the least effect."""

    program: str
    median: float
    own: float
    least_own: float
    runs: int


def node(path, major, minor):
    return {"path": path, "type": "c", "major": major, "minor": minor, "fileMode": 0o666}


def give_driver(config, _directory):
    """What an engine writes into config.json for the specification."""
    for path in driver_files():
        entry = mount(path, RELEASES[RELEASE])
        config["mounts"].append(
            {"source": entry["hostPath"], "destination": path, "type": "bind", "options": entry["options"]}
        )
    numbers = {"nvidiactl": (195, 255), "nvidia-uvm": (511, 0), "nvidia-uvm-tools": (511, 1)}
    nodes = [node(f"/dev/{name}", *numbers[name]) for name in CONTROL]
    nodes.append(node(f"/dev/nvidia{MINORS[0]}", 195, MINORS[0]))
    config["linux"].setdefault("devices", []).extend(nodes)


def programs_at(_place):
    """The calls by name."""
    link = SETUP.work / "nvidia-cdi-hook"
    link.symlink_to(SETUP.hook)
    calls = {entry["args"][1]: [link, *entry["args"][1:]] for entry in hooks(str(link), RELEASES[RELEASE])}
    return {NOTHING: [programs.compiled("nothing")], **calls}


def measured(place, words, rounds):
    """{program: times}, taken in turns."""
    found = {program: [] for program in words}
    order = list(words)
    for turn in range(-2, rounds):
        first = turn % len(order)
        for program in order[first:] + order[:first]:
            figures = place.measure(words[program])
            check_equal(figures.status, 0, f"exit status of {program}")
            if turn >= 0:
                found[program].append(figures.wall)
    return found


def rows_of(found, rounds):
    nothing, least = statistics.median(found[NOTHING]), min(found[NOTHING])
    medians = {program: statistics.median(times) for program, times in found.items()}
    return [
        Row(program, median, median - nothing, min(found[program]) - least, rounds) for program, median in medians.items()
    ]


def measure(rounds):
    place = Place("bench-cdi-hooks", Case(None, hook=[], edit=give_driver), "createContainer")
    rows = rows_of(measured(place, programs_at(place), rounds), rounds)
    calls = [row for row in rows if row.program != NOTHING]
    rows.append(Row(SUM, *(sum(getattr(row, of) for row in calls) for of in ("median", "own", "least_own")), rounds))
    whole = Place("bench-own-hook", Case("0", {"NVIDIA_DRIVER_CAPABILITIES": "all"}, hook=[]))
    whole.warm_up()
    words = {NOTHING: [programs.compiled("nothing")], OWN_HOOK: programs.hook()}
    rows += [row for row in rows_of(measured(whole, words, rounds), rounds) if row.program != NOTHING]
    return rows


def as_text(rows):
    width = max(len(row.program) for row in rows)
    lines = [f"NVIDIA's CDI specification, {RELEASE} ({SETUP.engine or 'runc'}, medians of {rows[0].runs}, interleaved)"]
    lines.append("  " + "program".ljust(width) + "  median us  beyond nothing  fastest beyond nothing's")
    lines += [f"  {row.program.ljust(width)}  {row.median:9.0f}  {row.own:14.0f}  {row.least_own:24.0f}" for row in rows]
    return "\n".join(lines)
