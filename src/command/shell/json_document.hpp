// SPDX-License-Identifier: Apache-2.0
// The documents that --json prints; each names the schema that it follows.
#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string_view>

namespace nvhook {

/// Keys keep the order in which they were added.
using Json = nlohmann::ordered_json;

/// Returns an object that starts with `"schema": "oci-nvidia/<name>"` and `"version": <version>`.
/// The version increases if a key is removed or changes its meaning, but not for a new key.
[[nodiscard]] Json json_document(std::string_view name, unsigned version);

/// Prints `document` indented and with a line end; bytes that are not UTF-8 are replaced.
void print_json(const Json& document, std::ostream& out);

}  // namespace nvhook
