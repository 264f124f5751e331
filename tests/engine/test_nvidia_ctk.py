# SPDX-License-Identifier: Apache-2.0
"""`nvidia-ctk`: the program as scripts start it, by that name."""

import os
import re
import shutil
from pathlib import Path

from harness import SETUP, check, check_equal, fail_text, run, test

LINE = re.compile(r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=\w+ msg="[^\n]*"')


def program():
    place = SETUP.work / "ctk/nvidia-ctk"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(SETUP.hook.parent / "oci-nvidia")
    return place


def nvidia_ctk(*words, status=0, **options):
    done = run([program(), *words], **options)
    check_equal(done.returncode, status, fail_text(f"nvidia-ctk {words}", done))
    for line in done.stderr.splitlines():
        check(LINE.fullmatch(line), f"no line of NVIDIA's form: {line!r}")
    return done


def directory(name):
    place = SETUP.work / "ctk" / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


@test("command")
def nvidia_ctk_prints_what_scripts_read():
    check(nvidia_ctk("--version").stdout.startswith("NVIDIA Container Toolkit CLI version "), "version")
    specifications = directory("cdi")
    (specifications / "nvidia.json").write_text(
        '{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [{"name": "0", "containerEdits": {"env": ["A=B"]}}]}'
    )
    check_equal(nvidia_ctk("cdi", "list", f"--spec-dir={specifications}").stdout, "nvidia.com/gpu=0\n", "names")
    by_variable = {**os.environ, "NVIDIA_CTK_CDI_SPEC_DIRS": str(specifications), "NVIDIA_CTK_QUIET": "true"}
    done = nvidia_ctk("cdi", "list", env=by_variable)
    check_equal((done.stdout, done.stderr), ("nvidia.com/gpu=0\n", ""), "names by variables")


@test("command")
def nvidia_ctk_changes_the_configuration_in_place():
    path = directory("config") / "config.toml"
    words = ("config", f"--config-file={path}", "--in-place")
    nvidia_ctk("--quiet", *words)
    check_equal(path.read_text(), nvidia_ctk("config", "default").stdout, "a new file")
    path.write_text("# mine\n" + path.read_text())
    nvidia_ctk(*words, "--set", "nvidia-container-runtime.runtimes=crun,runc", "--set", "nvidia-container-cli.no-cgroups")
    text = path.read_text()
    check(text.startswith("# mine\n"), text)
    check('runtimes = ["crun", "runc"]\n' in text and "#no-cgroups = false\nno-cgroups = true\n" in text, text)
    done = nvidia_ctk(*words, "--set", "nvidia-container-cli.rot=/", status=1)
    check("perhaps `nvidia-container-cli.root`" in done.stderr, done.stderr)
    check_equal(path.read_text(), text, "the file after a failure")


@test("command")
def nvidia_ctk_links_the_nodes_of_the_host():
    place = directory("links")
    nvidia_ctk("system", "create-dev-char-symlinks", f"--dev-char-path={place}")
    links = {path.name: os.readlink(path) for path in place.iterdir()}
    control = os.stat("/dev/nvidiactl").st_rdev
    check_equal(links.get(f"{os.major(control)}:{os.minor(control)}"), "/dev/nvidiactl", f"link among {links}")
    for name, target in links.items():
        number = os.stat(target).st_rdev
        check_equal(name, f"{os.major(number)}:{os.minor(number)}", f"number of {target}")
    again = nvidia_ctk("system", "create-dev-char-symlinks", f"--dev-char-path={place}")
    check_equal(again.stderr, "", "a second run")
    Path(place, "195:254").unlink(missing_ok=True)
    nvidia_ctk("system", "create-dev-char-symlinks", "--create-all", f"--dev-char-path={place}")
    check_equal(os.readlink(place / "195:254"), "/dev/nvidia-modeset", "a link of a node that can be there")
