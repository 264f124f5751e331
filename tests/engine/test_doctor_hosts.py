# SPDX-License-Identifier: Apache-2.0
"""oci-nvidia doctor on hosts that are each broken in one way: it names that one, and what mends it."""

import json
import os
import shutil
import time

from doctor import as_user, check_fault, doctor, faults
from fake_host import BUSES, HOOKS, USER, copy_host, program, specification, start_dockerd, write
from harness import SETUP, check_equal, run, test


def broken(identity, verdict, remedy, *options, user=False):
    """Registers a host: the function damages a healthy one, and doctor must name that."""

    def register(damage):
        def one_fault():
            host = copy_host(damage.__name__)
            damage(host)
            document = doctor(host, *options, before=as_user() if user else ())
            check_fault(document, identity, verdict, remedy)
            shutil.rmtree(host)

        one_fault.__name__ = f"doctor_names_{damage.__name__}"
        test("command")(one_fault)
        return damage

    return register


def unload(host):
    """The kernel module goes with all that it shows."""
    shutil.rmtree(host / "proc/driver/nvidia")
    shutil.rmtree(host / "dev/char")
    for node in (host / "dev").glob("nvidia*"):
        node.unlink()


@broken("pci", "bad", "lspci -nn -d 10de:")
def no_gpu_on_the_bus(host):
    unload(host)
    shutil.rmtree(host / "sys/bus/pci/devices")


@broken("binding", "bad", "blacklist nouveau")
def nouveau_that_has_the_gpus(host):
    unload(host)
    for bus in BUSES:
        link = host / f"sys/bus/pci/devices/0000:{bus}:00.0/driver"
        link.unlink()
        link.symlink_to("../../../../bus/pci/drivers/nouveau")


@broken("module", "bad", "sudo modprobe nvidia")
def a_module_that_is_not_loaded(host):
    unload(host)
    for bus in BUSES:
        (host / f"sys/bus/pci/devices/0000:{bus}:00.0/driver").unlink()


@broken("gpus", "bad", "sudo dmesg")
def a_module_that_serves_no_gpu(host):
    shutil.rmtree(host / "proc/driver/nvidia/gpus")


@broken("version", "bad", "reboot")
def another_version_of_the_libraries(host):
    version = host / "proc/driver/nvidia/version"
    version.write_text(version.read_text().replace(SETUP.version, "550.90.07"))


@broken("libraries", "bad", "")
def no_libraries(host):
    for library in list(host.rglob("lib*.so*")):
        library.unlink()
    (host / "etc/ld.so.cache").unlink()


@broken("libraries", "bad", "--reinstall")
def a_library_that_is_cut_off(host):
    library = next(host.rglob(f"libcuda.so.{SETUP.version}"))
    os.truncate(library, library.stat().st_size // 2)


@broken("libraries", "bad", "--reinstall")
def a_library_that_was_overwritten(host):
    library = next(host.rglob(f"libnvidia-encode.so.{SETUP.version}"))
    library.write_bytes(b"\0" * library.stat().st_size)


@broken("library-owner", "bad", "sudo chmod go-w")
def a_library_that_others_can_write(host):
    next(host.glob(f"usr/lib/x86_64-linux-gnu/libcuda.so.{SETUP.version}")).chmod(0o666)


@broken("loader-cache", "warning", "sudo ldconfig")
def libraries_that_the_loader_cache_lacks(host):
    for name in ("ld.so.cache", "ld.so.conf"):
        shutil.copy(f"/etc/{name}", host / "etc" / name)
    shutil.copytree("/etc/ld.so.conf.d", host / "etc/ld.so.conf.d", dirs_exist_ok=True)


@broken("loader-cache", "bad", "sudo ldconfig")
def a_loader_cache_that_leads_to_a_users_directory(host):
    with (host / "etc/ld.so.conf").open("a") as conf:
        conf.write("/home/eva/lib\n")
    (host / "home/eva/lib").mkdir(parents=True)
    shutil.copy(next(host.glob(f"usr/lib/x86_64-linux-gnu/libcuda.so.{SETUP.version}")), host / "home/eva/lib")
    run(["ldconfig", "-r", host], check=True)
    conf = (host / "etc/ld.so.conf").read_text().replace("/home/eva/lib\n", "")
    (host / "etc/ld.so.conf").write_text(conf)


def link_to_nothing(host):
    """What an injector left that had the host's library directory as a volume."""
    libraries = host / "usr/lib/x86_64-linux-gnu"
    (libraries / "libcuda.so.111.22.33").touch()
    (libraries / "libcuda.so.1").unlink(missing_ok=True)
    (libraries / "libcuda.so.1").symlink_to("libcuda.so.111.22.33")


@broken(
    "leftovers",
    "bad",
    "sudo rm /usr/lib/x86_64-linux-gnu/libcuda.so.111.22.33 /dev/nvidia1 && "
    "(sudo apt-get install --reinstall $(dpkg -S /usr/lib/x86_64-linux-gnu/libcuda.so.1 | cut -d: -f1) || "
    "sudo dnf reinstall $(rpm -qf /usr/lib/x86_64-linux-gnu/libcuda.so.1)) && "
    "sudo ldconfig && sudo oci-nvidia-hook create-device-nodes",
)
def empty_files_with_names_of_the_driver(host):
    link_to_nothing(host)
    (host / "dev/nvidia1").unlink()
    write(host / "dev/nvidia1", "")


@broken("leftovers", "bad", "sudo update-alternatives --auto nvidia && sudo ldconfig")
def an_alternative_of_debians_that_was_replaced(host):
    link_to_nothing(host)
    alternatives = host / "etc/alternatives"
    alternatives.mkdir(exist_ok=True)
    (alternatives / "nvidia--libcuda.so.1-x86_64-linux-gnu").symlink_to("/usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.1")


@broken("leftovers", "bad", "sudo rm /usr/bin/nvidia-cuda-mps-server && sudo ldconfig")
def an_empty_program_of_the_driver(host):
    write(host / "usr/bin/nvidia-cuda-mps-server", "", 0o755)


@broken("mps", "warning", "sudo chmod go-w /tmp/nvidia-mps")
def a_directory_of_mps_that_everybody_can_write(host):
    (host / "tmp/nvidia-mps").mkdir(parents=True)
    (host / "tmp").chmod(0o1777)
    (host / "tmp/nvidia-mps").chmod(0o777)


@broken("mps", "warning", "sudo rm -r --one-file-system /tmp/nvidia-mps")
def a_directory_of_mps_that_a_user_made(host):
    (host / "tmp/nvidia-mps").mkdir(parents=True)
    (host / "tmp").chmod(0o1777)
    os.chown(host / "tmp/nvidia-mps", USER, USER)


@broken("nodes", "warning", "create-device-nodes")
def a_node_that_is_missing(host):
    (host / "dev/nvidia2").unlink()


@broken("uvm", "warning", "create-device-nodes")
def nodes_of_unified_memory_that_are_missing(host):
    (host / "dev/nvidia-uvm").unlink()
    (host / "dev/nvidia-uvm-tools").unlink()


@broken("node-numbers", "warning", "sudo rm /dev/nvidia-uvm /dev/nvidia-uvm-tools")
def nodes_with_an_old_major(host):
    devices = host / "proc/devices"
    devices.write_text(devices.read_text().replace("511 nvidia-uvm", "507 nvidia-uvm"))


@broken("node-permissions", "bad", "NVreg_DeviceFileMode=0666", user=True)
def nodes_that_a_user_may_not_open(host):
    (host / "dev/nvidia2").chmod(0o660)


@broken("char-links", "warning", "sudo ln -s ../nvidia2 /dev/char/195:2")
def links_that_systemd_misses(host):
    shutil.rmtree(host / "dev/char")


@broken("hook", "bad", "apt-get install")
def a_hook_that_is_not_installed(host):
    (host / "usr/bin/oci-nvidia-hook").unlink()


@broken("names", "warning", "apt-get remove nvidia-container-toolkit")
def nvidias_hook_first_on_the_path(host):
    program(host / "usr/local/bin/nvidia-container-runtime-hook")


@broken("docker", "bad", "/opt/bin/nvidia-container-runtime-hook && sudo systemctl restart docker")
def a_dockerd_that_does_not_find_the_hook(host):
    start_dockerd(host, "/opt/bin:/opt/sbin")


@broken("docker-restart", "warning", "sudo systemctl restart docker")
def a_dockerd_that_is_older_than_the_hook(host):
    start_dockerd(host, started=time.time() - 3600)


@broken("docker-cdi", "warning", "sudo rm /opt/bin/nvidia-cdi-hook && sudo systemctl restart docker")
def a_left_cdi_hook_beside_our_own_spec(host):
    write(host / "etc/cdi/nvidia.com-gpu.json", specification("/usr/bin/oci-nvidia-hook"))
    program(host / "opt/bin/nvidia-cdi-hook")
    start_dockerd(host, "/usr/bin:/opt/bin")


@broken("docker-config", "bad", "sudoedit /etc/docker/daemon.json")
def a_daemon_json_that_is_malformed(host):
    write(host / "etc/docker/daemon.json", '{\n  "runtimes": ]\n}\n')


@broken("docker-config", "bad", "sudo oci-nvidia setup docker --runtime")
def a_runtime_that_is_not_there(host):
    write(host / "etc/docker/daemon.json", '{"runtimes": {"nvidia": {"path": "/opt/nvidia-container-runtime"}}}')


@broken("podman", "bad", "sudo oci-nvidia setup podman", "--engine", "podman")
def a_podman_that_looks_elsewhere(host):
    write(host / "etc/containers/containers.conf", '[engine]\nhooks_dir = ["/etc/containers/oci/hooks.d"]\n')


@broken("podman-config", "warning", "sudo oci-nvidia setup podman")
def a_definition_that_podman_does_not_read(host):
    shutil.copytree(host / HOOKS, host / "etc/containers/oci/hooks.d")


@broken("podman-config", "bad", "sudoedit /etc/containers/containers.conf.d/gpu.conf")
def a_containers_conf_that_is_malformed(host):
    write(host / "etc/containers/containers.conf.d/gpu.conf", "[engine]\nhooks_dir = [\n")


@broken("containerd", "bad", "sudo oci-nvidia setup containerd", "--engine", "containerd")
def a_containerd_that_is_not_set_up(host):
    program(host / "usr/bin/containerd")
    write(host / "etc/containerd/config.toml", "version = 2\n")


@broken("crio-config", "bad", "sudo oci-nvidia setup crio --runtime --restart")
def a_runtime_with_which_crio_does_not_start(host):
    program(host / "usr/bin/crio")
    table = '[crio.runtime.runtimes.nvidia]\nruntime_path = "/usr/bin/nvidia-container-runtime"\n'
    write(host / "etc/crio/crio.conf.d/99-nvidia.conf", table)


def containerd_with(host, config, drop_in):
    """A containerd that is set up, with a drop-in file beside its config.toml."""
    program(host / "usr/bin/containerd")
    handler = '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]\n  BinaryName = "{}"\n'
    write(host / "etc/containerd/config.toml", config + handler.format("/usr/bin/nvidia-container-runtime"))
    write(host / "etc/containerd/conf.d/nri.toml", drop_in)


@broken("containerd-config", "bad", "containerd config migrate")
def a_drop_in_of_containerd_of_a_higher_version(host):
    containerd_with(host, 'version = 2\nimports = ["conf.d/*.toml"]\n', "version = 3\n")


@broken("containerd-config", "warning", "sudo sed -i \"1i imports = ['/etc/containerd/conf.d/*.toml']\"")
def a_drop_in_that_containerd_does_not_read(host):
    containerd_with(host, "version = 2\n", "version = 2\n")


@broken("containerd-config", "warning", "containerd config migrate")
def a_drop_in_that_containerd_could_not_read(host):
    containerd_with(host, "version = 2\n", "version = 3\n")


@broken("hooks-json", "bad", "sudo mv /usr/share/containers/oci/hooks.d/site.json")
def a_hook_definition_that_is_malformed(host):
    write(host / HOOKS / "site.json", '{"version": "1.0.0",\n')


@broken("hooks-json", "bad", "sudo mv")
def a_hook_definition_with_a_condition_of_the_wrong_type(host):
    write(host / HOOKS / "site.json", '{"version": "1.0.0", "hook": {"path": "/bin/sh"}, "when": {"always": "true"}, "stages": []}')


@broken("hooks-program", "bad", "sudo chmod 755 /usr/bin/site-hook")
def a_definition_whose_program_cannot_be_executed(host):
    write(host / "usr/bin/site-hook", "#!/bin/sh\n", 0o644)
    write(host / HOOKS / "site.json", '{"version": "1.0.0", "hook": {"path": "/usr/bin/site-hook"}, "when": {}, "stages": ["prestart"]}')


@test("command")
def doctor_accepts_the_definitions_that_podman_accepts():
    host = copy_host("accepted")
    write(host / HOOKS / "first.json", '{"hook": "/usr/bin/podman", "arguments": ["prestart"], "stage": ["prestart"], "cmd": [".*"]}')
    write(host / HOOKS / "cased.json", '{"Version": "1.0.0", "HOOK": {"Path": "/usr/bin/podman"}, "When": {"always": null}, "Stages": []}')
    (host / HOOKS / "latin.json").write_bytes(b'{"version": "1.0.0", "hook": {"path": "/usr/bin/podman", "args": ["\xe9"]}, "stages": ["poststop"]}')
    (host / HOOKS / "dangling.json").symlink_to("nowhere")
    check_equal(faults(doctor(host)), [], "faults")
    shutil.rmtree(host)


@broken("hooks-stage", "bad", "podman-hooks.d")
def a_stage_that_crio_does_not_know(host):
    program(host / "usr/bin/crio")
    definition = json.loads((host / HOOKS / "oci-nvidia-hook.json").read_text())
    definition["stages"] = ["precreate"]
    write(host / HOOKS / "oci-nvidia-hook.json", json.dumps(definition))


@broken("hooks-program", "bad", "--reinstall")
def a_definition_whose_program_is_gone(host):
    definition = json.loads((host / HOOKS / "oci-nvidia-hook.json").read_text())
    definition["hook"]["path"] = "/opt/gone/oci-nvidia-hook"
    write(host / HOOKS / "oci-nvidia-hook.json", json.dumps(definition))


@broken("hooks-twice", "warning", "sudo rm /usr/share/containers/oci/hooks.d/zz-gpu.json")
def two_definitions_of_the_hook(host):
    shutil.copy(host / HOOKS / "oci-nvidia-hook.json", host / HOOKS / "zz-gpu.json")


@broken("cdi", "warning", "oci-nvidia cdi generate --output /etc/cdi/nvidia.yaml")
def nvidias_cdi_spec_beside_the_hook(host):
    program(host / "opt/nvidia-cdi-hook")
    write(host / "etc/cdi/nvidia.yaml", specification("/opt/nvidia-cdi-hook"))


@broken("cdi-programs", "bad", "sudo apt-get install oci-nvidia-cdi-hook")
def a_cdi_spec_whose_program_is_gone(host):
    write(host / "etc/cdi/nvidia.yaml", specification("/usr/bin/nvidia-cdi-hook"))


@broken("cdi-programs", "bad", "sudo apt-get install --reinstall oci-nvidia-hook")
def a_spec_of_the_device_plugin_where_an_engine_looks(host):
    write(host / "etc/crio/crio.conf.d/cdi.conf", '[crio.runtime]\ncdi_spec_dirs = ["/var/lib/cdi"]\n')
    spec = specification("/usr/bin/nvidia-ctk", kind="k8s.device-plugin.nvidia.com/gpu")
    write(host / "var/lib/cdi/k8s.device-plugin.nvidia.com-gpu.json", spec)


@broken("config", "bad", "correct the file")
def a_configuration_that_is_malformed(host):
    write(host / "etc/oci-nvidia-hook/config.toml", "[nvidia-container-cli\n")


@broken("config", "warning", "sudoedit /etc/oci-nvidia-hook/config.toml")
def a_configuration_with_an_unknown_key(host):
    write(host / "etc/oci-nvidia-hook/config.toml", "[nvidia-container-cli]\nldchache = '/etc/ld.so.cache'\n")


@broken("config", "warning", "sudoedit /etc/nvidia-container-runtime/config.toml")
def nvidias_configuration_with_an_unknown_key_beside_ours(host):
    write(host / "etc/nvidia-container-runtime/config.toml", "[nvidia-ctk]\nno-cgroups = false\n")


@broken("config", "warning", "sudo mkdir -p /nonexistent/logs")
def a_debug_log_in_a_directory_that_is_not_there(host):
    write(host / "etc/oci-nvidia-hook/config.toml", "[nvidia-container-cli]\ndebug = '/nonexistent/logs/hook.log'\n")


@broken("config", "warning", "whole path")
def a_debug_log_without_a_directory(host):
    write(host / "etc/oci-nvidia-hook/config.toml", "[nvidia-container-runtime]\ndebug = 'runtime.log'\n")


@broken("config-owner", "bad", "sudo chown root:root /etc/oci-nvidia-hook/config.toml")
def a_configuration_that_others_can_write(host):
    (host / "etc/oci-nvidia-hook/config.toml").chmod(0o666)


@broken("no-cgroups", "warning", "/etc/nvidia-container-runtime/config.toml")
def device_rules_that_are_off(host):
    write(host / "etc/nvidia-container-runtime/config.toml", "[nvidia-container-cli]\nno-cgroups = true\n")


@broken("driver-root", "bad", "driver container")
def a_driver_root_that_is_not_there(host):
    write(host / "etc/oci-nvidia-hook/config.toml", "[nvidia-container-cli]\nroot = '/run/nvidia/driver'\n")


@broken("selinux", "bad", "sudo setsebool -P container_use_xserver_devices on")
def selinux_that_denies_devices(host):
    write(host / "sys/fs/selinux/enforce", "1")
    for name in ("container_use_devices", "container_use_xserver_devices"):
        write(host / f"sys/fs/selinux/booleans/{name}", "0 0")


@broken("rootless", "bad", "sudo usermod --add-subuids", user=True)
def a_user_without_subordinate_ids(host):
    write(host / "etc/subuid", "adam:100000:65536\n")


@broken("last-failure", "warning", "sudo rm /run/oci-nvidia-hook/last-failure")
def a_container_that_failed(host):
    write(host / "run/oci-nvidia-hook/last-failure", "time: 1700000000\ncontainer: abc\nmessage: NVH-0202: no such GPU. Try: 0.\n")
