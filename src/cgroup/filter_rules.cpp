// SPDX-License-Identifier: Apache-2.0
// Reads only two lists of config.json; everything else is skipped.
#include "cgroup/filter_rules.hpp"

#include "oci/spec_text.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

const std::string kNodes = "linux.devices";
const std::string kRules = "linux.resources.devices";

std::string_view member(std::string_view object, std::string_view name, const std::string& where) {
  return object.empty() ? object : json_member(object, name, where);
}

std::optional<std::string> text_in(std::string_view object, std::string_view name,
                                   const std::string& where) {
  const std::string_view value = json_member(object, name, where);
  if (value.empty()) return std::nullopt;
  return json_string(value, where);
}

std::int64_t number_in(std::string_view object, std::string_view name) {
  std::string_view text = json_member(object, name, kRules);
  if (text.empty()) return FilterRule::kAny;
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const auto number = parse_unsigned_int(text);
  if (!number) throw_spec_invalid("`" + kRules + "` has the number " + std::string(text));
  return is_negative ? -std::int64_t{*number} : std::int64_t{*number};
}

std::vector<JsonPart> elements(std::string_view list, const std::string& where) {
  return list.empty() ? std::vector<JsonPart>() : json_elements(list, where);
}

}  // namespace

FilterRules filter_rules_of(std::string_view config_json) {
  const auto extent = first_json_object(config_json);
  if (!extent) throw_spec_invalid("config.json is not one whole JSON object");
  const std::string_view linux_object = member(extent->object, "linux", "linux");
  const std::string_view resources = member(linux_object, "resources", "linux.resources");
  FilterRules result;
  for (const JsonPart& rule : elements(member(resources, "devices", kRules), kRules)) {
    const std::string_view object = rule.value();
    result.rules.push_back({.type = text_in(object, "type", kRules),
                            .major = number_in(object, "major"),
                            .minor = number_in(object, "minor"),
                            .access = text_in(object, "access", kRules).value_or(""),
                            .allow = json_member(object, "allow", kRules) == "true"});
  }
  for (const JsonPart& node : elements(member(linux_object, "devices", kNodes), kNodes)) {
    if (auto path = text_in(node.value(), "path", kNodes)) result.nodes.insert(*std::move(path));
  }
  return result;
}

}  // namespace nvhook
