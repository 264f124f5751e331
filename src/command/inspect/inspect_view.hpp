// SPDX-License-Identifier: Apache-2.0
// The output of `oci-nvidia inspect`, as text and as JSON.
#pragma once

#include <string>
#include <vector>

#include "command/containers/container_records.hpp"
#include "command/containers/staleness.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"
#include "text/note.hpp"

namespace nvhook {

struct Inspection {
  const ContainerRecord& container;
  const ContainerDriver& driver;
  const DeviceAccess& access;
  const Inventory* today = nullptr;
  std::vector<Finding> findings = {};
  Notes notes = {};
};

/// Returns the findings, files, nodes and notes, in lines that fit a terminal. If not `is_whole`,
/// only the number of the files and nodes that are as they should be.
[[nodiscard]] std::string inspection_text(const Inspection& inspection, bool is_whole,
                                          const Style& style);

/// Returns the JSON of docs/schemas/inspect-1.schema.json.
[[nodiscard]] Json inspection_json(const Inspection& inspection);

}  // namespace nvhook
