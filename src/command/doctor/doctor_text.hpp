// SPDX-License-Identifier: Apache-2.0
// What `oci-nvidia doctor` prints.
#pragma once

#include <string>
#include <vector>

#include "command/doctor/doctor_checks.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"

namespace nvhook {

/// One line for each finding, and an indented one with what to do; then one that counts them.
/// `only_faults`: without what is good or was skipped.
[[nodiscard]] std::string to_text(const std::vector<Diagnosis>& findings, bool only_faults,
                                  const Style& style);

/// docs/schemas/doctor-1.schema.json: all findings.
[[nodiscard]] Json to_json(const std::vector<Diagnosis>& findings);

}  // namespace nvhook
