// SPDX-License-Identifier: Apache-2.0
// The plan as JSON, for people and tests. It is never parsed: a program with root's rights must not
// mount what a file says.
#pragma once

#include <string>
#include <string_view>

#include "os/device_number.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// `file`, `directory`, `socket`, `device`.
[[nodiscard]] std::string_view to_string(SourceType type);

/// Returns an indented document with `"version": 1`, without a line end. `driver_root` is put
/// before the paths of driver files.
[[nodiscard]] std::string to_json(const Plan& plan, const std::string& driver_root);

}  // namespace nvhook
