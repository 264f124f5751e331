# SPDX-License-Identifier: Apache-2.0
"""config.json edited before the runtime sees it: the runtime mounts and makes what it can, one hook does the rest."""

import dataclasses
import json
import stat

import images
import observe
from bundle import HOOK_ENV, Case, bundle, foreign_nodes, hook_words, run_container, run_in, running
from command import GOOD, document
from edited import completing_hook, edit_in_place, edited, edited_case, precreate, run_edited
from expect import LIBRARIES, check_foreign_nodes, check_gpus, check_loader, check_one_line, check_params, check_started
from harness import SETUP, check, check_equal, run, test
from test_images import load_arguments, sonames
from test_update import UPDATES, check_access
from test_userns import complete_procfs, remap, remapped_image

ENGINES = ["runc", "runc-cgroup2", "crun-cgroup2"]
# What a container sees that does not tell who put it there.
SAME = "nodes open foreign loader load links smi gpus params tree dev end".split()


def flags_of(view):
    """{target: flags} of the mounts of files of the driver."""
    rows = {target: (source, flags) for target, source, flags, _ in view.mounts()}
    wanted = ["ro", "nosuid", "nodev", "noexec"]
    return {
        target: (source, [flag for flag in wanted if flag in flags])
        for target, (source, flags) in rows.items()
        if SETUP.version in target or target.startswith(("/usr/bin/nvidia", "/proc/driver/nvidia"))
    }


def made(outcome):
    """The writable layer; the mode of what a mount is put on is the runtime's business."""
    return [[path, stat.S_IFMT(int(mode, 8)), *rest] for path, mode, *rest in outcome.changes]


def targets_of(outcome):
    """Where something is mounted in the container, before the hook and after it."""
    top = f"{outcome.directory}/rootfs"
    lines = (outcome.record[when]["mounts"] for when in ("before", "after"))
    return [[line.split()[4].removeprefix(top) for line in one] for one in lines]


def check_done_by_runtime(outcome):
    """Before the hook ran, the runtime had done its part, and to that the hook adds nothing."""
    before, after = targets_of(outcome)
    library = f"{LIBRARIES}/libcuda.so.{SETUP.version}"
    for path in (library, "/usr/bin/nvidia-smi"):
        check_equal([before.count(path), after.count(path)], [1, 1], f"mounts of {path}")
    nodes = [path for path in after if path.startswith("/dev/nvidia")]
    check_equal(nodes, [], "nodes that are mounts")
    record = outcome.record
    check_equal(record["after"]["devices"], record["before"]["devices"], "device rules that the hook made")


def check_same(case):
    """The container is the one that the hook alone makes. Returns what was seen of it."""
    case = dataclasses.replace(case, command=observe.WITH_FILES)
    usual, seen = run_container(case), run_edited(case)
    check_started(usual)
    check_started(seen)
    for section in SAME:
        check_equal(seen.view[section], usual.view[section], f"section {section}")
    check_equal(flags_of(seen.view), flags_of(usual.view), "mounts of the driver")
    check_equal(made(seen), made(usual), "the writable layer")
    check_done_by_runtime(seen)
    return seen


@test(*ENGINES)
def an_edited_container_is_the_one_that_the_hook_makes():
    outcome = check_same(Case("1", mounts=[foreign_nodes()]))
    check_gpus(outcome.view, [1])
    check_loader(outcome.view)
    check_params(outcome.view)
    if not SETUP.engine.startswith("crun"):  # it is run without cgroups
        check_foreign_nodes(outcome.view, [1])


@test(*ENGINES)
def an_edited_container_with_all_gpus_and_capabilities_is_the_one_that_the_hook_makes():
    check_same(Case("all", {"NVIDIA_DRIVER_CAPABILITIES": "all"}))


@test(*ENGINES)
def an_edited_read_only_container_is_the_one_that_the_hook_makes():
    outcome = check_same(Case("0", readonly=True))
    check_gpus(outcome.view, [0])


@test("runc")
def an_edited_container_with_a_user_namespace_is_the_one_that_the_hook_makes():
    """The runtime mounts what it cannot make there: nodes are mounts of the host's."""
    with complete_procfs():
        case = Case("1", image=remapped_image(), edit=remap, mounts=[foreign_nodes()])
        usual, seen = run_container(case), run_edited(case)
    check_started(seen)
    check_gpus(seen.view, [1])
    check_foreign_nodes(seen.view, [1])
    check_loader(seen.view)
    check_equal(flags_of(seen.view), flags_of(usual.view), "mounts of the driver")
    before, after = targets_of(seen)
    check(before.count(f"{LIBRARIES}/libcuda.so.{SETUP.version}") == 1, "the runtime mounted no libcuda")
    ours = [path for path in after if "nvidia" in path or SETUP.version in path]
    check_equal(sorted(ours), sorted(set(ours)), "mount points of the driver, each once")


def check_loads(image, capabilities="compute,utility"):
    """Every library that the image's loader finds is the driver's."""
    args = [images.CHECKER, *load_arguments(capabilities)]
    case = Case("1", {"NVIDIA_DRIVER_CAPABILITIES": capabilities}, image=image.root, args=args)
    usual, seen = run_container(case), run_edited(case)
    check_equal((seen.exit, seen.record["exit"]), (0, 0), f"exit codes ({seen.errors})")
    check_equal(seen.output, usual.output, "what the image's loader takes")
    check_equal(len(seen.output.splitlines()), len(sonames(capabilities)), "libraries that were loaded")
    check_equal(made(seen), made(usual), "the writable layer")
    return seen


@test("runc", "crun-cgroup2")
def an_edited_alpine_container_loads_the_driver():
    check_loads(images.alpine())


@test("runc", "crun-cgroup2")
def an_edited_distroless_container_loads_the_driver():
    check_loads(images.distroless(), "compute,utility,graphics")


@test("runc", "crun-cgroup2")
def a_link_to_another_version_is_replaced_in_an_edited_container():
    check_loads(images.with_link_to_another_version())


@test("runc", "crun-cgroup2")
def a_libcuda_of_the_image_is_covered_in_an_edited_container():
    """The file has the name of the link to a library that the runtime mounted."""
    image = images.debian()
    file = image.root / image.libraries[1:] / "libcuda.so.1"
    file.write_bytes(images.driver_library("libcuda").read_bytes() + b"of the image")
    outcome = check_loads(image, "compute")
    check_equal(targets_of(outcome)[1].count(f"{image.libraries}/libcuda.so.1"), 1, "mounts over the file")


@test("runc", "runc-cgroup2")
def the_gpu_of_an_edited_container_stays_over_runc_update():
    succeeded = 0
    with running(edited_case(Case("1", mounts=[foreign_nodes()], args=["sleep", "1000"]))) as name:
        check_access(name, "before an update")
        for words in UPDATES:
            succeeded += run(["runc", "update", *words, name]).returncode == 0
            check_access(name, f"after runc update {' '.join(words)}")
    check(succeeded, "no runc update succeeded")


@test("runc-cgroup2")
def inspect_says_whose_device_rules_an_edited_container_has():
    with running(edited_case(Case("1", args=["sleep", "1000"]))) as name:
        told = document("inspect", name, status=GOOD)["device_access"]
    check_equal(len(told), 1, f"filters in {told}")
    check("of the runtime alone, which lets it use the devices in config.json" in told[0], told)


# ---- who does the work


def plain_hook():
    words = hook_words()
    return {"path": words[0], "args": words, "env": HOOK_ENV}


def run_with_plain_hook(place):
    """An edited config.json to which `place` adds a hook of the usual kind, as docker's --gpus or hooks.d does."""

    def add(config, directory):
        edit_in_place(config, directory)
        place(config["hooks"], plain_hook())

    with bundle(Case("0", hook=[], edit=add)) as directory:
        return run_in(directory)


@test("runc")
def a_usual_hook_before_the_completing_one_stays_out():
    outcome = run_with_plain_hook(lambda hooks, entry: hooks["prestart"].append(entry))
    check_started(outcome)
    check_gpus(outcome.view, [0])
    check_done_by_runtime(outcome)
    view = [mount[0] for mount in outcome.view.mounts() if mount[0] == "/proc/driver/nvidia"]
    check_equal(len(view), 1, "views of the driver")
    check("/proc/driver/nvidia/gpus/0000:07:00.0" not in targets_of(outcome)[0], "the usual hook did the work")


@test("runc")
def a_usual_hook_after_the_completing_one_stays_out():
    outcome = run_with_plain_hook(lambda hooks, entry: hooks["createRuntime"].append(entry))
    check_started(outcome)
    check_gpus(outcome.view, [0])
    mounts = [mount[0] for mount in outcome.view.mounts()]
    check_equal(len(mounts), len(set(mounts)), "mount points, each once")


@test("runc")
def a_completing_hook_that_runs_twice_does_the_work_once():
    def twice(config, directory):
        edit_in_place(config, directory)
        config["hooks"]["createRuntime"] *= 2

    with bundle(Case("0", hook=[], edit=twice)) as directory:
        outcome = run_in(directory)
    check_started(outcome)
    check_equal(outcome.record["after"], outcome.record["before"], "what the second run changed")


@test("runc")
def a_completing_hook_does_everything_where_nothing_was_edited():
    words = hook_words()
    outcome = run_container(Case("0", hook=[*words[:-1], "-complete", words[-1]]))
    check_started(outcome)
    check_gpus(outcome.view, [0])
    check_loader(outcome.view)


# ---- the filter


def config_of(directory):
    return (directory / "config.json").read_text()


@test("runc")
def an_edited_config_json_is_not_edited_again():
    with bundle(Case("0", hook=[])) as directory:
        once = edited(config_of(directory), cwd=directory)
        check_equal(edited(once, cwd=directory), once, "config.json edited twice")
        entry = completing_hook(json.loads(once))
        check_equal(entry["args"], ["oci-nvidia-hook", f"-config={SETUP.config}", "-complete", "createRuntime"], "args")


@test("runc")
def what_asks_for_nothing_keeps_every_byte():
    with bundle(Case(None, hook=[])) as directory:
        text = "\n" + config_of(directory).replace(",", " ,\t") + " \n"
        check_equal(edited(text, cwd=directory), text, "config.json without a request")


@test("runc")
def what_has_the_driver_by_cdi_keeps_every_byte():
    def by_cdi(config, _):
        config["mounts"].append({"destination": "/usr/lib64/libcuda.so.1", "type": "bind", "source": "/x"})
        config["linux"]["devices"] = [{"path": "/dev/nvidiactl", "type": "c", "major": 195, "minor": 255}]

    with bundle(Case("0", hook=[], edit=by_cdi)) as directory:
        text = config_of(directory)
        check_equal(edited(text, cwd=directory), text, "config.json of CDI")


@test("runc")
def all_but_the_additions_survives_byte_for_byte():
    with bundle(Case("0", hook=[])) as directory:
        text = json.dumps(json.loads(config_of(directory)), indent="\t")
        text = text.replace("{", '{ "x-\\u0061" : -12345678901234567890123.50E+0 , "x-b":[ ] ,', 1) + "\n"
        rest = edited(text, cwd=directory)
        for line in text.splitlines(keepends=True):
            at = rest.find(line.rstrip("\n"))
            check(at >= 0, f"lost: {line!r}")
            rest = rest[at + len(line.rstrip("\n")) :]


def check_refused(done, exit_code, code, *words):
    check_equal((done.returncode, done.stdout), (exit_code, ""), f"exit code and standard output ({done.stderr})")
    check_one_line(done.stderr, code, *words)


@test("runc")
def what_is_no_config_json_is_refused_with_nothing_on_standard_output():
    good = json.dumps({"ociVersion": "1.0.2", "process": {"env": ["NVIDIA_VISIBLE_DEVICES=0"]}, "root": {"path": "/x"}})
    for text in ("", "{", "[]", good[:-1], good + "}", good.replace("{", '{"linux":[],', 1)):
        check_refused(precreate(text), 11, "NVH-0106", "OCI spec")


@test("runc")
def a_malformed_list_is_refused_with_nothing_on_standard_output():
    with bundle(Case("0", hook=[])) as directory:
        config = json.loads(config_of(directory))
        for path in ("linux devices", "linux resources devices", "linux namespaces", "hooks", "hooks prestart"):
            *way, name = path.split()
            text = json.loads(json.dumps(config))
            place = text
            for word in way:
                place = place[word]
            place[name] = "banana"
            check_refused(precreate(json.dumps(text), cwd=directory), 11, "NVH-0106")


@test("runc")
def what_cannot_be_given_is_refused_with_nothing_on_standard_output():
    with bundle(Case("99", hook=[])) as directory:
        check_refused(precreate(config_of(directory), cwd=directory), 12, "NVH-0202", "99")
    with bundle(Case("0", hook=[])) as directory:
        config = json.loads(config_of(directory))
        config["root"]["path"] = "nowhere"
        check_refused(precreate(json.dumps(config), cwd=directory), 15, "NVH-0503", "nowhere")


@test("runc")
def a_driver_file_that_others_can_write_is_not_given_to_the_runtime():
    library = SETUP.driver / LIBRARIES[1:] / f"libcuda.so.{SETUP.version}"
    other = SETUP.work / "libcuda.so"
    other.write_bytes(library.read_bytes())
    other.chmod(0o666)
    with bundle(Case("0", hook=[])) as directory:
        text = config_of(directory)
        run(["mount", "--bind", other, library], check=True)
        try:
            check_refused(precreate(text, cwd=directory), 14, "NVH-0407", "libcuda")
        finally:
            run(["umount", library], check=True)
        check(str(library) in edited(text, cwd=directory), "libcuda is not mounted")
