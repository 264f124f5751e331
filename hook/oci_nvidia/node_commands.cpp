// SPDX-License-Identifier: Apache-2.0
// The table of the commands that are of use in an image without anything else, in the place of that
// of all commands.
#include <array>

#include "command/cdi/cdi_generate.hpp"
#include "command/cdi/generate_options.hpp"
#include "command/node/node.hpp"
#include "command/nri/nri.hpp"
#include "command/shell/command.hpp"

namespace nvhook {
namespace {

constexpr std::array kCommands{
    Command{.name = "node",
            .operands = "",
            .summary = "sets up a node of Kubernetes for a DaemonSet, and takes that back",
            .details = kNodeDetails,
            .add_options = add_node_options,
            .run = run_node},
    Command{.name = "nri",
            .operands = "",
            .summary = "gives GPUs to pods as a plugin of containerd or CRI-O",
            .details = kNriDetails,
            .add_options = add_nri_options,
            .run = run_nri},
    Command{.name = "cdi generate",
            .operands = "",
            .summary = "this host's GPUs as a CDI specification",
            .details = "oci-nvidia(1) tells more of it.",
            .add_options = add_cdi_generate_options,
            .run = run_cdi_generate},
};

}  // namespace

std::span<const Command> all_commands() { return kCommands; }

}  // namespace nvhook
