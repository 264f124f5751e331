// SPDX-License-Identifier: Apache-2.0
// YAML, which NVIDIA's tools write CDI specifications in.
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

/// The JSON text of the one document that `yaml` is. What is not quoted is a number, true, false or
/// null where it is spelled like one (YAML's core schema). Throws Error(config_invalid) with line
/// and column for what is no YAML, and for what would grow out of all bounds by its aliases.
[[nodiscard]] std::string yaml_to_json(std::string_view yaml);

}  // namespace nvhook
