# SPDX-License-Identifier: Apache-2.0
"""A container in a systemd scope whose config.json was edited: the rules are the runtime's, and systemd is told of them."""

import json

from edited import edited
from harness import SETUP, test
from systemd_container import started


def edit(config):
    """The filter takes out the usual hook, which is in this config.json already."""
    text = json.dumps(config | {"root": {"path": str(SETUP.rootfs)}})
    text = edited(text).replace(f'"{SETUP.rootfs}"', '"rootfs"')
    config.clear()
    config.update(json.loads(text))


@test("systemd")
def a_gpu_of_an_edited_container_stays_over_daemon_reload():
    with started(edit=edit) as container:
        container.check_access("before")
        for number in (1, 2):
            container.host.reload()
            container.check_access(f"after daemon-reload {number}")


@test("systemd")
def a_gpu_of_an_edited_container_stays_over_property_changes():
    with started(edit=edit) as container:
        container.host.must("systemctl", "set-property", "--runtime", container.scope, "CPUWeight=50")
        container.check_access("after set-property")
        container.host.run(*container.runtime, "update", "--pids-limit", "100", container.name)
        container.check_access("after runc update")
