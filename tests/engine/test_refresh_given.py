# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia refresh` where the runtime, the image or the user made what is in the places of the driver."""

import json
import shutil

from bundle import Case, foreign_nodes, running
from command import document
from expect import LIBRARIES
from harness import SETUP, check, check_equal, run, test
from test_attach import SLEEP, mounts_of
from test_refresh import ALL, NEW_UVM, check_has, container, host_to_upgrade, only
from upgrade import NEW_VERSION
from volumes import on, volume


@test(*ALL)
def what_the_runtime_made_by_an_edited_config_json_is_refreshed():
    """Nodes are made by the runtime, so that no mount shows where they come from."""
    with host_to_upgrade() as (config, upgrade):
        options = (f"-config={config}",)

        def edit(spec, directory):
            (directory / "upper").mkdir(exist_ok=True)
            done = run([SETUP.hook, *options, "precreate"], input=json.dumps(spec), cwd=directory)
            check_equal((done.returncode, done.stderr), (0, ""), "precreate")
            spec.clear()
            spec.update(json.loads(done.stdout))

        case = Case("0", mounts=[foreign_nodes()], args=SLEEP, hook=[], edit=edit)
        with running(case) as name:
            check_equal(only(document("refresh", name, config=config))["result"], "nothing-to-do", "before")
            upgrade()
            document("refresh", name, config=config)
            check_has(name, NEW_VERSION, [0], NEW_UVM)
            check_equal(only(document("refresh", name, config=config))["result"], "nothing-to-do", "a second call")


@test("refresh")
def files_of_the_image_in_the_place_of_links_are_covered_again():
    def own_library(_, directory):
        (directory / "rootfs" / LIBRARIES[1:] / "libcuda.so.1").write_text("the image's own")

    with host_to_upgrade() as (config, upgrade), container(config=config.read_text(), edit=own_library) as name:
        check(f"{LIBRARIES}/libcuda.so.1" in mounts_of(name), "it is not covered before")
        upgrade()
        document("refresh", name, config=config)
        same = run(["runc", "exec", name, "cmp", f"{LIBRARIES}/libcuda.so.1", f"{LIBRARIES}/libcuda.so.{NEW_VERSION}"])
        check_equal(same.returncode, 0, same.stdout + same.stderr)
        check_equal(only(document("refresh", name, config=config))["result"], "nothing-to-do", "a second call")


@test("refresh")
def what_the_user_mounted_and_still_exists_stays():
    """A library of another driver, which the user wants, beside those of the hook."""
    library = f"{LIBRARIES}/libnvidia-own.so.470.1"
    with volume("own", tmpfs=True) as source, host_to_upgrade() as (config, upgrade):
        shutil.copy(f"{SETUP.rootfs}/bin/true", source / "own")
        with container("0", on(source / "own", library), config=config.read_text()) as name:
            check_equal(only(document("refresh", name, config=config))["result"], "nothing-to-do", "before")
            upgrade()
            document("refresh", name, config=config)
            check(library in mounts_of(name), "the user's library is gone")
            check_has(name, NEW_VERSION, [0], NEW_UVM)
