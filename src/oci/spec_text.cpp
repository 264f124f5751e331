// SPDX-License-Identifier: Apache-2.0
// Splits objects and lists at their commas and puts edited pieces together again.
#include "oci/spec_text.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "text/error.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// Returns the pieces between the commas of `container`, which must begin and end with these
/// brackets; no pieces if there is only white space.
std::vector<std::string_view> pieces_of(std::string_view container, char open, char close,
                                        const std::string& where) {
  if (!container.starts_with(open) || !container.ends_with(close)) {
    throw_spec_invalid("`" + where + "` is no " + (open == '{' ? "object" : "list"));
  }
  std::vector<std::string_view> pieces;
  const std::size_t last = container.size() - 1;
  std::size_t start = 1;
  std::size_t depth = 0;
  for (std::size_t at = 1; at < last; ++at) {
    const char c = container[at];
    if (c == '"') at = json_string_end(container, at);
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c != ',' || depth != 0) continue;
    pieces.push_back(container.substr(start, at - start));
    start = at + 1;
  }
  const std::string_view end = container.substr(start, last - start);
  if (!pieces.empty() || !trim(end).empty()) pieces.push_back(end);
  const bool has_hole = std::any_of(pieces.begin(), pieces.end(),
                                    [](std::string_view piece) { return trim(piece).empty(); });
  if (has_hole || depth != 0) throw_spec_invalid("`" + where + "` is malformed");
  return pieces;
}

JsonPart member_of(std::string_view piece, const std::string& where) {
  const std::size_t quote = piece.find_first_not_of(" \t\r\n");
  const std::size_t end = piece[quote] == '"' ? json_string_end(piece, quote) : piece.size();
  const std::size_t colon = end < piece.size() ? piece.find(':', end) : std::string_view::npos;
  if (colon == std::string_view::npos || !trim(piece.substr(end + 1, colon - end - 1)).empty() ||
      trim(piece.substr(colon + 1)).empty()) {
    throw_spec_invalid("`" + where + "` holds something without name or value");
  }
  return {.name = json_string(piece.substr(quote, end + 1 - quote), where),
          .text = piece.substr(colon + 1)};
}

std::size_t offset_of(std::string_view part, std::string_view whole) noexcept {
  return static_cast<std::size_t>(part.data() - whole.data());
}

/// Returns `whole` with `part`, a view into it, replaced by `text`.
std::string replaced(std::string_view whole, std::string_view part, std::string_view text) {
  const std::size_t at = offset_of(part, whole);
  return std::string(whole.substr(0, at)).append(text).append(whole.substr(at + part.size()));
}

/// The white space at the end of `text`.
std::string_view tail_of(std::string_view text) noexcept {
  return text.substr(text.find_last_not_of(" \t\r\n") + 1);
}

const JsonPart* last_of(const std::vector<JsonPart>& members, std::string_view name) {
  const auto found = std::find_if(members.rbegin(), members.rend(),
                                  [&](const JsonPart& member) { return member.name == name; });
  return found == members.rend() ? nullptr : &*found;
}

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

}  // namespace

void throw_spec_invalid(const std::string& why) {
  throw Error(Code::spec_invalid, "could not decode OCI spec: " + why,
              "create the container anew, or report this to the engine that wrote its config.json");
}

std::string_view JsonPart::value() const noexcept { return trim(text); }

std::vector<JsonPart> json_members(std::string_view object, const std::string& where) {
  std::vector<JsonPart> members;
  for (const std::string_view piece : pieces_of(object, '{', '}', where)) {
    members.push_back(member_of(piece, where));
  }
  return members;
}

std::vector<JsonPart> json_elements(std::string_view list, const std::string& where) {
  std::vector<JsonPart> elements;
  for (const std::string_view piece : pieces_of(list, '[', ']', where)) {
    elements.push_back({.text = piece});
  }
  return elements;
}

std::string_view json_member(std::string_view object, std::string_view name,
                             const std::string& where) {
  const std::vector<JsonPart> members = json_members(object, where);
  const JsonPart* const member = last_of(members, name);
  return member == nullptr || member->value() == "null" ? std::string_view() : member->value();
}

std::string json_string(std::string_view value, const std::string& where) {
  const auto parsed = nlohmann::json::parse(value, nullptr, false);
  if (!parsed.is_string()) throw_spec_invalid("`" + where + "` holds something that is no string");
  return parsed.get<std::string>();
}

std::string with_member(std::string_view object, const std::string& name,
                        const std::string& fallback,
                        const std::function<std::string(std::string_view)>& edit,
                        const std::string& where) {
  const std::vector<JsonPart> members = json_members(object, where);
  const JsonPart* const member = last_of(members, name);
  const bool is_absent = member == nullptr || member->value() == "null";
  const std::string value = edit(is_absent ? fallback : member->value());
  if (is_absent && value == fallback) return std::string(object);
  if (member != nullptr) return replaced(object, member->value(), value);
  const std::string_view inside = object.substr(0, object.size() - 1);
  const std::string_view tail = members.empty() ? inside.substr(1) : tail_of(inside);
  std::string text(inside.substr(0, inside.size() - tail.size()));
  if (!members.empty()) text += ',';
  return text.append(quoted(name)).append(":").append(value).append(tail).append("}");
}

std::string with_elements(std::string_view list, const std::function<bool(std::string_view)>& drops,
                          const std::vector<std::string>& added, const std::string& where) {
  const std::vector<JsonPart> elements = json_elements(list, where);
  std::string_view tail = list.substr(1, list.size() - 2);
  std::vector<std::string> pieces;
  for (const JsonPart& element : elements) {
    std::string_view piece = element.text;
    const bool is_last = &element == &elements.back();
    if (is_last) tail = tail_of(piece);
    if (is_last) piece.remove_suffix(tail.size());
    if (!drops(element.value())) pieces.emplace_back(piece);
  }
  pieces.insert(pieces.end(), added.begin(), added.end());
  return "[" + join(pieces, ",") + std::string(tail) + "]";
}

}  // namespace nvhook
