# SPDX-License-Identifier: Apache-2.0
"""CVEs about the hook's own processes: what its children inherit, and who can open its executables."""

import contextlib
import hashlib
import json
import re
import shutil
import time
from pathlib import Path

import images
import oracle
from attack import prey, run_naive
from bundle import Case, bind, bundle, hook_words, run_container, run_in, running, traced_hook
from expect import check_started
from harness import SETUP, check, check_equal, require_program, run, test, tree_state

REPORT = Path("/run/oci-nvidia-test-witness")
ANSWERS = Path("/run/oci-nvidia-hook/gpus.json")
ASKS = {"NVIDIA_REQUIRE_ARCH": "arch>=8.0"}  # a fact that needs the probe


@contextlib.contextmanager
def witnessed():
    """The hook's words, for a copy of it that has a witness in the place of its probe."""
    directory = SETUP.work / "witnessed"
    directory.mkdir()
    try:
        shutil.copy2(SETUP.hook, directory / "oci-nvidia-hook")
        images.compile_program(directory / "oci-nvidia-probe", "witness.c", "-static", "-D_GNU_SOURCE")
        ANSWERS.unlink(missing_ok=True)
        yield [str(directory / "oci-nvidia-hook"), *hook_words()[1:]]
    finally:
        shutil.rmtree(directory)
        REPORT.unlink(missing_ok=True)
        ANSWERS.unlink(missing_ok=True)


def testimony(hook, **options):
    """What the witness wrote: {capability set: hexadecimal text}, {descriptor: what it is}."""
    outcome = run_container(Case("0", ASKS, hook=hook, **options))
    check_started(outcome)
    oracle.check_record(outcome.record)
    return read_report()


def read_report():
    text = REPORT.read_text()
    return dict(re.findall(r"(\w+):\t(\w+)", text)), dict(re.findall(r"fd (\d+) (.*)", text))


INHERITING = ["setpriv", "--inh-caps", "+net_admin,+sys_chroot", "--ambient-caps", "+net_admin,+sys_chroot"]


@test("hostile", cves=["CVE-2022-29162"])
def children_have_no_inheritable_and_no_ambient_capabilities():
    """Old Docker daemons give their hooks such sets. The witness itself, started without the hook, shows that they arrive."""
    require_program("setpriv")
    with witnessed() as hook:
        run([*INHERITING, Path(hook[0]).parent / "oci-nvidia-probe"], check=True)
        plain, _ = read_report()
        check(int(plain["CapInh"], 16) and int(plain["CapAmb"], 16), f"nothing arrives: {plain}")
        sets, _ = testimony([*INHERITING, *hook])
        check_equal([int(sets[name], 16) for name in ("CapInh", "CapAmb")], [0, 0], "the child's sets")


@test("hostile", cves=["CVE-2022-29162"])
def the_probe_gives_up_every_capability():
    """Of the real one: what it has while it runs, by strace of the calls that take it away."""
    require_program("strace")
    trace = SETUP.work / "trace"
    ANSWERS.unlink(missing_ok=True)
    calls = "trace=capset,prctl,setresuid,setresgid,setgroups,execveat,openat"
    hook = [*INHERITING, *traced_hook(trace, "-f", "-s", "200", "-e", calls)]
    check_started(run_container(Case("0", ASKS, hook=hook)))
    lines = trace.read_text().splitlines()
    nvml = next((at for at, line in enumerate(lines) if "libnvidia-ml.so" in line and "openat" in line), None)
    check(nvml is not None, "the probe did not load NVML")
    before = "\n".join(lines[:nvml])
    check("setresuid(65523, 65523, 65523" in before, "the probe is not its own user when it loads NVML")
    check(re.search(r"capset\(.*effective=0, permitted=0, inheritable=0", before), "it has capabilities")
    check("PR_SET_NO_NEW_PRIVS, 1" in before, "it can get new privileges")


LEAK = ["/bin/sh", "-c", 'exec 7</ 8</sys/fs/cgroup 9</etc; exec "$@"', "sh"]


@test("hostile", cves=["CVE-2024-21626"])
def children_have_no_descriptor_of_a_host_directory():
    """Neither of the hook's own nor of those that leaked into it; the witness shows that they do leak into programs."""
    with witnessed() as hook:
        run([*LEAK, Path(hook[0]).parent / "oci-nvidia-probe"], check=True)
        _, plain = read_report()
        check("/sys/fs/cgroup" in plain.values(), f"nothing leaks: {plain}")
        _, open_files = testimony([*LEAK, *hook])
    check_equal(sorted(open_files), ["0", "1", "2"], f"the child's descriptors ({open_files})")
    check_equal(open_files["0"], "/dev/null", "standard input")
    pipes = [name.startswith("pipe:") for name in (open_files["1"], open_files["2"])]
    check_equal(pipes, [True, True], f"the child's output ({open_files})")


OPENING = "open,openat,openat2,open_tree,fsopen,fsmount,fspick,socket,accept4,memfd_create,pipe,pipe2,dup,dup2,dup3,fcntl,epoll_create1,eventfd2,pidfd_open,bpf"
# pidfd_open and bpf make descriptors that are close-on-exec always; a child's own standard ones are meant to stay.
CLOSED = re.compile(r"CLOEXEC|pidfd_open\(|\bbpf\(|fcntl\(\d+, F_(GETFD|GETFL|SETFL)")


@test("hostile", "hostile-cgroup2", cves=["CVE-2024-21626"])
def every_descriptor_of_the_hook_is_closed_on_exec():
    require_program("strace")
    trace = SETUP.work / "trace"
    ANSWERS.unlink(missing_ok=True)
    check_started(run_container(Case("0", ASKS, hook=traced_hook(trace, "-f", "-e", f"trace={OPENING},execveat"))))
    lines = [line for line in trace.read_text().splitlines() if re.search(r"= [0-9]+", line)]
    hook = lines[0].split()[0]
    of_hook = [line for line in lines if line.split()[0] == hook]
    check(len(of_hook) > 50, f"strace shows {len(of_hook)} calls of the hook")
    check_equal([line for line in of_hook if not CLOSED.search(line)], [], "descriptors that stay open")


@contextlib.contextmanager
def spinner(*names):
    """A container in the host's pid namespace that opens the executables of processes with these names. Yields a function that ends
    it and tells what it could do."""
    directory = SETUP.work / "spinner"
    directory.mkdir()
    images.compile_program(directory / "spinner", "exe_spinner.c", "-static", "-D_GNU_SOURCE")

    def share(config, _):
        spaces = config["linux"]["namespaces"]
        config["linux"]["namespaces"] = [space for space in spaces if space["type"] != "pid"]

    def report():
        (directory / "stop").touch()
        wait_for(directory / "report")
        return json.loads((directory / "report").read_text())

    case = Case(args=["/spin/spinner", "/spin", *names], mounts=[bind(directory, "/spin")], edit=share)
    try:
        with running(case):
            wait_for(directory / "ready")
            yield report
    finally:
        shutil.rmtree(directory)


def wait_for(path, seconds=20):
    for _ in range(seconds * 100):
        if path.exists():
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} does not come")


def digest(*paths):
    return [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths]


@test("hostile", cves=["CVE-2019-5736", "CVE-2024-0135"])
def no_executable_of_the_hook_can_be_written_from_a_shared_pid_namespace():
    """The naive hook runs a program of the host in the container without capabilities, as ldconfig was: whoever has opened it while
    it ran can write it afterwards."""
    with spinner("naive-ldconfig") as report, prey() as aim:
        program = aim / "naive-ldconfig"
        shutil.copy2("/bin/sleep", program)
        run_naive(lambda root, aim: None, ["execute", program, "0.3"], aim)
        told = report()
        check(told["written"] > 0, f"no attack: the naive hook's program is safe ({told})")
    probe = SETUP.hook.parent / "oci-nvidia-probe"
    before = digest(SETUP.hook, probe), tree_state(SETUP.driver)
    with spinner("oci-nvidia-hook", "oci-nvidia-probe") as report:
        for _ in range(5):
            ANSWERS.unlink(missing_ok=True)
            check_started(run_container(Case("0", ASKS)))
        told = report()
    check(told["seen"] > 0, "the spinner has not seen the hook")
    check_equal((told["held"], told["written"]), (0, 0), f"executables that were opened ({told})")
    check_equal(told["denied"] > 0, True, f"opens that were denied ({told})")
    check_equal((digest(SETUP.hook, probe), tree_state(SETUP.driver)), before, "host binaries")


@test("hostile", cves=["CVE-2019-5736", "CVE-2024-0135"])
def the_hook_executes_nothing_in_the_container():
    """After setns there is no program that could be held: not one call of exec, and no fork."""
    require_program("strace")
    trace = SETUP.work / "trace"
    ANSWERS.unlink(missing_ok=True)
    words = traced_hook(trace, "-f", "-e", "trace=setns,execve,execveat,fork,vfork,clone,clone3")
    with bundle(Case("0", ASKS, hook=words)) as directory:
        check_started(run_in(directory))
    lines = trace.read_text().splitlines()
    entered = next(at for at, line in enumerate(lines) if "setns(" in line)
    check(any("execveat(" in line for line in lines[:entered]), "the probe did not run before")
    rest = [line for line in lines[entered + 1 :] if "= -1" not in line]
    check_equal(rest, [], "programs and processes after setns")
