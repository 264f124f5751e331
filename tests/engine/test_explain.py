# SPDX-License-Identifier: Apache-2.0
"""`oci-nvidia explain`: the plan is the hook's own, and the hook does it."""

import json

import oracle
from bundle import Case, bundle, run_in, running
from command import BROKEN, GOOD, check_refused, document, oci_nvidia, resolved, text_of
from harness import SETUP, UUID, check, check_equal, run, test

REQUESTS = (
    Case("1"),
    Case("all", env={"NVIDIA_DRIVER_CAPABILITIES": "all"}),
    Case("none"),
    Case(f"{UUID}5,0", env={"NVIDIA_DRIVER_CAPABILITIES": "utility", "NVIDIA_REQUIRE_CUDA": "cuda>=99 driver>=1"}),
    Case("0", settings="no-cgroups = true\n"),
)


def dry_run(directory, config, *options):
    """What the hook itself says of the bundle."""
    state = {"ociVersion": "1.0.2", "id": "x", "pid": 0, "bundle": str(directory)}
    words = [SETUP.hook, f"-config={config}", "-dry-run", *options, "prestart"]
    done = run(words, input=json.dumps(state))
    check_equal((done.returncode, done.stderr), (0, ""), "the hook's dry run")
    return json.loads(done.stdout)


def config_of(directory):
    own = directory / "config.toml"
    return own if own.exists() else SETUP.config


def steps(plan, *operations):
    return [step for step in plan["steps"] if step["op"] in operations]


def made_by_the_hook(outcome):
    """Targets in the container of the mounts that the hook made."""
    before, after = ({one.key: one for one in oracle.mounts_of(outcome.record, when)} for when in ("before", "after"))
    top = f"{outcome.directory}/rootfs"
    return sorted(one.target.removeprefix(top) for key, one in after.items() if key not in before)


@test("command")
def explain_equals_the_hooks_dry_run_and_what_the_hook_then_does():
    for case in REQUESTS:
        with bundle(case) as directory:
            config = config_of(directory)
            found = document("explain", "--bundle", str(directory), config=config)
            check_equal(found["plan"], dry_run(directory, config), f"plan for {case}")
            check_equal(found["duty"], "hook", "duty")
            outcome = run_in(directory)
            check_equal(outcome.exit, 0, outcome.errors)
        planned = [step["target"] for step in steps(found["plan"], "tmpfs", "bind")]
        check_equal(made_by_the_hook(outcome), sorted(map(resolved, planned)), f"mounts for {case.devices}")
        for library in [one for step in steps(found["plan"], "loaderCache") for one in step["libraries"]]:
            if library["abi"] == "native":
                check_equal(outcome.view.loader().get(library["soname"]), library["path"], library["soname"])


@test("command")
def explain_tells_where_each_part_of_the_request_comes_from():
    case = Case("1", env={"NVIDIA_REQUIRE_CUDA": "cuda>=99 driver>=1"}, settings="no-cgroups = true\n")
    with bundle(case) as directory:
        found = document("explain", "--bundle", str(directory), config=config_of(directory))
        text = text_of("explain", "--bundle", str(directory), config=config_of(directory))
    check_equal(found["request"]["devices_source"], "NVIDIA_VISIBLE_DEVICES", "devices")
    check_equal(found["request"]["capabilities_source"], "default", "capabilities")
    check("holds by `driver>=1`" in found["requirements"][0], found["requirements"])
    keys = {setting["key"]: setting["where"] for setting in found["settings"]}
    check_equal(keys["nvidia-container-cli.no-cgroups"], f"{directory}/config.toml:4:1", "no-cgroups")
    for words in (f"GPU 1 NVIDIA A100-SXM4-40GB ({UUID}1)", "default: NVIDIA_DRIVER_CAPABILITIES is not set", "CUDA driver library"):
        check(words in text, f"no {words!r} in {text}")


@test("command")
def explain_of_a_container_that_runs_tells_what_it_has():
    with running(Case("1", args=["sleep", "1000"])) as name:
        found = document("explain", "--container", name)
    check("it runs, and has " in found["notes"][0] and " of the driver; oci-nvidia inspect" in found["notes"][0], found["notes"])


@test("command")
def explain_of_a_container_whose_hook_did_not_run_does_not_say_that_all_is_well():
    """The commonest mistake in Kubernetes: a GPU is asked for, and the handler of the shim is not."""
    with running(Case("1", args=["sleep", "1000"], hook=[])) as name:
        found = document("explain", "--container", name, status=BROKEN)
        text = text_of("explain", "--container", name, status=BROKEN)
    verdict = found["verdict"]
    check(verdict.startswith("It asks for the driver, and has nothing of it: neither the hook nor the runtime shim"), verdict)
    check(verdict in text and ". Try: register the hook" in verdict, text)
    check(found["plan"]["steps"] and "for a container that is made anew" in found["notes"][0], found["notes"])


@test("command")
def explain_says_why_nothing_is_injected():
    for words, why in (
        ([], "unset"),
        (["--env", "NVIDIA_VISIBLE_DEVICES="], "empty"),
        (["--env", "NVIDIA_VISIBLE_DEVICES=void"], "void"),
    ):
        found = document("explain", *(words or ["--env", "A=B"]))
        check_equal((found["duty"], found["no_request"], found["plan"]), ("none", why, None), "nothing")
    strict = SETUP.work / "strict.toml"
    strict.write_text("accept-nvidia-visible-devices-envvar-when-unprivileged = false\n" + SETUP.config.read_text())
    wanted = ["explain", "--env", "NVIDIA_VISIBLE_DEVICES=0"]
    found = document(*wanted, config=strict)
    check_equal(found["no_request"], "unprivileged", "strict")
    check(f"{strict}:1:1" in found["verdict"], found["verdict"])
    check_equal(document(*wanted, "--privileged", config=strict)["duty"], "hook", "with CAP_SYS_ADMIN")
    strict.unlink()


@test("command")
def explain_tells_what_the_hook_would_fail_with():
    for variable, code in (
        ("NVIDIA_VISIBLE_DEVICES=99", "NVH-0202"),
        ("NVIDIA_DRIVER_CAPABILITIES=nonsense", "NVH-0201"),
        ("NVIDIA_REQUIRE_CUDA=cuda>=99", "NVH-0302"),
    ):
        words = ["explain", "--env", "NVIDIA_VISIBLE_DEVICES=0", "--env", variable]
        found = document(*words, status=BROKEN)
        check_equal((found["error"]["code"], found["plan"]), (code, None), variable)
        check(code in text_of(*words, status=BROKEN), "text")


@test("command")
def explain_takes_an_images_configuration():
    image = SETUP.work / "image.json"
    image.write_text(json.dumps([{"Config": {"Env": ["NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=utility"]}}]))
    found = document("explain", "--image-config", str(image), "--env", "NVIDIA_VISIBLE_DEVICES=2")
    check_equal((found["request"]["devices"], found["request"]["capabilities"]), ("2", "utility"), "request")
    check("an image without any file" in found["notes"][0], found["notes"])
    found = document("explain", "--image-config", str(image), "--rootfs", str(SETUP.rootfs))
    targets = [step["target"] for step in steps(found["plan"], "bind")]
    check(f"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.{SETUP.version}" in targets, targets)
    done = oci_nvidia("explain", "--image-config", "-", input=image.read_text())
    check_equal(done.returncode, 0, done.stderr)
    image.unlink()


@test("command")
def explain_takes_what_docker_inspect_says_of_a_container():
    def explained(request, status=GOOD, environment=()):
        container = {"Name": "/web", "Config": {"Env": list(environment)}, "HostConfig": {"Runtime": "runc", "DeviceRequests": request}}
        return document("explain", "--image-config", "-", status=status, input=json.dumps([container]))

    found = explained([{"Driver": "", "Count": 0, "DeviceIDs": ["0", "2"], "Capabilities": [["gpu", "utility"]]}])
    check_equal((found["subject"], found["duty"]), ("container web", "hook"), "--gpus")
    check_equal((found["request"]["devices"], found["request"]["capabilities"]), ("0,2", "utility"), "request")
    found = explained([{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"]}], environment=["NVIDIA_VISIBLE_DEVICES=all"])
    check_equal((found["duty"], found["plan"]), ("engine", None), "--device nvidia.com/gpu=0")
    check("by CDI: nvidia.com/gpu=0" in found["verdict"], found["verdict"])
    found = explained(None, status=BROKEN, environment=["NVIDIA_VISIBLE_DEVICES=all"])
    check("without --gpus" in found["verdict"], found["verdict"])


@test("command")
def explain_of_an_edited_configuration_tells_what_is_left_to_the_hook():
    with bundle(Case("1", hook=[])) as directory:
        before = document("explain", "--bundle", str(directory))
        file = directory / "config.json"
        words = [SETUP.hook, f"-config={SETUP.config}", "precreate"]
        file.write_text(run(words, cwd=directory, input=file.read_text(), check=True).stdout)
        after = document("explain", "--bundle", str(directory))
        left = dry_run(directory, SETUP.config, "-complete")
    check_equal((before["duty"], after["duty"]), ("hook", "completion"), "duty")
    check_equal(after["plan"], before["plan"], "plan of all that it gets")
    check_equal(after["left_to_hook"], left, "what is left to the hook")
    check(len(left["steps"]) < len(after["plan"]["steps"]), "the runtime does nothing")


@test("command")
def explain_finds_a_container_of_runc_by_id_its_beginning_and_its_process():
    with running(Case("1", args=["sleep", "1000"])) as name:
        pid = json.loads(run(["runc", "state", name]).stdout)["pid"]
        plans = [document("explain", "--container", word)["plan"] for word in (name, name[:-1], str(pid))]
    check(plans[0]["steps"], "no steps")
    check(all(plan == plans[0] for plan in plans), "not the same container")


@test("command")
def explain_of_what_is_no_container_is_one_line():
    check_refused(oci_nvidia("explain", "--container", "no-such"), 15, "NVH-0509", "no-such")
    check_refused(oci_nvidia("explain", "--bundle", "/nonexistent"), 11, "NVH-0105")
    for words in ([], ["--env", "A=B", "--bundle", "/"], ["--bundle", "/", "--rootfs", "/"]):
        check_equal(oci_nvidia("explain", *words).returncode, 2, f"usage {words}")
