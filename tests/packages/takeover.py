# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's packages in a Debian, and one that depends on them, before ours are installed there."""

import roots

TOOLKIT = "1.17.8-1"
# {package: its version, what it depends on, its files}. NVIDIA's, as far as apt and dpkg look.
PACKAGES = {
    "nvidia-container-toolkit-base": (TOOLKIT, "", ("usr/bin/nvidia-ctk", "usr/bin/nvidia-cdi-hook", "usr/bin/nvidia-container-runtime")),
    "libnvidia-container-tools": (TOOLKIT, "", ("usr/bin/nvidia-container-cli",)),
    "nvidia-container-toolkit": (
        TOOLKIT,
        f"nvidia-container-toolkit-base (= {TOOLKIT}), libnvidia-container-tools (>= {TOOLKIT})",
        ("usr/bin/nvidia-container-runtime-hook",),
    ),
    "nvidia-docker2": ("2.14.0-1", "nvidia-container-toolkit (>= 1.13.0-1)", ("usr/bin/nvidia-docker",)),
    "gpu-node": ("1.0", "nvidia-container-toolkit (>= 1.13.0), nvidia-docker2, nvidia-container-toolkit-base (>= 1.13.0)", ()),
}
DEPENDENT = "gpu-node"


def make(work):
    """Returns their files."""
    made = []
    for name, (version, depends, files) in PACKAGES.items():
        tree = work / f"package-{name}"
        (tree / "DEBIAN").mkdir(parents=True)
        lines = [f"Package: {name}", f"Version: {version}", "Architecture: all", "Maintainer: a test <test@example.invalid>"]
        lines += [f"Depends: {depends}"] * bool(depends) + ["Description: a test's package of this name"]
        (tree / "DEBIAN/control").write_text("\n".join(lines) + "\n")
        for file in files:
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            (tree / file).write_text(f"of {name}\n")
        made.append(work / f"{name}.deb")
        roots.run("dpkg-deb", "--root-owner-group", "--build", tree, made[-1])
    return made


def installed(root):
    listed = root.run("dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n")
    names = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    return {name for name in names if "nvidia" in name or name == DEPENDENT}


def check(root, work, debs):
    """Installing ours removes NVIDIA's packages and nothing else."""
    root.install(*make(work))
    assert installed(root) == set(PACKAGES), installed(root)
    root.install(*debs)
    ours = {deb.name.split("_")[0] for deb in debs}
    if installed(root) != ours | {DEPENDENT}:
        raise AssertionError(f"after the installation there are {installed(root)}")
    root.apt("purge", "--autoremove", DEPENDENT, *ours)
