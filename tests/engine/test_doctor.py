# SPDX-License-Identifier: Apache-2.0
"""oci-nvidia doctor: a healthy host, what it must not believe or do, and the live simulated host."""

import os
import shutil

from doctor import as_user, check_fault, command, doctor, faults
from fake_host import HOOKS, USER, copy_host, healthy_host, install_hook, place, start_dockerd, write
from harness import HERE, SETUP, SIMULATE, check, check_equal, fail_text, run, test


@test("command")
def doctor_finds_nothing_on_a_healthy_host():
    document = doctor(healthy_host())
    check_equal(faults(document), [], "faults")
    document = doctor(healthy_host(), before=as_user())
    check_equal(faults(document), [], "faults that an ordinary user sees")
    seen = {one["id"]: one["seen"] for one in document["checks"]}
    check_equal(seen["rootless"], "user eva can run containers", "rootless")


@test("command")
def a_relative_host_root_is_found_from_the_callers_directory():
    host = healthy_host()
    done = run([command(), "doctor", "--quiet", "--host-root", host.name], cwd=host.parent)
    check_equal((done.returncode, done.stderr), (0, ""), fail_text("doctor", done))


@test("command")
def doctor_talks_to_people():
    done = run([command(), "doctor", "--host-root", healthy_host(), "--engine", "podman"])
    check_equal((done.returncode, done.stderr), (0, ""), fail_text("doctor", done))
    check("\ngood     module" in done.stdout, done.stdout)
    check("docker" not in done.stdout and "GPUs with podman" in done.stdout, done.stdout)
    quiet = run([command(), "doctor", "--quiet", "--host-root", healthy_host()])
    check_equal(quiet.stdout.count("\n"), 1 + quiet.stdout.count("\nnote") + quiet.stdout.startswith("note"), quiet.stdout)
    wrong = run([command(), "doctor", "--engine", "dokcer"])
    check_equal((wrong.returncode, wrong.stdout), (2, ""), "status of a wrong engine")
    check("`dokcer`" in wrong.stderr, wrong.stderr)


@test("command")
def every_check_of_doctor_is_explained():
    text = (HERE.parents[1] / "docs/doctor.md").read_text()
    for one in doctor(healthy_host())["checks"]:
        check(f"`{one['id']}`" in text, f"docs/doctor.md does not explain {one['id']}")


# ---- what is none


@test("command")
def doctor_does_not_listen_to_containers():
    """A process in a container, and one of another user, may call themselves dockerd."""
    host = copy_host("not_dockerd")
    start_dockerd(host, "/opt/bin")
    process = next((host / "proc").glob("[0-9]*"))
    write(process / "status", f"Name:\tdockerd\nNSpid:\t{process.name}\t1\n")
    check_equal(faults(doctor(host)), [], "faults, with a dockerd in a container")
    write(process / "status", f"Name:\tdockerd\nNSpid:\t{process.name}\n")
    os.chown(process, USER + 1, USER + 1)
    check_equal(faults(doctor(host)), [], "faults, with a dockerd of another user")
    shutil.rmtree(host)


@test("command")
def doctor_shows_hostile_text_as_bytes_and_survives_links():
    host = copy_host("hostile")
    write(host / "run/oci-nvidia-hook/last-failure", "message: \x1b[2J\x1b]0;x\x07 Try: y\n")
    (host / "etc/cdi").mkdir()
    (host / "etc/cdi/a.json").symlink_to("/dev/nvidia0")
    (host / "etc/cdi/b.yaml").symlink_to("b.yaml")
    os.mkfifo(host / HOOKS / "pipe.json")
    done = run([command(), "doctor", "--host-root", host])
    check("\x1b" not in done.stdout and "\\x1b[2J" in done.stdout, done.stdout)
    check("pipe.json cannot be read" in done.stdout, done.stdout)
    shutil.rmtree(host)


# ---- the live simulated host

DRIVER = ["pci", "binding", "module", "gpus", "nodes", "uvm", "node-numbers", "libraries", "version", "loader-cache"]
LIVE_FAULTS = [
    ([], None),
    (["--missing-node", "nvidia3"], ("nodes", "warning", "create-device-nodes")),
    (["--missing-node", "nvidia-uvm"], ("uvm", "warning", "create-device-nodes")),
    (["--node-number", "nvidiactl=190:255"], ("node-numbers", "warning", "sudo rm /dev/nvidiactl")),
    (["--driver-version", "550.90.07"], ("version", "bad", "reboot")),
    (["--gpus", "0"], ("gpus", "bad", "dmesg")),
]


@test("command")
def doctor_names_what_is_wrong_with_the_live_host():
    for options, fault in LIVE_FAULTS:
        before = [*SIMULATE, *options, "--driver-root", SETUP.driver, "--"]
        built = SETUP.hook.parent / "oci-nvidia"
        document = doctor("/", "--config", SETUP.config, before=before, program_file=built)
        if fault is None:
            check_equal(faults(document, DRIVER), [], "faults of the driver")
        else:
            check_fault(document, *fault, among=DRIVER)


@test("command")
def doctor_changes_nothing_and_executes_nothing():
    host = copy_host("traced")
    trace = place() / "trace"
    words = ["strace", "-f", "-o", trace, "-e", "trace=execve,openat2,openat,unlinkat,mkdirat,mknodat,socket,connect"]
    done = run([*words, command(), "doctor", "--host-root", host])
    check_equal(done.returncode, 0, fail_text("doctor", done))
    lines = trace.read_text().splitlines()
    check_equal(sum(" execve(" in line for line in lines), 1, "programs started")
    for forbidden in ("O_CREAT", "unlinkat(", "mkdirat(", "mknodat(", "connect("):
        check(not any(forbidden in line for line in lines), f"{forbidden} in the trace")
    writing = [line for line in lines if "O_WRONLY" in line or "O_RDWR" in line]
    check_equal(writing, [], "files opened for writing")
    nodes = [line for line in lines if "dev/nvidia" in line and "O_PATH" not in line]
    check_equal(nodes, [], "devices opened")
    shutil.rmtree(host)


@test("command")
def doctor_finds_the_hook_that_is_reinstalled():
    """The remedies for a missing program hold."""
    host = copy_host("reinstalled")
    shutil.rmtree(host / HOOKS)
    for name in list((host / "usr/bin").glob("*nvidia*")):
        name.unlink()
    check_equal(faults(doctor(host)), [("hook", "bad")], "faults without the hook")
    install_hook(host)
    start_dockerd(host)
    check_equal(faults(doctor(host)), [], "faults with the hook again")
    shutil.rmtree(host)


@test("command")
def doctor_warns_of_variables_of_images_on_a_node_of_kubernetes():
    host = copy_host("node")
    (host / "var/lib/kubelet").mkdir(parents=True)
    check_fault(doctor(host), "pods", "warning", "examples/kubernetes/node-config.toml")
    shutil.copy(HERE.parents[1] / "docs/examples/kubernetes/node-config.toml", host / "etc/oci-nvidia-hook/config.toml")
    check_equal(faults(doctor(host)), [], "faults with node-config.toml")
    shutil.rmtree(host)
