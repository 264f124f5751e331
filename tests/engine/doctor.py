# SPDX-License-Identifier: Apache-2.0
"""Runs oci-nvidia doctor, and judges which faults it names."""

import functools
import json
import os
import shutil

from fake_host import USER, place
from harness import HERE, SETUP, Skip, check, check_equal, fail_text, run

STATUS = {"good": 0, "warning": 1, "broken": 3}
NO_FAULTS = {"good", "note", "skipped"}


@functools.cache
def command():
    """The program where every user may start it."""
    shutil.copy(SETUP.hook.parent / "oci-nvidia", place())
    return place() / "oci-nvidia"


@functools.cache
def schema():
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel
    except ImportError as missing:
        raise Skip("the Python module jsonschema is missing; scripts/test --engines installs python3-jsonschema") from missing
    document = json.loads((HERE.parents[1] / "docs/schemas/doctor-1.schema.json").read_text())
    return jsonschema.Draft202012Validator(document)


def doctor(host, *options, before=(), program_file=None):
    """The document that it prints, which is what its schema says."""
    words = [*before, program_file or command(), "doctor", "--json", "--host-root", host, *options]
    done = run(words, env={"PATH": os.environ["PATH"]})
    check(done.returncode in STATUS.values() and not done.stderr, fail_text("doctor", done))
    document = json.loads(done.stdout)
    schema().validate(document)
    check_equal(done.returncode, STATUS[document["outcome"]], "status")
    return document


def faults(document, among=None):
    return [
        (one["id"], one["verdict"])
        for one in document["checks"]
        if one["verdict"] not in NO_FAULTS and (among is None or one["id"] in among)
    ]


def check_fault(document, identity, verdict, remedy, among=None):
    """This is the only fault, and it comes with this remedy."""
    told = "\n".join(f"{one['id']} {one['verdict']}: {one['seen']}" for one in document["checks"])
    check_equal(faults(document, among), [(identity, verdict)], f"faults of\n{told}\n")
    found = next(one for one in document["checks"] if one["id"] == identity)
    check(remedy in found["remedy"], f"expected {remedy!r} in {found}")


def as_user():
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
