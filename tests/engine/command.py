# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia` as people call it, and its documents against their schemas."""

import json

from harness import HERE, SETUP, Skip, check, check_equal, fail_text, run

SCHEMAS = HERE.parents[1] / "docs/schemas"
GOOD, WARNING, BROKEN = 0, 1, 3


def oci_nvidia(*words, before=(), config=None, **options):
    command = [SETUP.hook.parent / "oci-nvidia", *words, "--config", config or SETUP.config]
    return run([*before, *command], **options)


def text_of(*words, status=GOOD, **options):
    done = oci_nvidia(*words, **options)
    check_equal(done.returncode, status, fail_text(f"oci-nvidia {words}", done))
    return done.stdout


def document(*words, status=GOOD, **options):
    """What --json prints, which must be as its schema says."""
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel
    except ImportError as error:
        raise Skip("python3-jsonschema is not installed; apt-get install python3-jsonschema") from error
    found = json.loads(text_of(*words, "--json", status=status, **options))
    name = found["schema"].removeprefix("oci-nvidia/")
    schema = json.loads((SCHEMAS / f"{name}-{found['version']}.schema.json").read_text())
    jsonschema.validate(found, schema)
    return found


def check_refused(done, status, code, *words):
    """One line that says what is wrong, and nothing else."""
    check_equal((done.returncode, done.stdout), (status, ""), "exit status and standard output")
    check_equal(done.stderr.count("\n"), 1, f"lines of {done.stderr!r}")
    for word in (code, ". Try: ", *words):
        check(word in done.stderr, f"no {word!r} in {done.stderr!r}")


def resolved(path):
    """In the image, whose /lib is a link."""
    return f"/usr{path}" if path.startswith("/lib/") and (SETUP.rootfs / "lib").is_symlink() else path
