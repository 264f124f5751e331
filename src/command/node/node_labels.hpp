// SPDX-License-Identifier: Apache-2.0
// Labels of a node by Node Feature Discovery, which reads them from a file. Pure.
#pragma once

#include <string>
#include <string_view>

#include "host/facts/inventory.hpp"

namespace nvhook {

/// Where NFD's worker looks for files of other programs.
inline constexpr const char* kNodeLabelsFile =
    "/etc/kubernetes/node-feature-discovery/features.d/oci-nvidia-hook";

/// Returns the file: one `name=value` a line. `host` is null without a driver, whose labels are
/// then missing. Format: https://kubernetes-sigs.github.io/node-feature-discovery/, local source.
[[nodiscard]] std::string node_labels(std::string_view version, const Inventory* host);

}  // namespace nvhook
