# SPDX-License-Identifier: Apache-2.0
"""Configuration and log files as traps for the hook; CVE-2024-0136 and CVE-2024-0137."""

import os
import stat

from bundle import Case, bind, run_container
from direct import MEMORY, call, check_refusal, container, made_bundle, plan_of, scratch, state_text, within
from expect import check_gpus, check_started
from harness import SETUP, check, check_equal, test

OTHER_USER = 4711


@test("hostile", cases=[74])
def a_configuration_that_makes_no_sense_is_refused_with_its_line():
    path = scratch() / "wrong.toml"
    cli = "[nvidia-container-cli]\n"
    rows = [
        ("no TOML", "a = \n", "NVH-0102", ":1:"),
        ("a lone bracket", cli + "[(a)]\n", "NVH-0102", ":2:"),
        ("a wrong type", "disable-require = 7\n", "NVH-0102", ":1:", "disable-require"),
        ("control characters", "\x1b[2J = 1\n", "NVH-0102", ":1"),
        ("letters", "grün = 1\n", "NVH-0102", ":1:3"),
        ("deep", "a = " + "[" * 50_000, "NVH-0102", "wrong.toml:1"),
        ("huge", "a = " + "[" * 10**5, "NVH-0102", "64 KiB"),
        ("ldconfig of the image", cli + 'ldconfig = "/sbin/ldconfig"\n', "NVH-0102", ":2:", "nvidia-container-cli.ldconfig"),
        ("relative root", cli + 'root = "run/nvidia"\n', "NVH-0102", ":2:", "nvidia-container-cli.root"),
        ("a root that is not there", cli + 'root = "/nowhere"\n', "NVH-0406", "/nowhere"),
        ("relative cache", cli + 'ldcache = "../ld.so.cache"\n', "NVH-0102", ":2:", "ldcache"),
    ]
    with made_bundle() as directory, container() as pid:
        for title, text, *expected in rows:
            path.write_text(text)
            record = call(state_text(pid, directory), config=path, before=within(MEMORY >> 20))
            try:
                check_refusal(record, *expected)
            except AssertionError as error:
                raise AssertionError(f"{title}: {error}") from error


@test("hostile", cases=[74])
def a_configuration_that_is_no_file_is_refused_without_blocking():
    path = scratch() / "odd.toml"
    rows = [
        ("absent", lambda: None),
        ("a FIFO", lambda: os.mkfifo(path)),
        ("a device", lambda: os.mknod(path, 0o20666, os.makedev(1, 5))),
        ("a link to a device", lambda: path.symlink_to("/dev/zero")),
        ("100 MiB", lambda: path.touch() or os.truncate(path, 100 << 20)),
    ]
    with made_bundle() as directory, container() as pid:
        text = state_text(pid, directory)
        for _, make in rows:
            make()
            check_refusal(call(text, config=path, before=within(MEMORY >> 20)), "NVH-0101", "odd.toml")
            path.unlink(missing_ok=True)
        check_refusal(call(text, config=scratch()), "NVH-0101", "hostile")


@test("hostile", cases=[74])
def unknown_keys_of_the_configuration_are_told_and_have_no_effect():
    path, log = scratch() / "more.toml", scratch() / "more.log"
    path.write_text(f'{SETUP.config.read_text().replace("hook.log", "hostile/more.log")}evil = "x"\n[more]\nroot = "/"\n')
    with made_bundle("1") as directory:
        text = state_text(0, directory)
        check_equal(plan_of(text, config=path), plan_of(text), "the plan")
    for key in ("nvidia-container-cli.evil", "`more`"):
        check(key in log.read_text() and "unknown key" in log.read_text(), log.read_text())
    log.unlink()


TRAP = "#!/bin/sh\nid >/trap/ran-$(cat /proc/sys/kernel/random/uuid)\n"


@test("hostile", cases=[74], cves=["CVE-2024-0136", "CVE-2024-0137"])
def the_ldconfig_of_an_image_is_never_run():
    """It would run as root, with the host's devices and network. The trap is shown to work by the container's own process."""
    trap = scratch() / "trap"
    trap.mkdir()

    def arm(_, directory):
        for name in ("sbin/ldconfig", "sbin/ldconfig.real", "usr/sbin/ldconfig", "usr/bin/ldconfig"):
            program = directory / "rootfs" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.unlink(missing_ok=True)
            program.write_text(TRAP)
            program.chmod(0o755)

    mount = bind(trap, "/trap", "rw")
    control = run_container(Case(None, mounts=[mount], edit=arm, command="/sbin/ldconfig", hook=[]))
    check_equal((control.exit, len(list(trap.iterdir()))), (0, 1), f"the trap: {control.errors}")
    for found in trap.iterdir():
        found.unlink()
    for line in ("/sbin/ldconfig", "sbin/ldconfig", "/sbin/ldconfig\"\n[features]\nallow-ldconfig-from-container = true\n#"):
        outcome = run_container(Case("0", mounts=[mount], edit=arm, settings=f'ldconfig = "{line}"\n'))
        check(outcome.exit != 0 and "NVH-0102" in outcome.errors, f"{line}: {outcome.errors}")
        check("nvidia-container-cli.ldconfig" in outcome.errors, outcome.errors)
        check_equal(list(trap.iterdir()), [], f"what ran with ldconfig = {line}")
    for line in ("", 'ldconfig = "@/sbin/ldconfig"\n', 'ldconfig = "@/sbin/ldconfig.real"\n'):
        outcome = run_container(Case("0", mounts=[mount], edit=arm, settings=line, command="true"))
        check_equal((outcome.exit, outcome.record["exit"]), (0, 0), outcome.errors)
        check_equal(list(trap.iterdir()), [], f"what ran with {line}")


@test("hostile", cases=[75])
def a_log_that_somebody_else_prepared_is_not_written():
    folder, victim = scratch() / "logs", scratch() / "victim"
    folder.mkdir()
    folder.chmod(0o1777)
    victim.write_text("of root\n")
    victim.chmod(0o600)
    log = folder / "hook.log"
    rows = [
        ("a link", lambda: log.symlink_to(victim)),
        ("a dangling link", lambda: log.symlink_to(folder / "new")),
        ("a second name", lambda: os.link(victim, log)),
        ("a FIFO", lambda: os.mkfifo(log)),
        ("a directory", log.mkdir),
        ("another user's file", lambda: log.touch() or os.chown(log, OTHER_USER, OTHER_USER)),
    ]
    for title, make in rows:
        make()
        before = os.lstat(log)
        outcome = run_container(Case("1", config=f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\ndebug = "{log}"\n'))
        check_started(outcome)
        check_gpus(outcome.view, [1])
        after = os.lstat(log)
        check_equal((after.st_mode, after.st_ino, after.st_size), (before.st_mode, before.st_ino, before.st_size), title)
        check_equal((victim.read_text(), os.listdir(folder)), ("of root\n", ["hook.log"]), title)
        log.rmdir() if stat.S_ISDIR(after.st_mode) else log.unlink()


@test("hostile", cases=[75])
def a_new_log_is_for_its_owner_alone():
    log = scratch() / "private.log"
    check_started(run_container(Case("1", config=f'[nvidia-container-cli]\nroot = "{SETUP.driver}"\ndebug = "{log}"\n')))
    check_equal(stat.S_IMODE(log.stat().st_mode), 0o600, "mode")
    check("reading container" in log.read_text(), log.read_text())
