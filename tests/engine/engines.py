# SPDX-License-Identifier: Apache-2.0
"""The engines of tests/engine/run: which tests each has, and the host that they run on."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Engine:
    """`tests_of`: the name by which tests name the engine that they are for."""

    tests_of: str
    modules: str
    programs: str
    options: tuple = ()  # of `simulate`
    suite: str = ""  # of the Debian that its systemd comes from, or all programs where `whole`
    systemd: bool = False  # it runs the host of the containers, not that of the tests
    whole: bool = False  # the suite has all programs: nothing but the kernel is this machine's


CGROUP2 = ("--cgroup2",)
ALONE = ("--own-processes",)  # for commands that change all containers of a host


def of(name, modules, programs, *options, **more):
    return name, Engine(name, modules, programs, options, **more)


ENGINES = dict(
    [
        of(
            "runc",
            "test_container test_bad_input test_compat test_runc test_verify test_images test_mig test_mps "
            "test_audit test_features test_update test_stages test_userns test_cdi_hook_images test_precreate test_shim test_shim_cdi test_volumes test_shim_made test_leases",
            "runc",
        ),
        of(
            "runc-cgroup2",
            "test_container test_hidden_filter test_leases test_mig test_precreate test_shim test_stages test_update test_verify",
            "runc",
            *CGROUP2,
        ),
        of(
            "crun-cgroup2",
            "test_cdi_hook_images test_container test_hidden_filter test_precreate test_shim test_stages test_volumes test_shim_made",
            "crun runc",
            *CGROUP2,
        ),
        of(
            "podman",
            "test_podman test_podman_precreate test_podman_shim test_command_podman test_volumes_podman",
            "podman runc",
        ),
        of("rootless", "test_rootless", "runc podman newuidmap setpriv"),
        of(
            "docker",
            "test_docker test_docker_shim test_node_groups test_setup_docker test_command_docker",
            "docker dockerd containerd runc",
        ),
        of("real-driver", "test_real_driver", "runc"),
        of("lxc", "test_lxc test_lxc_attach", "lxc-execute runc"),
        of("lxc-cgroup2", "test_lxc test_lxc_attach", "lxc-execute runc", *CGROUP2),
        of(
            "cdi",
            "test_cdi test_cdi_check test_cdi_generate test_cdi_refresh test_node_groups test_nvidia_cdi_hook test_volumes_podman",
            "podman runc",
        ),
        of("cdi-cgroup2", "test_cdi test_nvidia_cdi_hook", "podman crun runc", *CGROUP2),
        of("cri", "test_cri", "containerd runc crun"),
        of("installer", "test_installer", "containerd runc"),
        of("cli", "test_cli test_cli_callers test_device_nodes test_volumes_cli", "runc setpriv"),
        of(
            "hostile",
            "test_hostile_state test_hostile_config test_hostile_request test_hostile_process "
            "test_hostile_stages test_hostile_settings test_hostile_image test_hostile_files "
            "test_hostile_libraries test_hostile_filesystems test_hostile_owners test_hostile_kernel "
            "test_hostile_driver test_cdi_hook_images test_faults test_races test_cves test_cves_fixes test_cves_runc "
            "test_cves_processes",
            "runc strace cc prlimit setpriv",
        ),
        of(
            "hostile-cgroup2",
            "test_cves_fixes test_cves_processes test_faults test_hostile_kernel",
            "runc strace cc",
            *CGROUP2,
        ),
        of(
            "command",
            "test_list test_explain test_inspect test_ps test_ps_watch test_regrant test_doctor test_doctor_hosts test_host_root test_node test_setup "
            "test_nvidia_ctk test_gpus_option test_readme test_terminal test_first_minutes test_recording",
            "runc strace setpriv",
        ),
        of("command-cgroup2", "test_inspect test_ps test_ps_watch test_regrant", "runc", *CGROUP2),
        of("attach", "test_attach test_attach_changes test_attach_record test_detach", "runc strace cc"),
        of("attach-cgroup2", "test_attach test_attach_changes test_attach_record test_detach", "runc strace cc", *CGROUP2),
        of("refresh", "test_refresh test_refresh_given test_refresh_mig", "runc strace cc", *ALONE, "--mig", "1"),
        of("refresh-cgroup2", "test_refresh test_refresh_given test_refresh_mig", "runc strace cc", *CGROUP2, *ALONE, "--mig", "1"),
        # crun takes no host with cgroups of both versions.
        of("engines-cgroup2", "test_ps_engines test_refresh_engines", "runc crun podman docker dockerd containerd", *CGROUP2),
        of("old-kernel", "test_old_kernel", "runc cc"),
        of("old-kernel-cgroup2", "test_old_kernel", "runc cc", *CGROUP2),
        of(
            "systemd",
            "test_systemd test_systemd_attach test_systemd_node test_systemd_names test_systemd_precreate test_hidden_filter test_device_nodes test_cdi_units",
            "runc setpriv cc",
            *CGROUP2,
            systemd=True,
        ),
    ]
)


def elsewhere(suffix, suite, *names):
    """The same tests with the programs of another Debian."""
    return {
        f"{name}-{suffix}": dataclasses.replace(
            ENGINES[name], programs="debootstrap", suite=suite, whole=True
        )
        for name in names
    }


# What --today runs instead. Debian has these versions of podman, crun, runc, docker.io,
# containerd, lxc, incus and apptainer in its archive at the same time.
TODAY = {
    **elsewhere("today", "sid", "runc", "runc-cgroup2", "crun-cgroup2", "podman", "rootless"),
    "docker-today": dataclasses.replace(
        elsewhere("today", "sid", "docker")["docker-today"],
        modules=f"{ENGINES['docker'].modules} test_docker_today",
    ),
    **dict(
        of(f"{name}-today", f"test_{name}", "debootstrap", *CGROUP2, suite="sid", whole=True)
        for name in ("apptainer", "incus")
    ),
    **elsewhere("today", "sid", "lxc-cgroup2", "cdi", "cdi-cgroup2"),
    # More of containerd's CRI plugin: user namespaces and CDI are there since 2.
    **{
        f"cri{hierarchy}-today": dataclasses.replace(
            elsewhere("today", "sid", "cri")["cri-today"], modules="test_cri test_nri", options=options
        )
        for hierarchy, options in (("", ()), ("-cgroup2", CGROUP2))
    },
    # Each change has what an installer does at all; upgrades, kills and the operator take minutes.
    "installer-today": dataclasses.replace(
        elsewhere("today", "sid", "installer")["installer-today"], modules="test_installer test_toolkit"
    ),
    # LXC 7 knows no cgroup v1.
    "cli-today": dataclasses.replace(elsewhere("today", "sid", "cli")["cli-today"], options=CGROUP2),
    **dict(
        of(
            f"podman-systemd-{suffix}",
            "test_survival test_hidden_filter",
            "setpriv debootstrap",
            *CGROUP2,
            suite=suite,
            systemd=True,
            whole=True,
        )
        for suffix, suite in (("today", "sid"), ("next", "experimental"))
    ),
    # systemd and crun of today; the others are those of Debian 12.
    **dict(
        [
            of(
                "systemd-today",
                "test_systemd test_systemd_attach test_systemd_node test_systemd_pin test_hidden_filter",
                "setpriv debootstrap cc",
                *CGROUP2,
                suite="forky",
                systemd=True,
            )
        ]
    ),
    # Programs of this machine; what is fetched for them is large.
    **dict([of("loaders", "test_loaders", "runc")]),
    # The driver of the Debian after.
    "real-driver-13": dataclasses.replace(ENGINES["real-driver"], modules="test_real_driver test_real_driver_x"),
    "real-driver-upgrade": dataclasses.replace(ENGINES["real-driver"], modules="test_refresh_real"),
    # Podman 6 knows no cgroup v1, on which the other tests of Podman run here.
    **elsewhere("next", "experimental", "runc", "runc-cgroup2", "cdi-cgroup2"),
}
# The commands of the documents, on a host that has what README.md and docs tell to install.
DOCUMENTS = dict(
    [of("documents", "test_documents", "debootstrap", suite="bookworm", whole=True)]
)
# Packages of these trees; the engine is skipped that lacks one with `?`.
TOOLS = "buildah? busybox-static fuse-overlayfs gcc iproute2 jq libc6-dev musl-tools passt podman procps python3 python3-grpcio python3-jsonschema tar uidmap"
PACKAGES = {
    "bookworm": "busybox-static containerd docker.io gcc iproute2 jq libc6-dev podman procps python3 sudo",
    "sid": f"{TOOLS} apptainer? containerd criu? docker-buildx? docker-cli? docker.io incus-base? incus-client? lxc?",
    "experimental": TOOLS,
}
