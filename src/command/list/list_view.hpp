// SPDX-License-Identifier: Apache-2.0
// The output of `oci-nvidia list`, as text and as JSON.
#pragma once

#include <string>
#include <string_view>

#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"
#include "host/facts/inventory.hpp"
#include "request/request.hpp"

namespace nvhook {

/// What was found, and the request that decides which files are injected.
struct HostListing {
  const Inventory& inventory;
  const Request& request;
  /// Origin of the request's capabilities: `default`, or how they were given.
  std::string_view capabilities_source = {};
  /// In addition to the inventory's own notes: what could not be asked.
  Notes notes = {};
};

/// What to tell of the driver's files: how many there are, their names by capability, or also the
/// reason for each, and all notes.
enum class FileDetail { number, names, reasons };

/// Returns driver, GPUs and files, in lines that fit a terminal.
[[nodiscard]] std::string listing_text(const HostListing& listing, FileDetail detail,
                                       const Style& style);

/// Returns the JSON of docs/schemas/list-1.schema.json.
[[nodiscard]] Json listing_json(const HostListing& listing);

}  // namespace nvhook
