// SPDX-License-Identifier: Apache-2.0
// The part of `explain` about a driver that the engine gave by CDI.
#pragma once

#include <string>

#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"
#include "plan/given_driver.hpp"

namespace nvhook {

/// Returns a title and a table: device nodes, files, hooks with the writer of their specification,
/// and the names in annotations.
[[nodiscard]] std::string given_text(const GivenDriver& given, const Style& style);

/// Returns the object `given` of docs/schemas/explain-1.schema.json.
[[nodiscard]] Json given_json(const GivenDriver& given);

}  // namespace nvhook
