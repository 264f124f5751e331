# SPDX-License-Identifier: Apache-2.0
"""`nvidia-container-runtime` in the place of runc: what it does to config.json, and that it is runc in everything else."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import observe
import shim
from bundle import Case, bind, bundle, foreign_nodes, run_container
from expect import ERROR_LINE, check_foreign_nodes, check_gpus, check_loader, check_params
from harness import CGROUP_NAME, SETUP, check, check_equal, require_program, run, test




def case(devices, **options):
    """No hook of the test's: the shim brings its own."""
    return Case(devices, hook=[], **options)


def name_of(directory):
    return f"{CGROUP_NAME}{directory.name}"


def run_shim(directory, *options, command="run", env=None, **more):
    runtime = "runc"
    if SETUP.engine.startswith("crun"):
        runtime, options = "crun", ("--cgroup-manager=disabled", *options)
    words = [shim.program(), *options, command, "--bundle", directory, name_of(directory)]
    return run(words, env=env or shim.environment(runtime), **more)


def view_of(made):
    with bundle(made) as directory:
        done = run_shim(directory)
    view = observe.View(done.stdout)
    check(done.returncode == 0 and view.complete, f"no container: {done.stderr} {done.stdout[-300:]}")
    return view


def wait_until(is_so, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        check(time.monotonic() < end, "waited in vain")
        time.sleep(0.01)


def process_status(pid):
    """The rows of /proc/<pid>/status; none of a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def check_refused(done, code, *words):
    check(done.returncode != 0, "the container started")
    check(ERROR_LINE.fullmatch(done.stderr), f"not one line: {done.stderr!r}")
    for word in (code, *words):
        check(word in done.stderr, f"expected {word!r} in {done.stderr!r}")


@test("runc", "runc-cgroup2", "crun-cgroup2")
def a_container_of_the_shim_has_its_gpus_and_no_others():
    view = view_of(case("1,4", mounts=[foreign_nodes()]))
    check_gpus(view, [1, 4])
    if not SETUP.engine.startswith("crun"):  # which restricts no devices without a cgroup manager
        check_foreign_nodes(view, [1, 4])
    check_loader(view)
    check_params(view)


@test("runc", "crun-cgroup2")
def the_container_is_seen_as_the_hooks_is():
    for devices, env in (
        ("0", {}),
        ("all", {"NVIDIA_DRIVER_CAPABILITIES": "all"}),
        ("none", {}),
        ("3", {"NVIDIA_DRIVER_CAPABILITIES": "utility"}),
    ):
        by_hook = run_container(Case(devices, env)).view
        by_shim = view_of(case(devices, env=env))
        for section in ("open", "loader", "load", "links", "smi", "gpus", "params"):
            check_equal(by_shim[section], by_hook[section], f"{section} of {devices} {env}")
        check_equal(by_shim.nodes(), by_hook.nodes(), f"nodes of {devices} {env}")


@test("runc")
def the_runtime_is_told_what_a_specification_can_say():
    with bundle(case("0")) as directory:
        check_equal(run_shim(directory).returncode, 0, "the container")
        config = json.loads((directory / "config.json").read_text())
    nodes = {device["path"]: (device["major"], device["minor"]) for device in config["linux"]["devices"]}
    check_equal(nodes["/dev/nvidia2"], (195, 2), f"nodes: {nodes}")
    rules = [(rule.get("major"), rule.get("minor")) for rule in config["linux"]["resources"]["devices"]]
    check((195, 2) in rules and (195, 255) in rules, f"rules: {rules}")
    targets = [mount["destination"] for mount in config["mounts"]]
    check(any("libcuda.so" in target for target in targets), f"mounts: {targets}")
    check_equal(len(config["hooks"]["createRuntime"]), 1, "hooks")


@test("runc")
def a_container_without_a_request_keeps_its_config_json():
    with bundle(case(None)) as directory:
        file = directory / "config.json"
        before = file.read_bytes(), os.stat(file)
        done = run_shim(directory)
        after = file.read_bytes(), os.stat(file)
    check_equal(done.returncode, 0, done.stderr)
    check_equal(after[0], before[0], "config.json")
    same = ("st_ino", "st_mtime_ns", "st_ctime_ns")
    check_equal([getattr(after[1], n) for n in same], [getattr(before[1], n) for n in same], "file")


@test("runc")
def a_bundle_that_is_run_twice_is_edited_once():
    with bundle(case("0")) as directory:
        check_equal(run_shim(directory).returncode, 0, "first run")
        first = (directory / "config.json").read_text()
        check_equal(run_shim(directory).returncode, 0, "second run")
        check_equal((directory / "config.json").read_text(), first, "config.json")


@test("runc")
def a_container_that_has_the_driver_by_cdi_is_left_alone():
    driver = f"{SETUP.driver}/usr/lib/x86_64-linux-gnu/libcuda.so.{SETUP.version}"

    def inject(config, _):
        config["mounts"].append(bind(driver, "/usr/lib/libcuda.so.1", "ro"))
        node = {"path": "/dev/nvidiactl", "type": "c", "major": 195, "minor": 255}
        config["linux"].setdefault("devices", []).append(node)

    with bundle(case("0", edit=inject, command="true")) as directory:
        before = (directory / "config.json").read_bytes()
        done = run_shim(directory)
        check_equal(done.returncode, 0, done.stderr)
        check_equal((directory / "config.json").read_bytes(), before, "config.json")


@test("runc")
def a_hook_of_docker_beside_the_shim_does_nothing_twice():
    """`docker run --gpus 2 --runtime nvidia`: the daemon adds the hook under NVIDIA's name."""

    def add_hook(config, directory):
        link = shim.program("nvidia-container-runtime-hook")
        entry = {"path": str(link), "args": [link.name, "prestart"], "env": ["PATH=/usr/bin:/bin"]}
        config["hooks"]["prestart"].append(entry)

    view = view_of(case("0,1", edit=add_hook))
    check_gpus(view, [0, 1])
    targets = [mount[0] for mount in view.mounts()]
    twice = sorted({target for target in targets if targets.count(target) > 1 and "nvidia" in target})
    check_equal(twice, [], "mounted twice")


@test("runc")
def exit_status_streams_and_descriptors_are_the_containers():
    script = "cat; echo told >&2; cat <&3; exit 37"
    for devices in (None, "0"):
        with bundle(case(devices, command=script)) as directory:
            reader, writer = os.pipe()
            os.write(writer, b"third\n")
            os.close(writer)
            words = [shim.program(), "run", "--preserve-fds", "1", "-b", directory, name_of(directory)]
            # The runtime is to find it as descriptor 3.
            command = ["sh", "-c", f'exec "$@" 3<&{reader}', "sh", *map(str, words)]
            done = run(command, env=shim.environment(), input="first\n", pass_fds=[reader])
            os.close(reader)
        check_equal((done.returncode, done.stdout, done.stderr), (37, "first\nthird\n", "told\n"), str(devices))


@test("runc")
def a_signal_reaches_the_container():
    script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    with bundle(case("0", command=script)) as directory:
        words = [str(shim.program()), "run", "--bundle", str(directory), name_of(directory)]
        with subprocess.Popen(words, env=shim.environment(), stdout=subprocess.PIPE, text=True) as child:
            check_equal(child.stdout.readline(), "ready\n", "start")
            child.send_signal(signal.SIGTERM)
            check_equal(child.wait(timeout=60), 9, "exit status")


@test("runc")
def an_edit_ends_with_its_runtime():
    """Killed before the new config.json takes the old one's place, the shim leaves nobody to put it there."""
    require_program("strace")
    trace = SETUP.work / "edit-trace"
    stop = ["-f", "-e", "trace=fchmod", "-e", "inject=fchmod:signal=SIGSTOP:when=1"]
    # A line of several processes' trace begins with the number of its process, in a column.
    stopped = re.compile(r"^(\d+) +--- stopped by SIGSTOP", re.MULTILINE)
    with bundle(case("0")) as directory:
        before = (directory / "config.json").read_bytes()
        words = ["strace", "-qq", "-o", trace, *stop, shim.program(), "run", "-b", directory, name_of(directory)]
        with subprocess.Popen(list(map(str, words)), env=shim.environment()) as traced:
            try:
                wait_until(lambda: trace.exists() and stopped.search(trace.read_text()))
                edit = int(stopped.search(trace.read_text())[1])
                runtime = int(process_status(edit)["PPid"])
                os.kill(runtime, signal.SIGKILL)
                wait_until(lambda: process_status(runtime).get("State", "Z").startswith("Z"))
                if process_status(edit):
                    os.kill(edit, signal.SIGCONT)
                traced.wait(timeout=60)
            finally:
                traced.kill()  # who is stopped would be waited for for ever
        check_equal((directory / "config.json").read_bytes(), before, "config.json")


@test("runc")
def an_edit_whose_end_is_unknown_starts_no_container():
    """Or the container would start without its GPUs."""
    require_program("strace")
    trace = SETUP.work / "wait-trace"
    lost = ["-e", "trace=wait4", "-e", "inject=wait4:error=ECHILD:when=1"]
    with bundle(case("0")) as directory:
        words = ["strace", "-qq", "-o", trace, *lost, shim.program(), "run", "-b", directory, name_of(directory)]
        done = run(list(map(str, words)), env=shim.environment())
        check_refused(done, "NVH-0901", "wait for the edit", "No child processes")


@test("runc")
def the_runtime_gets_the_callers_limit_of_descriptors():
    runtime = SETUP.work / "limit-runtime"
    runtime.write_text("#!/bin/sh\nulimit -Sn\n")
    runtime.chmod(0o755)
    with bundle(case("0")) as directory:
        words = ["prlimit", "--nofile=100:4096", shim.program(), "run", "-b", directory, name_of(directory)]
        done = run(list(map(str, words)), env=shim.environment(str(runtime)))
    check_equal((done.returncode, done.stdout), (0, "100\n"), done.stderr)


@test("runc")
def create_start_state_and_delete_are_the_runtimes():
    root = SETUP.work / "state-of-runc"
    with bundle(case("2", args=["sleep", "100"])) as directory:
        log = directory / "log"
        with log.open("w") as output:
            words = [shim.program(), "--root", root, "create", f"--bundle={directory}", name_of(directory)]
            options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            created = subprocess.run(list(map(str, words)), env=shim.environment(), check=False, **options)
        check_equal(created.returncode, 0, log.read_text())

        def call(*words):
            done = run([shim.program(), "--root", root, *words], env=shim.environment())
            check_equal(done.returncode, 0, f"{words}: {done.stderr}")
            return done.stdout

        try:
            check_equal(json.loads(call("state", name_of(directory)))["status"], "created", "state")
            call("start", name_of(directory))
            seen = call("exec", name_of(directory), "nvidia-smi", "-L")
            check("GPU 0" in seen, f"nvidia-smi: {seen}")
        finally:
            call("delete", "--force", name_of(directory))


@test("runc")
def version_tells_of_both():
    for ending in ("", ".cdi", ".legacy", ".real"):
        check_version(shim.program(f"nvidia-container-runtime{ending}"))


def check_version(program):
    done = run([program, "--version"], env=shim.environment())
    check_equal(done.returncode, 0, done.stderr)
    first = done.stdout.splitlines()[0]
    check(first.startswith("NVIDIA Container Runtime version "), first)
    check("runc version " in done.stdout, done.stdout)


@test("runc")
def a_wrong_request_is_told_to_the_user_and_to_the_engine():
    with bundle(case("99")) as directory:
        before = (directory / "config.json").read_bytes()
        log = directory / "log.json"
        done = run_shim(directory, "--log", log, "--log-format", "json")
        check_refused(done, "NVH-0202", "unknown device", "99")
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        errors = [entry["msg"] for entry in entries if entry["level"] == "error"]
        check_equal(errors, [done.stderr.strip()], "errors in the engine's log")
        check_equal((directory / "config.json").read_bytes(), before, "config.json")
        check_equal(run(["runc", "state", name_of(directory)]).returncode != 0, True, "container")


@test("runc")
def a_bundle_that_cannot_be_written_is_refused_and_stays():
    with bundle(case("0")) as directory:
        before = (directory / "config.json").read_bytes()
        run(["mount", "--bind", directory, directory], check=True)
        try:
            run(["mount", "-o", "remount,bind,ro", directory], check=True)
            check_refused(run_shim(directory), "NVH-0109", "config.json", "ead-only")
        finally:
            run(["umount", directory], check=True)
        check_equal((directory / "config.json").read_bytes(), before, "config.json")


@test("runc")
def a_malformed_config_json_is_refused():
    with bundle(case("0")) as directory:
        text = (directory / "config.json").read_text()[:-200]
        (directory / "config.json").write_text(text)
        check_refused(run_shim(directory), "NVH-0106", "config.json")
        check_equal((directory / "config.json").read_text(), text, "config.json")


@test("runc")
def of_an_absent_config_json_the_runtime_itself_tells():
    with bundle(case("0")) as directory:
        (directory / "config.json").unlink()
        done = run_shim(directory)
    plain = run(["runc", "run", "--bundle", directory.parent / "nowhere", "no-such"])
    check(done.returncode != 0 and "NVH-" not in done.stderr, done.stderr)
    check("config.json" in done.stderr or plain.stderr.split()[-1] in done.stderr, done.stderr)


@test("runc")
def a_config_json_that_cannot_be_read_is_refused():
    """The runtime might be able to, and would make a container without its GPU."""

    def link(file):
        file.rename(file.with_name("elsewhere"))
        file.symlink_to("elsewhere")

    def grow(file):
        os.truncate(file, (64 << 20) + 1)

    def make_directory(file):
        file.unlink()
        file.mkdir()

    for damage in (link, grow, make_directory):
        with bundle(case("0")) as directory:
            damage(directory / "config.json")
            check_refused(run_shim(directory), "NVH-0105", "config.json")


@test("runc")
def without_a_runtime_it_says_what_was_looked_for():
    config = SETUP.work / "no-runtime.toml"
    config.write_text('[nvidia-container-runtime]\nruntimes = ["no-such-runtime", "/no/such/path"]\n')
    with bundle(case(None)) as directory:
        env = shim.environment(NVIDIA_CTK_CONFIG_FILE_PATH=str(config))
        done = run_shim(directory, env=env)
    check_refused(done, "NVH-0108", "no-such-runtime /no/such/path")


@test("runc")
def it_never_executes_itself():
    """The directory of the shim comes first on PATH, and has it under runc's name, too."""
    shim.program("runc")
    path = f"{shim.program().parent}:{os.environ['PATH']}"
    with bundle(case("0", command="nvidia-smi -L")) as directory:
        done = run_shim(directory, env=shim.environment(PATH=path))
    check_equal(done.returncode, 0, done.stderr)
    check("GPU 0" in done.stdout, done.stdout)


@test("runc")
def a_broken_configuration_keeps_no_container_from_being_deleted():
    config = SETUP.work / "broken.toml"
    config.write_text("[nvidia-container-cli\n")
    env = shim.environment(NVIDIA_CTK_CONFIG_FILE_PATH=str(config))
    with bundle(case("0", args=["sleep", "100"])) as directory:
        check_refused(run_shim(directory, env=env), "NVH-0102", "broken.toml:1:")
        done = run([shim.program(), "delete", "--force", name_of(directory)], env=env)
        check_equal(done.returncode, 0, done.stderr)


@test("runc", "runc-cgroup2")
def a_gpu_of_the_shim_stays_over_runc_update():
    nodes = {f"/foreign/gpu{minor}": "EPERM" for minor in range(8)} | {"/foreign/gpu3": "ENXIO"}
    with bundle(case("1", args=["sleep", "100"], mounts=[foreign_nodes()])) as directory:
        log = directory / "log"
        with log.open("w") as output:
            words = [shim.program(), "run", "--detach", "--bundle", directory, name_of(directory)]
            options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            done = subprocess.run(list(map(str, words)), env=shim.environment(), check=False, **options)
        check_equal(done.returncode, 0, log.read_text())
        try:
            for update in ([], ["--cpu-share", "512"], ["--memory", "1073741824"]):
                run(["runc", "update", *update, name_of(directory)])
                seen = run(["runc", "exec", name_of(directory), "inspect", "open", *nodes]).stdout
                opened = dict(line.split(maxsplit=1) for line in seen.splitlines())
                check_equal(opened, nodes, f"nodes after {update}")
        finally:
            run(["runc", "delete", "--force", name_of(directory)], check=True)
