// SPDX-License-Identifier: Apache-2.0
// Compares the device rules of an update with those of config.json.
#include "plan/resource_update.hpp"

#include <optional>
#include <vector>

#include "oci/spec_text.hpp"
#include "os/device_number.hpp"
#include "plan/spec_hooks.hpp"
#include "plan/spec_steps.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

const std::string kDeviceRules = "linux.resources.devices";

std::vector<JsonPart> rules_of(std::string_view resources) {
  const std::string_view list = json_member(resources, "devices", "linux.resources");
  return list.empty() ? std::vector<JsonPart>{} : json_elements(list, kDeviceRules);
}

std::string_view resources_of(std::string_view spec) {
  const std::string_view linux_object = json_member(trim(spec), "linux", "config.json");
  if (linux_object.empty()) return "{}";
  const std::string_view resources = json_member(linux_object, "resources", "linux");
  return resources.empty() ? "{}" : resources;
}

/// Returns the number of the one device that a rule is for.
std::optional<DeviceNumber> single_device(std::string_view rule) {
  const auto major = parse_unsigned_int(json_member(rule, "major", kDeviceRules));
  const auto minor = parse_unsigned_int(json_member(rule, "minor", kDeviceRules));
  if (!major || !minor || json_member(rule, "type", kDeviceRules) != "\"c\"") return std::nullopt;
  return DeviceNumber{*major, *minor};
}

}  // namespace

std::string keep_devices(std::string_view resources, std::string_view spec) {
  if (!is_edited(spec) || rules_of(trim(resources)).empty()) return std::string(resources);
  const SpecSteps granted(spec);
  const SpecSteps updated(R"({"linux":{"resources":)" + std::string(resources) + "}}");
  std::vector<std::string> kept;
  for (const JsonPart& rule : rules_of(resources_of(spec))) {
    const auto device = single_device(rule.value());
    if (device && granted.allows(*device) && !updated.allows(*device)) {
      kept.emplace_back(rule.value());
    }
  }
  const auto keep_all = [](std::string_view) { return false; };
  return with_member(
      trim(resources), "devices", "[]",
      [&](std::string_view list) { return with_elements(list, keep_all, kept, kDeviceRules); },
      "linux.resources");
}

}  // namespace nvhook
