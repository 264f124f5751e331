// SPDX-License-Identifier: Apache-2.0
// Reads a config.json that is written as engines usually write it, in one pass.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/spec_values.hpp"

namespace nvhook {

/// Returns what parse_spec returns, in a tenth of the time; nullopt for every text that has
/// something unusual, be it right or wrong. parse_spec then looks more closely.
[[nodiscard]] std::optional<ContainerSpec> read_plain_spec(std::string_view json);

/// Adds `NAME=value`; without `=`, the value is empty.
void add_variable(std::string entry, Environment& environment);

/// The kind of a mount with this `type`, whose options have `bind` or `rbind` or not. As in
/// runtimes, the option makes a mount of any type a bind mount.
[[nodiscard]] SpecMount::Kind kind_of_mount(std::string_view type, bool is_bind);

}  // namespace nvhook
