# SPDX-License-Identifier: Apache-2.0
"""The test image as an archive that containerd imports."""

import hashlib
import json
import tarfile

from harness import SETUP, run

IMAGE = "docker.io/library/oci-nvidia-test:latest"


def make_archive(path, names, config=None):
    """The root file system of the tests under these names; `config` is the image's, with its command and variables."""
    layer = path.with_suffix(".layer")
    run(["tar", "-C", SETUP.rootfs, "-cf", layer, "."], check=True)
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    described = path.with_suffix(".json")
    root = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    described.write_text(json.dumps({"architecture": "amd64", "os": "linux", "config": config or {}, "rootfs": root}))
    manifest = path.with_suffix(".manifest")
    manifest.write_text(json.dumps([{"Config": "config.json", "RepoTags": names, "Layers": ["layer.tar"]}]))
    with tarfile.open(path, "w") as archive:
        for file, name in ((manifest, "manifest.json"), (described, "config.json"), (layer, "layer.tar")):
            archive.add(file, name)
    layer.unlink()
