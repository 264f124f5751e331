// SPDX-License-Identifier: Apache-2.0
// A hook definition in a hooks.d directory, as Podman and CRI-O read it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// The parts of a hook definition that decide whether an engine accepts it.
struct HookText {
  std::string path = {};
  std::vector<std::string> stages = {};

  friend bool operator==(const HookText&, const HookText&) = default;
};

/// A stage that only Podman knows; CRI-O does not start if a definition names it.
inline constexpr std::string_view kPrecreateStage = "precreate";

/// Parses version 1.0.0 of oci-hooks(5), and version 0.1.0, which needs no `version`. Throws
/// Error(config_invalid) for everything for which Podman and CRI-O refuse all containers: not JSON,
/// a byte order mark, another version, a member of another type, no path, no list of stages, an
/// unknown stage, a condition that is no regular expression. As in Go, the case of keys does not
/// matter, null counts as absent, and bytes that are not UTF-8 are allowed.
[[nodiscard]] HookText parse_hook_definition(std::string_view text, std::string_view filename);

}  // namespace nvhook
