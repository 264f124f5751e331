// SPDX-License-Identifier: Apache-2.0
// Reads and edits the text of config.json, so that all bytes outside of an edit stay as they are.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// Throws Error(spec_invalid).
[[noreturn]] void throw_spec_invalid(const std::string& why);

/// One member of a JSON object or one element of a list.
struct JsonPart {
  /// The name with its escapes decoded; empty for an element of a list.
  std::string name = {};
  /// The value as it is written, with the white space around it.
  std::string_view text = {};

  /// The value without white space around it.
  [[nodiscard]] std::string_view value() const noexcept;
};

/// Returns the members of an object, or the elements of a list. Their contents are only scanned for
/// their ends. `where` names the object or list in error messages. Throws Error(spec_invalid) if it
/// is malformed or of the other kind.
[[nodiscard]] std::vector<JsonPart> json_members(std::string_view object, const std::string& where);
[[nodiscard]] std::vector<JsonPart> json_elements(std::string_view list, const std::string& where);

/// Returns the value of the last member `name`; empty if there is none or it is null, which is the
/// same in Go.
[[nodiscard]] std::string_view json_member(std::string_view object, std::string_view name,
                                           const std::string& where);

/// Returns the decoded JSON string `value`. Throws Error(spec_invalid) if it is not a string.
[[nodiscard]] std::string json_string(std::string_view value, const std::string& where);

/// Returns `object` with its member `name` replaced by the result of `edit`, which gets the old
/// value, or `fallback` if it is absent or null. An absent member whose result is `fallback` is not
/// added.
[[nodiscard]] std::string with_member(std::string_view object, const std::string& name,
                                      const std::string& fallback,
                                      const std::function<std::string(std::string_view)>& edit,
                                      const std::string& where);

/// Returns `list` without the elements for which `drops` returns true, and with `added` at the end.
[[nodiscard]] std::string with_elements(std::string_view list,
                                        const std::function<bool(std::string_view)>& drops,
                                        const std::vector<std::string>& added,
                                        const std::string& where);

}  // namespace nvhook
