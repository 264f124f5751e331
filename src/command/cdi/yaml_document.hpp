// SPDX-License-Identifier: Apache-2.0
// Reads YAML, in which NVIDIA's tools write CDI specifications.
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

/// Converts `yaml`, which must be one document, to JSON. Unquoted scalars become numbers, true,
/// false or null if they are spelled like that (YAML's core schema). Throws Error(config_invalid)
/// with line and column if it is not YAML or if its aliases expand to more than 16 MiB.
[[nodiscard]] std::string yaml_to_json(std::string_view yaml);

}  // namespace nvhook
