// SPDX-License-Identifier: Apache-2.0
// What `oci-nvidia list` shows, for people and for programs.
#pragma once

#include <string>
#include <string_view>

#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"
#include "host/facts/inventory.hpp"
#include "request/request.hpp"

namespace nvhook {

/// What was found, and the request by which files are in or out.
struct HostListing {
  const Inventory& inventory;
  const Request& request;
  /// Where the request's capabilities come from: `default`, or how they were given.
  std::string_view capabilities_source = {};
  /// Besides the inventory's own: what could not be asked.
  Notes notes = {};
};

/// Driver, GPUs and files by capability; with `why` the reason of each file and all notes.
[[nodiscard]] std::string listing_text(const HostListing& listing, bool why, const Style& style);

/// docs/schemas/list-1.schema.json
[[nodiscard]] Json listing_json(const HostListing& listing);

}  // namespace nvhook
