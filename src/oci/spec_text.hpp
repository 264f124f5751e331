// SPDX-License-Identifier: Apache-2.0
// A config.json as text: its values as they are written, and edits that leave all other bytes
// alone.
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
  /// Without escapes; empty for an element.
  std::string name = {};
  /// As it is written, white space around it included.
  std::string_view text = {};

  /// Without that.
  [[nodiscard]] std::string_view value() const noexcept;
};

/// The members of an object or the elements of a list. What is inside of them is only looked at so
/// far as to know where they end. `where` is what an error calls the object or list; throws
/// Error(spec_invalid) if it is neither.
[[nodiscard]] std::vector<JsonPart> json_members(std::string_view object, const std::string& where);
[[nodiscard]] std::vector<JsonPart> json_elements(std::string_view list, const std::string& where);

/// The value of the member `name`, of several of that name the last; empty if there is none or it
/// is null, which is the same to Go.
[[nodiscard]] std::string_view json_member(std::string_view object, std::string_view name,
                                           const std::string& where);

/// What `value` spells; throws Error(spec_invalid) if it is no string.
[[nodiscard]] std::string json_string(std::string_view value, const std::string& where);

/// `object` in which the member `name`, or `fallback` if it is absent or null, is what `edit`
/// makes of it. A member that is absent and stays `fallback` is not added.
[[nodiscard]] std::string with_member(std::string_view object, const std::string& name,
                                      const std::string& fallback,
                                      const std::function<std::string(std::string_view)>& edit,
                                      const std::string& where);

/// `list` without the elements that `drops` names, and with `added` after the others.
[[nodiscard]] std::string with_elements(std::string_view list,
                                        const std::function<bool(std::string_view)>& drops,
                                        const std::vector<std::string>& added,
                                        const std::string& where);

}  // namespace nvhook
