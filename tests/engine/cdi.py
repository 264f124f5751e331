# SPDX-License-Identifier: Apache-2.0
"""CDI specifications of `oci-nvidia cdi generate`, and Podman that takes devices from them."""

import contextlib
import json
import sys
from pathlib import Path

import jsonschema
import observe
import oracle
from bundle import HOOK_ENV, Outcome, foreign_nodes, recorder_words
from harness import HERE, SETUP, SIMULATE, check_equal, fail_text, run
from test_podman import RUN_OPTIONS, image, podman

SPEC_DIR = Path("/run/cdi")  # of the simulated host; /var/run leads there
CDI_SCHEMA = HERE / "cdi.schema.json"
RUNTIMES = ["runc"] if SETUP.engine == "cdi" else ["runc", "crun"]
# Puts the file $0 where engines look for specifications, then runs the rest.
WITH_SPEC = f'mkdir -p {SPEC_DIR} && cp "$0" {SPEC_DIR}/nvidia.com-gpu.json && exec "$@"'


def oci_nvidia(*words, **options):
    return run([SETUP.hook.parent / "oci-nvidia", *words], **options)


def on_host(host, command, driver=None):
    """`command` on another simulated host; None: on this one."""
    if host is None:
        return command
    return [*SIMULATE, *host, "--driver-root", driver or SETUP.driver, "--", *command]


def generate(*options, host=None, config=None):
    """The text of a specification."""
    program = SETUP.hook.parent / "oci-nvidia"
    words = ["cdi", "generate", "--config", config or SETUP.config, "--hook", SETUP.hook, *options]
    done = run(on_host(host, [program, *words]))
    check_equal((done.returncode, done.stderr), (0, ""), fail_text("cdi generate", done))
    return done.stdout


def validate(text, schema):
    document = json.loads(text)
    jsonschema.validate(document, json.loads(Path(schema).read_text()))
    return document


@contextlib.contextmanager
def installed(*texts, name="nvidia.com-gpu"):
    """Specifications where engines look for them."""
    SPEC_DIR.mkdir(exist_ok=True)
    paths = [SPEC_DIR / f"{name}{number or ''}.json" for number in range(len(texts))]
    try:
        for path, text in zip(paths, texts):
            path.write_text(text)
        yield paths
    finally:
        for path in paths:
            path.unlink()


def recorded(text, record):
    """The same specification, whose hook is started by the recorder."""
    spec = json.loads(text)
    (hook,) = spec["containerEdits"]["hooks"]
    command = [hook["path"], *hook["args"][1:]]
    hook["path"] = sys.executable
    hook["args"] = recorder_words(record, command)
    hook["env"] = HOOK_ENV
    return json.dumps(spec)


def hooks_directory():
    """Without a hook of ours."""
    directory = SETUP.work / "cdi-hooks.d"
    directory.mkdir(exist_ok=True)
    return directory


def podman_run(devices, *options, runtime="runc", command=observe.SCRIPT, hooks=None):
    """The command line; `devices` are names without their kind."""
    program = str(HERE / "with-procfs" / runtime)
    words = [word if word != "runc" else program for word in RUN_OPTIONS]
    if runtime == "crun":
        words.append("--cgroups=disabled")
    for device in devices:
        words += ["--device", f"nvidia.com/gpu={device}"]
    words += ["-v", f"{foreign_nodes()['source']}:/foreign:dev", *options]
    line = podman("run", *words, image(), "sh", "-c", command)
    line[line.index("--hooks-dir") + 1] = hooks or hooks_directory()
    return line


def run_cdi(text, devices, *options, host=None, driver=None, **more):
    """A container with `devices` of the specification `text`. What the hook did is judged by the oracle."""
    record, spec = SETUP.work / "record.json", SETUP.work / "spec.json"
    record.unlink(missing_ok=True)
    spec.write_text(recorded(text, record))
    line = on_host(host, ["sh", "-c", WITH_SPEC, spec, *podman_run(devices, *options, **more)], driver)
    done = run(line)
    found = json.loads(record.read_text()) if record.exists() else None
    if found:
        oracle.check_record(found)
    return Outcome(done.returncode, done.stdout, done.stderr, observe.View(done.stdout), found, [], "")
