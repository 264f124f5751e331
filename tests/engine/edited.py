# SPDX-License-Identifier: Apache-2.0
"""Containers whose config.json was edited before the runtime saw it; the hook in it, which completes the work, is recorded and judged."""

import dataclasses
import json

from bundle import HOOK_ENV, bundle, recorder_words, run_in
from harness import SETUP, check_equal, run


def precreate(text, *options, **where):
    """`oci-nvidia-hook precreate` with this on standard input."""
    options = options or [f"-config={SETUP.config}"]
    return run([SETUP.hook, *options, "precreate"], input=text, **where)


def edited(text, **where):
    done = precreate(text, **where)
    check_equal((done.returncode, done.stderr), (0, ""), "precreate")
    return done.stdout


def completing_hook(config):
    """The entry of the hook that an edited config.json has."""
    entries = [one for one in config["hooks"]["createRuntime"] if one["path"] == str(SETUP.hook)]
    check_equal(len(entries), 1, "hooks that complete the work")
    return entries[0]


def record(config, directory):
    """Lets the recorder start the hook of an edited config.json."""
    entry = completing_hook(config)
    command = [entry["path"], *entry["args"][1:]]
    recorder = recorder_words(directory / "record.json", command)
    entry.update(path=recorder[0], args=recorder, env=HOOK_ENV)


def edit_in_place(config, directory):
    (directory / "upper").mkdir(exist_ok=True)
    text = edited(json.dumps(config), cwd=directory)
    config.clear()
    config.update(json.loads(text))
    record(config, directory)


def edited_case(case):
    """The same container without a hook, edited by the filter when all else is done."""

    def edit(config, directory):
        if case.edit:
            case.edit(config, directory)
        edit_in_place(config, directory)

    return dataclasses.replace(case, hook=[], edit=edit)


def run_edited(case):
    other = edited_case(case)
    with bundle(other) as directory:
        return run_in(directory, other.host, other.image, other.outer, judged=True)
