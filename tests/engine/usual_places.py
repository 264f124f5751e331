# SPDX-License-Identifier: Apache-2.0
"""The data of an engine of the tests, where an engine has it as a rule."""

import contextlib
import subprocess
from pathlib import Path


@contextlib.contextmanager
def usual_places(links):
    """{usual place below /run or /var/lib: where it is}. /run is the simulated host's; /var/lib is covered meanwhile."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/lib"], check=True)
    made = []
    try:
        for place, target in links.items():
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            Path(place).symlink_to(target)
            made.append(Path(place))
        yield
    finally:
        for place in made:
            place.unlink()
        subprocess.run(["umount", "/var/lib"], check=True)
