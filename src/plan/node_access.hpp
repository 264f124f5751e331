// SPDX-License-Identifier: Apache-2.0
// Device nodes that not everybody may open: which groups the container's process needs for them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Returns the node as a step of a plan if not everybody may do with it what its owner or group
/// may: mode 0660 with a group (NVreg_DeviceFileGID, SUSE, Gentoo, /dev/dri), 0600.
[[nodiscard]] std::optional<ClosedNode> closed_node(const DeviceNode& node);

/// Returns the groups, in their order, whose members may open the nodes, and others not. A node of
/// root's group is for root alone, so its group is not among them.
[[nodiscard]] std::vector<unsigned> groups_of(const std::vector<ClosedNode>& nodes);

/// Returns those of groups_of(plan.closed_nodes) that `process.user` of the config.json `json`
/// lacks, as the container numbers them (`linux.gidMappings`). A group that the container's user
/// namespace does not have is left out. Throws Error(spec_invalid).
[[nodiscard]] std::vector<unsigned> missing_groups(const Plan& plan, std::string_view json);

/// Returns a warning, with what to do, for each kind of node that the process of the config.json
/// `json` may not open; none if it keeps the groups of the user who started it
/// (run.oci.keep_original_groups). Throws Error(spec_invalid).
[[nodiscard]] Notes access_notes(const Plan& plan, std::string_view json);

}  // namespace nvhook
