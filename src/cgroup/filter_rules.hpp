// SPDX-License-Identifier: Apache-2.0
// What a runtime makes a container's device filter of: the device rules of its config.json.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// `linux.resources.devices[]`, as it is written: runtimes differ in what they make of it.
struct FilterRule {
  static constexpr std::int64_t kAny = -1;

  std::optional<std::string> type = {};
  std::int64_t major = kAny;
  std::int64_t minor = kAny;
  std::string access = {};
  bool allow = false;

  friend bool operator==(const FilterRule&, const FilterRule&) = default;
};

struct FilterRules {
  std::vector<FilterRule> rules = {};
  /// `linux.devices[].path`.
  std::set<std::string> nodes = {};

  friend bool operator==(const FilterRules&, const FilterRules&) = default;
};

/// Reads the rules from config.json. Throws Error(spec_invalid), also for a number that no runtime
/// reads.
[[nodiscard]] FilterRules filter_rules_of(std::string_view config_json);

}  // namespace nvhook
