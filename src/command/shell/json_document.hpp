// SPDX-License-Identifier: Apache-2.0
// What --json prints: every document says which schema it follows.
#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string_view>

namespace nvhook {

/// Keys stay in the order in which they were added.
using Json = nlohmann::ordered_json;

/// An object that starts with `"schema": "oci-nvidia/<name>"` and `"version": <version>`. The
/// version rises when a key goes or changes its meaning; a new key leaves it as it is.
[[nodiscard]] Json json_document(std::string_view name, unsigned version);

/// Indented, with a line end; bytes that are not UTF-8 are replaced.
void print_json(const Json& document, std::ostream& out);

}  // namespace nvhook
