// SPDX-License-Identifier: Apache-2.0
// The output of `oci-nvidia detach`, as text and as JSON.
#pragma once

#include <string>
#include <vector>

#include "command/attach/detaching.hpp"
#include "command/attach/holders.hpp"
#include "command/containers/container_records.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"
#include "text/note.hpp"

namespace nvhook {

/// What came of a detach.
struct DetachResult {
  ContainerRecord container = {};
  bool is_dry_run = false;
  /// Processes that keep what they have open.
  std::vector<Holder> holders = {};
  Notes notes = {};
};

/// A line for the container, with --dry-run one for each step, and one for each holder and note.
[[nodiscard]] std::string detachment_text(const Detachment& detachment, const DetachResult& result,
                                          const Style& style);

/// Returns the JSON of docs/schemas/detach-1.schema.json.
[[nodiscard]] Json detachment_json(const Detachment& detachment, const DetachResult& result);

/// warning: a process still has the device, or something could not be taken.
[[nodiscard]] Outcome outcome_of(const DetachResult& result);

}  // namespace nvhook
