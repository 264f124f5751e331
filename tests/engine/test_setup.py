# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia setup` and `completion`: what is written is judged by the engines and shells themselves."""

import contextlib
import json
import os
import subprocess
from pathlib import Path

from harness import HERE, SETUP, Skip, check, check_equal, fail_text, require_program, run, test

SCHEMA = HERE.parents[1] / "docs/schemas/setup-1.schema.json"
SUPPLY = "apt-get install it"
# A script would not do: it is executed by a descriptor that is closed then.
FAKE_SYSTEMCTL = """
#include <stdio.h>
#include <unistd.h>
int main(int count, char** words) {
  FILE* calls = fopen(CALLS, "a");
  for (int i = 1; i < count; ++i) fprintf(calls, i + 1 < count ? "%s " : "%s\\n", words[i]);
  return access(CALLS ".fails", F_OK) == 0 ? 5 : 0;
}
"""


def oci_nvidia(*words, **options):
    return run([SETUP.hook.parent / "oci-nvidia", *words], **options)


def good(*words, status=(0, 1), **options):
    done = oci_nvidia(*words, **options)
    check(done.returncode in status, fail_text("oci-nvidia", done))
    return done


def file(name, text=None):
    path = SETUP.work / "setup" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
    return path


@contextlib.contextmanager
def instead_of(directory, files):
    """The directory of the host holds these files alone, in this mount namespace."""
    missing = not Path(directory).is_dir()
    if missing:
        raise Skip(f"there is no {directory} to put another in the place of; install the engine")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory], check=True)
    try:
        for name, text in files.items():
            path = Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        yield Path(directory)
    finally:
        subprocess.run(["umount", directory], check=True)


def executable(path):
    path.write_text("")
    path.chmod(0o755)


def names_below(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


@test("command")
def setup_shows_writes_and_takes_out_again():
    text = '{\n    "debug": true\n}\n'
    path = file("daemon.json", text)
    path.chmod(0o640)
    words = ("setup", "docker", "--runtime", "--set-default", "--config-file", path)
    shown = good(*words, "--dry-run")
    check_equal(path.read_text(), text, "the file after --dry-run")
    done = good(*words)
    check_equal(done.stdout, shown.stdout, "the difference")
    check_equal(json.loads(path.read_text())["default-runtime"], "nvidia", "default runtime")
    check_equal(path.stat().st_mode & 0o7777, 0o640, "mode")
    check("systemctl reload docker" in done.stderr, done.stderr)
    again = good(*words)
    state = "incomplete" if again.returncode else "already set up"  # without programs that are installed
    check(state in again.stderr and again.stdout == "", again.stderr + again.stdout)
    good("setup", "docker", "--undo", "--config-file", path)
    check_equal(path.read_text(), text, "the file after --undo")
    check_equal(names_below(path.parent), ["daemon.json"], "files beside")


@test("command")
def the_difference_is_one_that_patch_applies():
    require_program("patch", SUPPLY)
    text = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd]\n  default_runtime_name = "runc"\n'
    path = file("config.toml", text + "\n".join(f"# {n}" for n in range(40)))
    copy = file("copy.toml", path.read_text())
    shown = good("setup", "containerd", "--set-default", "--config-file", path)
    done = run(["patch", copy], input=shown.stdout)
    check_equal(done.returncode, 0, fail_text("patch", done))
    check_equal(copy.read_text(), path.read_text(), "the patched copy")


@test("command")
def json_follows_its_schema():
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel
    except ImportError as error:
        raise Skip("jsonschema is missing; apt-get install python3-jsonschema") from error
    schema = json.loads(SCHEMA.read_text())
    for engine in ("docker", "podman", "crio", "containerd", "lxc"):
        path = file(f"{engine}.conf")
        for options in (["--dry-run"], [], ["--undo"]):
            done = good("setup", engine, "--json", "--config-file", path, *options)
            document = json.loads(done.stdout)
            jsonschema.validate(document, schema)
            check_equal(document["engine"], engine, "engine")
    check(not path.exists(), "--undo left the file")


@test("command")
def a_malformed_configuration_is_named_and_stays():
    for engine, text, place in (
        ("docker", '{\n  "debug": tru\n}\n', ":2:"),
        ("containerd", "version = 2\n[plugins\n", ":2:"),
        ("podman", "[engine\n", ":1:"),
        ("crio", "[crio]\nx = \n", ":2:"),
        ("lxc", "# oci-nvidia setup: begin\n", ":1:"),
    ):
        path = file(f"broken-{engine}", text)
        words = ["--undo"] if engine == "lxc" else ["--runtime"]
        done = oci_nvidia("setup", engine, *words, "--config-file", path)
        check_equal(done.returncode, 11, fail_text(engine, done))
        check_equal(done.stderr.count("\n"), 1, f"lines of {done.stderr!r}")
        check(f"{path}{place}" in done.stderr, done.stderr)
        check_equal(path.read_text(), text, f"the file of {engine}")


@test("command")
def a_link_and_a_directory_are_refused():
    aim = file("aim.json", "{}")
    link = file("link.json")
    link.symlink_to(aim)
    for path, words in ((link, "is a link"), (aim.parent, "is no regular file")):
        done = oci_nvidia("setup", "docker", "--runtime", "--config-file", path)
        check(done.returncode == 11 and words in done.stderr, fail_text("setup", done))
    check_equal(aim.read_text(), "{}", "what the link leads to")


@test("command")
def an_ordinary_user_sets_up_an_engine_of_his_own():
    require_program("setpriv")
    home = Path("/run/oci-nvidia-setup-home")  # the simulated host's own /run, which every user can enter
    home.mkdir()
    os.chown(home, 1000, 1000)
    user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "env", f"HOME={home}"]
    program = [SETUP.hook.parent / "oci-nvidia", "setup"]
    before = run([*user, "true"])
    if before.returncode != 0 or run([*user, *program, "--help"]).returncode != 0:
        raise Skip("uid 1000 cannot start the program; build where all users may read")
    refused = run([*user, *program, "docker", "--runtime"])
    check(refused.returncode == 11 and "sudo oci-nvidia setup docker" in refused.stderr, fail_text("setup", refused))
    shown = run([*user, *program, "docker", "--runtime", "--dry-run"])
    check("/etc/docker/daemon.json" in shown.stdout + shown.stderr, fail_text("setup", shown))
    check("sudo systemctl reload docker" in shown.stderr, fail_text("setup", shown))
    check_equal(names_below(home), [], "files of the user without a Docker of his own")
    Path(home, ".local/share/docker").mkdir(parents=True)  # as a rootless dockerd makes it
    done = run([*user, *program, "docker", "--runtime"])
    check(done.returncode in (0, 1), fail_text("setup", done))
    check("systemctl --user reload docker" in done.stderr, done.stderr)
    run([*user, *program, "podman", "--runtime"])
    expected = [".config/containers/containers.conf.d/99-oci-nvidia.conf", ".config/docker/daemon.json"]
    check_equal(names_below(home), expected, "files of the user")
    run([*user, *program, "docker", "--undo"])
    run([*user, *program, "podman", "--undo"])
    check_equal(names_below(home), [], "files of the user after --undo")
    denied = run([*user, *program, "containerd"])
    check(denied.returncode == 11, fail_text("setup containerd", denied))
    check(denied.stderr.count("\n") == 1 and "sudo" in denied.stderr, denied.stderr)


@test("command")
def the_engine_is_restarted_only_when_it_was_asked_for():
    """By a systemctl that writes down how it was called."""
    calls = file("calls")
    require_program("cc")
    fake, source = file("systemctl"), file("systemctl.c", FAKE_SYSTEMCTL)
    done = run(["cc", "-o", fake, f'-DCALLS="{calls}"', source])
    check_equal(done.returncode, 0, fail_text("cc", done))
    path = file("restart.json", "{}")
    words = ("setup", "docker", "--runtime", "--config-file", path)
    if not Path("/usr/bin/systemctl").exists():
        raise Skip("there is no /usr/bin/systemctl to put another in the place of; install systemd")
    subprocess.run(["mount", "--bind", fake, "/usr/bin/systemctl"], check=True)
    try:
        good(*words)
        good(*words, "--restart", "--dry-run")
        good("setup", "docker", "--undo", "--config-file", path)
        check(not calls.exists(), "it was restarted without --restart")
        good(*words, "--restart")
        good(*words, "--restart")
        check_equal(calls.read_text(), "reload docker\n", "calls of systemctl")
        file("calls.fails", "")
        done = oci_nvidia("setup", "docker", "--undo", "--restart", "--config-file", path)
        check(done.returncode == 11 and "NVH-0111" in done.stderr, fail_text("setup", done))
    finally:
        subprocess.run(["umount", "/usr/bin/systemctl"], check=True)


@test("command")
def containerd_knows_the_runtime_and_keeps_its_own():
    require_program("containerd")
    text = (
        'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "mine/pause:1"\n'
        '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]\n'
        '  runtime_type = "io.containerd.runc.v2"\n'
        '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]\n  SystemdCgroup = true\n'
    )
    for start in (text, run(["containerd", "config", "default"]).stdout, None):
        path = file("containerd.toml", start)
        good("setup", "containerd", "--set-default", "--config-file", path)
        dump = run(["containerd", "--config", path, "config", "dump"])
        check_equal(dump.returncode, 0, fail_text("containerd config dump", dump))
        for words in ("runtimes.nvidia.options]", '/nvidia-container-runtime"', 'default_runtime_name = "nvidia"'):
            check(words in dump.stdout, f"{words} is not in {dump.stdout}")
        if start == text:
            check("mine/pause:1" in dump.stdout, "the image of the sandbox is lost")
            check_equal(dump.stdout.count("SystemdCgroup = true"), 2, "runtimes with systemd's cgroups")
        good("setup", "containerd", "--undo", "--config-file", path)
        check_equal(path.read_text() if path.exists() else None, start, "the file after --undo")


@test("command")
def podman_finds_what_setup_wrote():
    require_program("podman")
    hooks = "/usr/local/share/containers/oci/hooks.d"
    elsewhere = '[engine]\nhooks_dir = ["/etc/nothing"]\n'
    with instead_of("/etc/containers", {"containers.conf": elsewhere, "policy.json": "{}"}) as etc:
        with contextlib.ExitStack() as stack:
            definition = Path("/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json")
            if not definition.exists() and not Path(hooks, definition.name).exists():
                share = stack.enter_context(instead_of("/usr/share/containers", {}))
                (share / "oci/hooks.d").mkdir(parents=True)
                (share / "oci/hooks.d" / definition.name).write_text(SETUP.hook_definition.read_text())
            (etc / "containers.conf").write_text("")
            good("setup", "podman")
            check("hooks_dir = [" in (etc / "containers.conf.d/99-oci-nvidia.conf").read_text(), "it names no directory")
            good("setup", "podman", "--undo")
            (etc / "containers.conf").write_text(elsewhere)
            good("setup", "podman", "--runtime")
            help_text = run(["podman", "--help"]).stdout
            check("/etc/nothing" in help_text and "oci/hooks.d" in help_text, help_text[-2000:])
            # Podman mounts its storage over itself.
            known = run(["unshare", "--mount", "podman", "--runtime", "nvidia", "info", "--format", "{{.Host.OCIRuntime.Name}}"])
            check("nvidia" in known.stdout + known.stderr, fail_text("podman info", known))
            good("setup", "podman", "--undo")
            check_equal(names_below(etc), ["containers.conf", "policy.json"], "files after --undo")


@test("command")
def the_drop_in_of_crio_is_toml_and_adds_to_what_is_there():
    """CRI-O is not in Debian: its documented keys are all that is looked at."""
    try:
        import tomllib  # pylint: disable=import-outside-toplevel
    except ImportError as error:
        raise Skip("tomllib is missing; use Python 3.11 or later") from error
    root = SETUP.work / "crio-host"
    conf = root / "etc/crio/crio.conf.d/10-mine.conf"
    conf.parent.mkdir(parents=True)
    monitored = {"monitor_path": "/usr/libexec/crio/conmon", "runtime_root": "/run/runc"}
    conf.write_text(
        '[crio.runtime]\nhooks_dir = ["/etc/mine"]\ndefault_runtime = "runc"\n[crio.runtime.runtimes.runc]\n'
        + "".join(f'{key} = "{value}"\n' for key, value in monitored.items())
    )
    definition = root / "usr/share/containers/oci/hooks.d/oci-nvidia-hook.json"
    definition.parent.mkdir(parents=True)
    definition.write_text("{}")
    Path(root, "usr/bin").mkdir()
    executable(root / "usr/bin/nvidia-container-runtime")
    done = good("--host-root", root, "setup", "crio", status=(1,))
    check("missing: crio is not in the directories" in done.stderr, done.stderr)
    executable(root / "usr/bin/crio")
    done = good("--host-root", root, "setup", "crio", "--set-default", status=(0,))
    written = tomllib.loads((conf.parent / "99-oci-nvidia.conf").read_text())
    expected = {
        "hooks_dir": ["/etc/mine", "/usr/share/containers/oci/hooks.d"],
        "default_runtime": "nvidia",
        "runtimes": {"nvidia": {"runtime_path": "/usr/bin/nvidia-container-runtime", "runtime_type": "oci"} | monitored},
    }
    check_equal(written, {"crio": {"runtime": expected}}, "the drop-in file")
    check("systemctl restart crio" in done.stderr, done.stderr)
    good("--host-root", root, "setup", "crio", "--undo", status=(0,))
    check_equal(names_below(conf.parent), ["10-mine.conf"], "files after --undo")


@test("command")
def lxc_has_the_hook_in_its_configuration():
    require_program("lxc-info")
    directory = SETUP.work / "lxc-setup" / "c1"
    directory.mkdir(parents=True)
    text = "lxc.uts.name = c1\nlxc.rootfs.path = dir:/nowhere\n"
    (directory / "config").write_text(text)
    good("setup", "lxc", "--config-file", directory / "config")
    asked = ["lxc-info", "-P", directory.parent, "-n", "c1", "-c"]
    hook = run([*asked, "lxc.hook.mount"])
    check("/usr/share/lxc/hooks/nvidia" in hook.stdout, fail_text("lxc-info", hook))
    environment = run([*asked, "lxc.environment"]).stdout
    check("NVIDIA_VISIBLE_DEVICES=all" in environment, environment)
    good("setup", "lxc", "--undo", "--config-file", directory / "config")
    check_equal((directory / "config").read_text(), text, "the file after --undo")


def completed_by_bash(*words):
    script = good("completion", "bash").stdout
    quoted = " ".join(f"'{word}'" for word in words)
    end = f"\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n_oci_nvidia\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    done = run(["bash", "--norc", "-c", "compopt() { :; }\n" + script + end])
    check_equal(done.stderr, "", "what bash says")
    return done.stdout.split()


@test("command")
def bash_completes():
    check_equal(completed_by_bash("oci-nvidia", "se"), ["setup"], "commands")
    check_equal(completed_by_bash("oci-nvidia", "setup", "do"), ["docker"], "engines")
    check_equal(completed_by_bash("oci-nvidia", "--color", "n"), ["never"], "values")
    check_equal(completed_by_bash("oci-nvidia", "--color", "=", "al"), ["always"], "values after =")
    check_equal(completed_by_bash("oci-nvidia", "--color", "=", "never", "li"), ["list"], "after that")
    check_equal(completed_by_bash("oci-nvidia", "--config", "x", "setup", "--un"), ["--undo"], "options")
    check("--undo" not in completed_by_bash("oci-nvidia", "list", "--"), "another command's option")
    check(completed_by_bash("oci-nvidia", "setup", "--config-file", "/etc/host"), "no files")


@test("command")
def fish_completes():
    require_program("fish", SUPPLY)
    script = file("oci-nvidia.fish", good("completion", "fish").stdout)

    def completed(line):
        home = SETUP.work / "fish-home"
        home.mkdir(exist_ok=True)
        environment = {**os.environ, "HOME": str(home)}
        done = run(
            ["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"], env=environment
        )
        check_equal(done.returncode, 0, fail_text("fish", done))
        return [found.split("\t")[0] for found in done.stdout.splitlines()]

    check_equal(completed("oci-nvidia se"), ["setup"], "commands")
    check_equal(completed("oci-nvidia setup do"), ["docker"], "engines")
    check_equal(completed("oci-nvidia --color n"), ["never"], "values")
    check_equal(completed("oci-nvidia --config x setup --un"), ["--undo"], "options")
    check("--undo" not in completed("oci-nvidia list --"), "another command's option")
    check(completed("oci-nvidia setup --config-file /etc/host"), "no files")


@test("command")
def zsh_completes():
    """With words in the place of what shows them: a terminal is needed for the real one."""
    require_program("zsh", SUPPLY)
    script = file("_oci-nvidia", good("completion", "zsh").stdout)
    stubs = (
        "compdef() { :; }\n_files() { print -- FILES $@; }\n_message() { :; }\ncompadd() { print -l -- ${@[2,-1]}; }\n"
        "_describe() { [[ $1 == -o ]] && shift; print -l -- ${${(P)2}%%:*}; }\n"
    )

    def completed(*words):
        quoted = " ".join(f"'{word}'" for word in words)
        end = f"source {script}\nwords=({quoted}); CURRENT={len(words)}\n_oci-nvidia\n"
        done = run(["zsh", "-f", "-c", stubs + end])
        check(done.returncode == 0 and done.stderr == "", fail_text("zsh", done))
        return done.stdout.split()

    check("setup" in completed("oci-nvidia", "se"), "commands")
    check("docker" in completed("oci-nvidia", "setup", "do"), "engines")
    check_equal(completed("oci-nvidia", "--color", ""), ["auto", "always", "never"], "values")
    check("--undo" in completed("oci-nvidia", "--config", "x", "setup", "-"), "options")
    check("--undo" not in completed("oci-nvidia", "list", "-"), "another command's option")
    check_equal(completed("oci-nvidia", "setup", "--config-file", ""), ["FILES"], "files")
