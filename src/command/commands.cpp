// SPDX-License-Identifier: Apache-2.0
// The table of all commands; help and shell completion are made from it.
#include <array>

#include "command/attach/attach.hpp"
#include "command/attach/detach.hpp"
#include "command/cdi/cdi_check.hpp"
#include "command/cdi/cdi_generate.hpp"
#include "command/cdi/cdi_list.hpp"
#include "command/cdi/cdi_refresh.hpp"
#include "command/cdi/cdi_transform.hpp"
#include "command/doctor/doctor.hpp"
#include "command/explain/explain.hpp"
#include "command/inspect/inspect.hpp"
#include "command/list/list.hpp"
#include "command/node/node.hpp"
#include "command/nri/nri.hpp"
#include "command/ps/ps.hpp"
#include "command/refresh/refresh.hpp"
#include "command/regrant/regrant.hpp"
#include "command/setup/setup.hpp"
#include "command/shell/command.hpp"
#include "command/shell/completion.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kCdiGenerateDetails =
    "An engine that knows CDI (Podman 4.1, Docker 25, containerd 1.7, CRI-O 1.23, and later ones)\n"
    "gives a container what this file says of the device that is asked for by name: a GPU by "
    "index\n"
    "or UUID, a MIG device as 0:1 or by UUID, or all. A hook that it names does the rest.\n"
    "\n"
    "  full  device nodes and driver files. Write it anew after a change of the driver.\n"
    "  thin  device nodes only; the hook mounts the driver's files that there are when a "
    "container\n"
    "        starts, so that a new driver leaves it as good as it was.\n"
    "\n"
    "With a hook called nvidia-cdi-hook or nvidia-ctk the file has the calls that NVIDIA's tools\n"
    "write into theirs. Other discovery modes than auto, nvml and wsl are for devices beside the\n"
    "GPUs: each has a kind of its own, so that one container can have devices of several files.\n"
    "\n"
    "Examples:\n"
    "  oci-nvidia cdi generate --mode thin --output /etc/cdi/nvidia.com-gpu.json\n"
    "  oci-nvidia cdi generate --output /var/run/cdi/nvidia.com-gpu.json\n"
    "  oci-nvidia cdi generate --hook /usr/bin/nvidia-cdi-hook --output /etc/cdi/nvidia.yaml\n"
    "  oci-nvidia cdi generate --discovery-mode gds --output /etc/cdi/nvidia.com-gds.json\n"
    "  podman run --rm --device nvidia.com/gpu=0 debian nvidia-smi -L";

constexpr std::string_view kCdiTransformDetails =
    "For a specification that was written where the host's files are in another place, such as a\n"
    "container: each path below the directory --from gets the directory --to in its place.\n"
    "\n"
    "  host       paths of the host: of files, nodes and hooks\n"
    "  container  paths in the container: of files and nodes, and arguments of hooks that run in "
    "it\n"
    "\n"
    "Everything else stays, also what this program does not know.\n"
    "\n"
    "Example:\n"
    "  oci-nvidia cdi transform root --from /host --to / --input nvidia.yaml --output "
    "/etc/cdi/nvidia.yaml";

constexpr std::string_view kCdiCheckDetails =
    "Without FILE: the specifications of NVIDIA's GPUs in /etc/cdi and /var/run/cdi, whoever "
    "wrote\n"
    "them, JSON or YAML. Told is what is gone or has changed on the host since: driver files and\n"
    "their version, device nodes, GPUs, MIG devices, hooks; and names that two files have.\n"
    "\n"
    "Exit status: 0 all fits, 1 something is lacking in a file, 3 containers do not start or get\n"
    "another device or a broken driver.\n"
    "\n"
    "Example:\n"
    "  oci-nvidia cdi check || oci-nvidia cdi generate --output /var/run/cdi/nvidia.com-gpu.json";

constexpr std::string_view kCdiListDetails =
    "Of all vendors, as engines see them: a name that two files of one directory have is refused,\n"
    "and one in /var/run/cdi hides the same one in /etc/cdi. Exit status 1: a name is refused, or "
    "a\n"
    "file cannot be read.";

constexpr std::array kCommands{
    Command{.name = "list",
            .operands = "",
            .summary = "GPUs, MIG devices and driver files of this host",
            .details = kListDetails,
            .add_options = add_list_options,
            .run = run_list},
    Command{.name = "explain",
            .operands = "",
            .summary = "what a container would get, and why",
            .details = kExplainDetails,
            .add_options = add_explain_options,
            .run = run_explain},
    Command{.name = "doctor",
            .operands = "",
            .summary = "what keeps GPUs from containers on this host, and what fixes it",
            .details = kDoctorDetails,
            .add_options = add_doctor_options,
            .run = run_doctor},
    Command{.name = "inspect",
            .operands = "PID|CONTAINER",
            .summary = "what a running container has of the driver, and what of it is stale",
            .details = kInspectDetails,
            .add_options = add_inspect_options,
            .run = run_inspect},
    Command{.name = "ps",
            .operands = "",
            .summary = "which container has which GPU, and which processes use it",
            .details = kPsDetails,
            .add_options = add_ps_options,
            .run = run_ps},
    Command{.name = "top",
            .operands = "",
            .summary = "the same, once more every second",
            .details = kTopDetails,
            .add_options = add_top_options,
            .run = run_top},
    Command{.name = "regrant",
            .operands = kRegrantOperands,
            .summary = "gives a running container its GPUs back that it may not use any more",
            .details = kRegrantDetails,
            .add_options = add_regrant_options,
            .run = run_regrant},
    Command{.name = "attach",
            .operands = kAttachOperands,
            .summary = "gives GPUs to a container that runs",
            .details = kAttachDetails,
            .add_options = add_attach_options,
            .run = run_attach},
    Command{.name = "detach",
            .operands = kDetachOperands,
            .summary = "takes GPUs from a container that runs",
            .details = kDetachDetails,
            .add_options = add_detach_options,
            .run = run_detach},
    Command{.name = "refresh",
            .operands = kRefreshOperands,
            .summary = "gives a running container the driver that the host has today",
            .details = kRefreshDetails,
            .add_options = add_refresh_options,
            .run = run_refresh},
    Command{.name = "setup",
            .operands = kSetupOperands,
            .summary = "configures an engine to use the hook or the runtime",
            .details = kSetupDetails,
            .add_options = add_setup_options,
            .run = run_setup},
    Command{.name = "cdi generate",
            .operands = "",
            .summary = "this host's GPUs as a CDI specification, for --device nvidia.com/gpu=0",
            .details = kCdiGenerateDetails,
            .add_options = add_cdi_generate_options,
            .run = run_cdi_generate},
    Command{.name = "cdi refresh",
            .operands = "",
            .summary = "writes this host's CDI specification anew if it no longer fits",
            .details = kCdiRefreshDetails,
            .add_options = add_cdi_refresh_options,
            .run = run_cdi_refresh},
    Command{.name = "cdi transform",
            .operands = kCdiTransformOperands,
            .summary = "a CDI specification with another root directory in its paths",
            .details = kCdiTransformDetails,
            .add_options = add_cdi_transform_options,
            .run = run_cdi_transform},
    Command{.name = "cdi check",
            .operands = "[FILE...]",
            .summary = "whether CDI specifications still fit this host",
            .details = kCdiCheckDetails,
            .add_options = add_cdi_check_options,
            .run = run_cdi_check},
    Command{.name = "cdi list",
            .operands = "",
            .summary = "device names that CDI specifications define, and the files they are in",
            .details = kCdiListDetails,
            .add_options = add_cdi_list_options,
            .run = run_cdi_list},
    Command{
        .name = "nri",
        .operands = "",
        .summary = "gives GPUs to pods as a plugin of containerd or CRI-O, without a runtime class",
        .details = kNriDetails,
        .add_options = add_nri_options,
        .run = run_nri},
    Command{.name = "node",
            .operands = "",
            .summary = "sets up a node of Kubernetes for a DaemonSet, and takes that back",
            .details = kNodeDetails,
            .add_options = add_node_options,
            .run = run_node},
    Command{.name = "completion",
            .operands = kCompletionOperands,
            .summary = "prints a script that completes commands and options in a shell",
            .details = kCompletionDetails,
            .add_options = add_completion_options,
            .run = run_completion},
};

}  // namespace

std::span<const Command> all_commands() { return kCommands; }

}  // namespace nvhook
