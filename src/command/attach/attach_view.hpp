// SPDX-License-Identifier: Apache-2.0
// The output of `oci-nvidia attach`, as text and as JSON.
#pragma once

#include <string>

#include "command/attach/attaching.hpp"
#include "command/containers/container_records.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"
#include "text/note.hpp"

namespace nvhook {

/// What came of an attach.
struct AttachResult {
  ContainerRecord container = {};
  bool is_dry_run = false;
  Notes notes = {};
};

/// A line for the container, and with --dry-run one for each step; its notes below.
[[nodiscard]] std::string attachment_text(const Attachment& attachment, const AttachResult& result,
                                          const Style& style);

/// Returns the JSON of docs/schemas/attach-1.schema.json.
[[nodiscard]] Json attachment_json(const Attachment& attachment, const AttachResult& result);

/// warning: something was left out.
[[nodiscard]] Outcome outcome_of(const AttachResult& result);

}  // namespace nvhook
