// SPDX-License-Identifier: Apache-2.0
// What `oci-nvidia doctor` prints.
#pragma once

#include <string>
#include <vector>

#include "command/doctor/doctor_checks.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"

namespace nvhook {

/// Returns one line for each finding, an indented line with its remedy, and a last line with
/// totals. `only_faults` leaves out checks that are good or were skipped.
[[nodiscard]] std::string to_text(const std::vector<Diagnosis>& findings, bool only_faults,
                                  const Style& style);

/// Returns what is not good as to_text() does, and one line for each area with its totals.
[[nodiscard]] std::string to_summary(const std::vector<Diagnosis>& findings, const Style& style);

/// Returns all findings in the form of docs/schemas/doctor-1.schema.json.
[[nodiscard]] Json to_json(const std::vector<Diagnosis>& findings);

}  // namespace nvhook
