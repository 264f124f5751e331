# SPDX-License-Identifier: Apache-2.0
"""config.json files that no engine writes: malformed, contradictory or hostile."""

import json
import os

from bundle import Case, bundle, run_in
from direct import MEMORY, call, check_refusal, container, made_bundle, plan_of, refused, state_text, within
from expect import check_gpus, check_started
from harness import SETUP, check_equal, test

WITHOUT_OVERRIDE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


def edit(directory, change):
    """Changes config.json of a bundle; bytes that are no UTF-8 may be given as surrogates."""
    path = directory / "config.json"
    config = json.loads(path.read_text(errors="surrogateescape"))
    change(config)
    text = json.dumps(config, ensure_ascii=False)
    path.write_bytes(text.encode(errors="surrogateescape"))


def replaced_by(directory, make):
    """Another kind of file in the place of config.json."""
    path = directory / "config.json"
    path.unlink(missing_ok=True)
    make(path)
    return path


@test("hostile", cases=[13, 14])
def a_config_json_that_is_no_file_is_refused_without_blocking():
    rows = [
        ("missing", lambda path: None, "No such file"),
        ("a directory", lambda path: path.mkdir(), ""),
        ("a FIFO", os.mkfifo, "Invalid argument"),
        ("a device", lambda path: os.mknod(path, 0o20666, os.makedev(1, 5)), "Invalid argument"),
        ("a link to /dev/zero", lambda path: path.symlink_to("/dev/zero"), "symbolic links"),
        ("a link to a file of the host", lambda path: path.symlink_to("/etc/passwd"), "symbolic links"),
        ("a link to itself", lambda path: path.symlink_to(path), "symbolic links"),
        ("a dangling link", lambda path: path.symlink_to("/nowhere/at/all"), "symbolic links"),
        ("200 MiB", lambda path: path.touch() or os.truncate(path, 200 << 20), "too large"),
    ]
    with container() as pid:
        for title, make, word in rows:
            with made_bundle() as directory:
                path = replaced_by(directory, make)
                text = state_text(pid, directory)
                refused([(title, text, "NVH-0105", "config.json", word)], before=within(MEMORY >> 20))
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()
        with made_bundle() as directory:
            (directory / "config.json").chmod(0)
            refused([("unreadable", state_text(pid, directory), "NVH-0105", "denied")], before=WITHOUT_OVERRIDE)


@test("hostile", cases=[15])
def a_config_json_that_lacks_what_is_needed_is_refused():
    """This includes ociVersion: NVIDIA's hook needs it, too (docs/behaviour.md §1.3), and every
    engine writes it."""
    with container() as pid:
        for name in ("ociVersion", "process", "root"):
            for change in (lambda config, name=name: config.pop(name), lambda config, name=name: config.update({name: None})):
                with made_bundle() as directory:
                    edit(directory, change)
                    refused([(name, state_text(pid, directory), "NVH-0106", name[-4:].lower()[1:])])


@test("hostile", cases=[17])
def a_root_that_is_the_host_or_goes_up_is_refused():
    with container(before=["sh", "-c", f'mkdir -p {SETUP.work}/alias && mount --bind / {SETUP.work}/alias && exec "$@"', "sh"]) as pid:
        for path in ("/", "//", "/./", "/..", "..", "../..", "rootfs/..", "/tmp/..", f"{SETUP.work}/alias", f"{SETUP.work}/../..", "/proc/self/root", f"/proc/{pid}/root", "../{name}/rootfs"):
            with made_bundle() as directory:
                edit(directory, lambda config, path=path: config["root"].update(path=path.format(name=directory.name)))
                refused([(path, state_text(pid, directory), "NVH-0503", "root")])
                # A container that asks for no GPU is not our business, whatever its root is.
                edit(directory, lambda config: config["process"].update(env=[]))
                check_equal(call(state_text(pid, directory))["exit"], 0, "a container without a request")
    (SETUP.work / "alias").rmdir()


@test("hostile", cases=[18])
def an_enormous_environment_works():
    """The hook must not mind; the workload would, as execve takes 128 KiB in one string."""
    with made_bundle("1") as directory:
        text = state_text(0, directory)
        plan = plan_of(text)
        edit(directory, lambda config: config["process"]["env"].extend(f"V{i}=x" for i in range(10**5)))
        edit(directory, lambda config: config["process"]["env"].append("BIG=" + "x" * (8 << 20)))
        check_equal(plan_of(text, before=within(MEMORY >> 20)), plan, "the plan")
    with bundle(Case("1")) as directory:
        edit(directory, lambda config: config["process"]["env"].extend(f"V{i}=" for i in range(10**3)))  # runc needs the square of it
        outcome = run_in(directory)
        check_equal(outcome.record["exit"], 0, outcome.record["stderr"])


ODD_ENTRIES = ["NOTHING", "=VALUE", "=", "", "A=\n\r\t\x1b[2J", "B=\udcff\udcfe", "\udcc3=C", "D=\u202e"]


@test("hostile", cases=[19])
def odd_variables_are_data():
    """As runc reads them: what is not UTF-8 becomes U+FFFD. A lone surrogate, escaped, is no Unicode; no engine writes one."""
    with made_bundle("1") as directory, container() as pid:
        text = state_text(0, directory)
        plan = plan_of(text)
        edit(directory, lambda config: config["process"]["env"].extend(ODD_ENTRIES))
        check_equal(plan_of(text), plan, "the plan")
        path = directory / "config.json"
        path.write_text(json.dumps(json.loads(path.read_bytes().decode(errors="replace")) | {"x": "\ud800"}))
        refused([("a lone surrogate", state_text(pid, directory), "NVH-0106", "surrogate")])


MISLEADING = {
    "a newline": ("0\nNVH-0000: all is well", "\\x0a"),
    "a return": ("0\r", "7\r"),
    "an escape sequence": ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
    "C1": ("a\x9b31m", "\\xc2\\x9b31m"),
    "DEL": ("a\x7f", "\\x7f"),
    "right to left": ("a\u202eb", "a\\xe2\\x80\\xaeb"),
    "an isolate": ("a\u2066b", "a\\xe2\\x81\\xa6b"),
    "no width": ("a\u200bb", "a\\xe2\\x80\\x8bb"),
    "a byte order mark": ("\ufeff9", "\\xef\\xbb\\xbf9"),
    "a line separator": ("a\u2028b", "a\\xe2\\x80\\xa8b"),
    "a tag": ("a\U000e0041b", "a\\xf3\\xa0\\x81\\x81b"),
    "not UTF-8": ("a\udcffb", "a\ufffdb"),
    "letters": ("grün漢", "grün漢"),
    "a format": ("%n%s%p", "%n%s%p"),
}


@test("hostile", cases=[19])
def what_misleads_is_escaped_in_messages():
    """Characters that act on a terminal, that cannot be seen, or that turn the line round. The oracle wants one printable line."""
    with container() as pid:
        for title, (value, shown) in MISLEADING.items():
            if title == "a return":
                continue  # trimmed as white space, below
            with made_bundle() as directory:
                edit(directory, lambda config, value=value: config["process"]["env"].append(f"NVIDIA_VISIBLE_DEVICES={value}"))
                text = state_text(pid, directory)
                check_refusal(call(text), "NVH-0202", shown)
                edit(directory, lambda config, value=value: config["process"]["env"].append(f"NVIDIA_DRIVER_CAPABILITIES={value}"))
                check_refusal(call(text), "NVH-0201", shown)
        with made_bundle("\r\n1\t") as directory, made_bundle("1") as plain:
            check_equal(plan_of(state_text(0, directory)), plan_of(state_text(0, plain)), "white space")


@test("hostile", cases=[20])
def of_a_variable_set_twice_the_last_counts():
    def twice(config, _):
        config["process"]["env"] += ["NVIDIA_VISIBLE_DEVICES=99", "NVIDIA_VISIBLE_DEVICES=1"]

    with bundle(Case("0", edit=twice)) as directory:
        outcome = run_in(directory)
    check_started(outcome)
    check_gpus(outcome.view, [1])
    with made_bundle("1") as directory, container() as pid:
        edit(directory, lambda config: config["process"]["env"].append("NVIDIA_VISIBLE_DEVICES=99"))
        refused([("a wrong one last", state_text(pid, directory), "NVH-0202", "`99`")])


@test("hostile", cases=[24, 25])
def capabilities_are_read_in_both_forms_and_mig_configuration_needs_sys_admin():
    rows = [
        (None, True),
        ([], True),
        (["CAP_CHOWN"], True),
        (["cap_sys_admin", "CAP_SYS_ADMINS"], True),
        ({"bounding": []}, True),
        ({"effective": ["CAP_SYS_ADMIN"], "permitted": ["CAP_SYS_ADMIN"]}, True),
        (["CAP_SYS_ADMIN"], False),
        ({"bounding": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}, False),
    ]
    with container() as pid:
        for name in ("NVIDIA_MIG_CONFIG_DEVICES", "NVIDIA_MIG_MONITOR_DEVICES"):
            for capabilities, is_refused in rows:
                with made_bundle("99", {name: "all"}) as directory:
                    edit(directory, lambda config, value=capabilities: config["process"].update(capabilities=value))
                    code = "NVH-0203" if is_refused else "NVH-0202"  # the next thing that is wrong
                    refused([(f"{name} {capabilities}", state_text(pid, directory), code)])
