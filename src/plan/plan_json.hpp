// SPDX-License-Identifier: Apache-2.0
// The plan as JSON, for people and for tests. It is never read back: a root program that mounts
// what a file says would be a hole.
#pragma once

#include <string>
#include <string_view>

#include "os/device_number.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// `file`, `directory`, `socket`, `device`.
[[nodiscard]] std::string_view to_string(SourceType type);

/// An indented document, `"version": 1`, without a line end after it. `driver_root` is put before
/// driver files' paths.
[[nodiscard]] std::string to_json(const Plan& plan, const std::string& driver_root);

}  // namespace nvhook
