// SPDX-License-Identifier: Apache-2.0
// The output of `oci-nvidia regrant`, as text, as JSON and as exit status.
#pragma once

#include <string>
#include <vector>

#include "command/regrant/regranting.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"

namespace nvhook {

/// One line for each container, and its notes below.
[[nodiscard]] std::string regrants_text(const std::vector<Regrant>& all, Granting granting,
                                        const Style& style);

/// Returns the JSON of docs/schemas/regrant-1.schema.json.
[[nodiscard]] Json regrants_json(const std::vector<Regrant>& all, Granting granting);

/// good: all can use their GPUs. warning: of one that is not known, or it lacks something. broken:
/// one cannot use them; in a dry run also one that would be granted something.
[[nodiscard]] Outcome outcome_of(const std::vector<Regrant>& all, Granting granting);

}  // namespace nvhook
