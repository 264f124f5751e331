# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia refresh` when a host goes from Debian 12 to Debian 13, with NVIDIA's own files of both."""

import contextlib
import shutil

from command import GOOD, document
from harness import SETUP, check, check_equal, run, test
from test_attach import view_of
from test_refresh import container, host_to_upgrade, only
from trees import version_of

LIBRARIES = ("libcuda.so.1", "libnvidia-ml.so.1")


@contextlib.contextmanager
def driver_of_debian():
    """As upgrade.replaced_driver(): a configuration, and what puts the later driver in the place of the earlier."""
    root = SETUP.work / "upgrade" / "driver"
    root.mkdir(parents=True)
    config = root.parent / "config.toml"
    config.write_text(SETUP.config.read_text().replace(str(SETUP.driver), str(root)))
    SETUP.sources.append(str(root))
    run(["mount", "--bind", SETUP.driver, root], check=True)

    def replace():
        run(["umount", root], check=True)
        run(["mount", "--bind", SETUP.other_driver, root], check=True)

    try:
        yield config, replace
    finally:
        run(["umount", root], check=True)
        SETUP.sources.remove(str(root))
        shutil.rmtree(root.parent)


def check_has(name, version, other):
    view = view_of(name, "")
    for soname in LIBRARIES:
        check(view.loaded().get(soname, "").endswith(version), f"dlopen of {soname}: {view.loaded()}")
        check(soname in view.loader(), f"ldconfig -p has no {soname}")
    for section in ("mounts", "loader", "links"):
        check_equal([line for line in view[section] if other in line], [], f"{section} of {other}")
    check("NVIDIA-SMI has failed" in "\n".join(view["smi"]), f"nvidia-smi does not start: {view['smi']}")


@test("real-driver")
def a_container_goes_from_the_driver_of_debian_12_to_that_of_debian_13():
    old, new = SETUP.version, version_of(SETUP.other_driver)
    check((old[:4], new[:4]) == ("535.", "550."), f"drivers {old} and {new}")
    with host_to_upgrade(driver_of_debian, new) as (config, upgrade), container("1", config=config.read_text()) as name:
        check_has(name, old, new)
        upgrade()
        check_equal(only(document("refresh", name, config=config, status=GOOD))["result"], "refreshed", "result")
        check_has(name, new, old)
        check_equal(only(document("refresh", name, config=config))["result"], "nothing-to-do", "a second call")
