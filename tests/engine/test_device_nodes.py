# SPDX-License-Identifier: Apache-2.0
"""`create-device-nodes`: the nodes of the host, by hand, and by the unit that a real systemd starts in its sandbox."""

import functools
import json
import os
import re
import shutil
import stat
from pathlib import Path

from harness import HERE, MINORS, SETUP, SIMULATE, check, check_equal, fail_text, run, test
from systemd_host import systemd_host

UNIT = "oci-nvidia-devices.service"
UNIT_FILE = HERE.parents[1] / "systemd" / f"{UNIT}.in"
CONTROL = {"nvidiactl": "195:255", "nvidia-modeset": "195:254", "nvidia-uvm": "511:0", "nvidia-uvm-tools": "511:1"}
CAPABILITIES = {"nvidia-caps/nvidia-cap1": "239:1", "nvidia-caps/nvidia-cap2": "239:2"}
NODES = CONTROL | CAPABILITIES | {f"nvidia{minor}": f"195:{minor}" for minor in MINORS}

# A second host in the place of the tests' own: without any node of the driver, with a module nvidia_modeset, and with a modprobe that says
# what it was given. Then the command, twice, and what there is.
ON_HOST = r"""
set -e
rm -rf /dev/nvidia* /dev/char
mount -t tmpfs tmpfs /sys/module
[ -z "$MODESET" ] || mkdir /sys/module/nvidia_modeset
mkdir /run/sbin
cp "$MODPROBE" /run/sbin/modprobe
mount -t overlay -o lowerdir=/run/sbin:/usr/sbin overlay /usr/sbin
"$@" || echo "status $?"
echo "== again"
"$@" || echo "status $?"
echo "== nodes"
cd /dev
find nvidia* char -printf '%p %y %m %U:%G %l\n' 2>/dev/null | sort
"""


@functools.cache
def modprobe():
    """A program that says which module it was asked for, and with which rights, and does not load it."""
    program = SETUP.work / "modprobe"
    run(["cc", "-static", "-o", program, HERE / "modprobe.c"], check=True)
    return str(program)


def create(*words, modeset="yes", simulate=(), config="load-kmods = true", before=()):
    """The lines of the first and of the second run, what there is then {name: description}, and standard error."""
    file = SETUP.work / "nodes.toml"
    file.write_text(f"[nvidia-container-cli]\n{config}\n")
    command = [*before, SETUP.hook, f"-config={file}", *words, "create-device-nodes"]
    done = run([*SIMULATE, *simulate, "--", "sh", "-c", ON_HOST, "sh", *command], env={**os.environ, "MODESET": modeset, "MODPROBE": modprobe()})
    first, rest = done.stdout.split("== again\n")
    second, nodes = rest.split("== nodes\n")
    there = dict(line.split(" ", 1) for line in nodes.splitlines())
    return first.splitlines(), second.splitlines(), there, done.stderr


@test("cli")
def all_nodes_of_a_host_are_made_once():
    first, second, there, stderr = create()
    check_equal(stderr, "", "standard error")
    check_equal(sorted(first), sorted(f"made device node /dev/{name}" for name in NODES), "what was told")
    check_equal(second, [], "what was told the second time")
    for name, number in NODES.items():
        mode = {"nvidia-caps/nvidia-cap1": "400", "nvidia-caps/nvidia-cap2": "444"}.get(name, "666")
        check_equal(there.pop(name), f"c {mode} 0:0 ", name)
        check_equal(there.pop(f"char/{number}"), f"l 777 0:0 ../{name}", f"/dev/char/{number}")
    check_equal(there, {"char": "d 755 0:0 ", "nvidia-caps": "d 755 0:0 "}, "what else is there")


@test("cli")
def a_module_that_cannot_be_loaded_costs_no_node():
    first, _, there, stderr = create(modeset="")
    check_equal(first[-1], "status 14", "status")
    check("NVH-0404: kernel module nvidia-modeset not loaded: `/sbin/modprobe`" in stderr, stderr)
    check("asked for nvidia-modeset with 0000" in stderr and ". Try: run `modprobe nvidia-modeset`" in stderr, stderr)
    check("nvidia2" in there and "nvidia-modeset" not in there, f"nodes: {sorted(there)}")


@test("cli")
def no_module_is_loaded_where_the_configuration_forbids_it():
    first, _, there, stderr = create(modeset="", config="load-kmods = false")
    check_equal((len(first), stderr), (len(NODES) - 1, ""), "what was told")
    check("nvidia2" in there and "nvidia-modeset" not in there, f"nodes: {sorted(there)}")
    first, _, there, stderr = create(simulate=["--no-driver"], config="load-kmods = false")
    check_equal((first, there), (["status 14"], {}), "without a driver")
    check("NVH-0401: driver not loaded" in stderr and "Try: run `modprobe nvidia`" in stderr, stderr)


@test("cli")
def device_nodes_are_for_root_of_the_host():
    for before in (["setpriv", "--reuid=65534", "--clear-groups"], ["unshare", "--user", "--map-root-user"]):
        _, _, there, stderr = create(before=before)
        check_equal(there, {}, "nodes")
        check_equal(stderr.count("\n"), 2, f"lines of {stderr}")
        check("NVH-0404: make device nodes: this is not the host's root. Try: run" in stderr, stderr)


# ---- nodes that are open to a group alone

OF_A_GROUP = r"""
set -e
mkdir -p /run/of-a-group
mount -t tmpfs tmpfs /run/of-a-group
cp -a /dev/nvidia* /dev/null /run/of-a-group
chgrp 44 /run/of-a-group/nvidia[0-9c]*
chmod 660 /run/of-a-group/nvidia[0-9c]*
mount --bind /run/of-a-group /dev
mount --bind /run/of-a-group "$DRIVER/dev"
exec "$@"
"""


def of_a_group(*words, user):
    process = {"user": user, "args": ["true"], "cwd": "/", "env": ["NVIDIA_VISIBLE_DEVICES=1"]}
    spec = {"ociVersion": "1.0.2", "root": {"path": str(SETUP.rootfs)}, "process": process, "mounts": [], "linux": {}}
    environment = {**os.environ, "DRIVER": str(SETUP.driver)}
    done = run(["unshare", "--mount", "sh", "-c", OF_A_GROUP, "sh", *words], env=environment, input=json.dumps(spec))
    check_equal(done.returncode, 0, fail_text(f"{words}", done))
    return done


@test("cli")
def a_process_gets_the_group_of_nodes_where_config_json_is_edited():
    words = [SETUP.hook, f"-config={SETUP.config}", "precreate"]
    for user, groups in (({"uid": 1000, "gid": 1000}, [44]), ({"uid": 1, "gid": 1, "additionalGids": [7]}, [7, 44]), ({"uid": 1, "gid": 44}, None)):
        edited = json.loads(of_a_group(*words, user=user).stdout)
        check_equal(edited["process"]["user"].get("additionalGids"), groups, f"groups of {user}")


# ---- a host that is a container

# Of the eight GPUs it has index 1, whose node is nvidia3.
PARTIAL = r"""
set -e
mkdir -p /run/given
mount -t $FILE_SYSTEM given /run/given
for name in null nvidiactl nvidia-uvm nvidia-uvm-tools nvidia-modeset nvidia3; do cp -a /dev/$name /run/given; done
mount --bind /run/given /dev
mount --bind /run/given "$DRIVER/dev"
exec unshare $NAMESPACES --fork "$@"
"""


def explain(devices, namespaces="--pid", file_system="ramfs"):
    words = [SETUP.hook.parent / "oci-nvidia", "--config", SETUP.config, "explain", "--json", "--env", f"NVIDIA_VISIBLE_DEVICES={devices}"]
    environment = {**os.environ, "DRIVER": str(SETUP.driver), "NAMESPACES": namespaces, "FILE_SYSTEM": file_system}
    return run(["unshare", "--mount", "sh", "-c", PARTIAL, "sh", *words], env=environment)


@test("cli")
def a_container_makes_no_node_that_it_was_not_given():
    for namespace in ("--pid", "--cgroup"):
        first, _, there, stderr = create(before=["unshare", namespace, "--fork"])
        check_equal((first, there), (["status 14"], {}), "what was made")
        check("no device node made: this is a container" in stderr and "lxc.mount.entry" in stderr, stderr)


@test("cli")
def all_in_a_container_are_the_gpus_that_it_was_given():
    for devices in ("all", "1"):
        done = explain(devices)
        check_equal(done.returncode, 0, fail_text(f"explain {devices}", done))
        nodes = set(re.findall(r'"/dev/(nvidia\d+)"', done.stdout))
        check_equal(nodes, {"nvidia3"}, f"nodes of {devices}")
        check("GPU 0, 2, 3, 4, 5, 6, 7 left out: this is a container" in done.stdout, done.stdout)
    done = explain("0")
    check("unknown device; this container has GPU 1" in done.stdout and "where it is started" in done.stdout, fail_text("explain 0", done))


@test("cli")
def a_dev_of_a_runtime_has_the_gpus_that_it_was_given():
    """As in a privileged container that shares the namespaces of its host."""
    done = explain("all", namespaces="", file_system="tmpfs")
    check_equal(done.returncode, 0, fail_text("explain all", done))
    check_equal(set(re.findall(r'"/dev/(nvidia\d+)"', done.stdout)), {"nvidia3"}, "nodes of all")


@test("cli")
def what_looks_like_a_host_tells_which_gpus_have_nodes():
    done = explain("all", namespaces="")
    check("nodes are there of GPU 1" in done.stdout and "create-device-nodes" in done.stdout, fail_text("explain", done))


# ---- the unit


def install_unit(host):
    """The unit, the hook, and that modprobe."""
    shutil.copy(SETUP.hook, host.path("/usr/bin/oci-nvidia-hook"))
    text = UNIT_FILE.read_text().replace("@CMAKE_INSTALL_FULL_BINDIR@", "/usr/bin")
    # The module that it waits for is no other on this host.
    text = text.replace("/sys/module/nvidia\n", "/sys/module/kernel\n")
    host.path(f"/etc/systemd/system/{UNIT}").write_text(text)
    told = host.path(f"/etc/systemd/system/{UNIT}.d")
    told.mkdir(exist_ok=True)
    # The sandbox has a procfs of its own, without what is simulated here.
    shutil.copytree("/proc/driver", host.path("/run/proc/driver"))
    shutil.copy("/proc/devices", host.path("/run/proc/devices"))
    (told / "test.conf").write_text(
        "[Service]\nBindReadOnlyPaths=/run/proc/driver:/proc/driver /run/proc/devices:/proc/devices\n"
        "StandardOutput=append:/run/told\nStandardError=append:/run/told\n"
    )
    host.reload()


def nodes_of(host):
    dev = host.path("/dev")
    paths = [path for path in [*dev.glob("nvidia*"), *dev.glob("nvidia-caps/*")] if not path.is_dir()]
    return {
        str(path.relative_to(dev)): f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        for path in paths
        if stat.S_ISCHR((status := path.lstat()).st_mode)
    }


@test("systemd")
def the_unit_looks_out_of_its_sandbox_and_makes_no_nodes_in_a_container():
    """This systemd is not that of a machine, and whoever started it decides which nodes there are.
    What the sandbox must not hide is the driver's /proc and the namespaces, which tell so."""
    host = systemd_host()
    install_unit(host)
    before = nodes_of(host)
    host.path("/dev/nvidia0").unlink()
    try:
        done = host.run("systemctl", "start", UNIT)
        shown = host.systemctl("show", "--property", "ConditionResult,Result,ExecMainStatus", UNIT)
        told = host.path("/run/told").read_text() + shown
        check(done.returncode != 0, "the unit does not tell that it made nothing")
        check("NVH-0404" in told and "this is a container" in told, told)
        del before["nvidia0"]
        check_equal(nodes_of(host), before, "nodes after the unit")
    finally:
        os.mknod(host.path("/dev/nvidia0"), stat.S_IFCHR | 0o666, os.makedev(195, 0))

