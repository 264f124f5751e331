// SPDX-License-Identifier: Apache-2.0
// Writes YAML, in which NVIDIA's tools keep CDI specifications.
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

/// Returns the document `json` in YAML, with its keys in the same order and a line end. Every text
/// that some version of YAML could read as something else (a number, a truth value, a date, a
/// mark) is quoted, so that it is read as the same text everywhere. Throws Error(config_invalid) if
/// `json` is no JSON.
[[nodiscard]] std::string json_to_yaml(std::string_view json);

}  // namespace nvhook
