// SPDX-License-Identifier: Apache-2.0
// Short enough for a cell of a table.
#include "command/ps/sample_words.hpp"

#include <algorithm>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr Seconds kMinute = 60;
constexpr Seconds kHour = 60 * kMinute;
constexpr Seconds kDay = 24 * kHour;

}  // namespace

std::string container_name(const GpuContainer& container) {
  const ContainerRecord& record = container.record;
  if (!record.name.empty()) return record.name;
  if (record.id.empty()) return container.cgroup;
  constexpr std::size_t kHash = 64;
  constexpr std::size_t kShownId = 12;
  return record.id.size() == kHash ? record.id.substr(0, kShownId) : record.id;
}

std::string device_names(const std::vector<std::size_t>& positions,
                         const std::vector<HostDevice>& devices) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < positions.size();) {
    const HostDevice& first = devices.at(positions[at]);
    std::size_t end = at + 1;
    const auto continues = [&] {
      const HostDevice& next = devices.at(positions[end]);
      return !first.is_mig && !next.is_mig && next.gpu == first.gpu + (end - at);
    };
    while (end < positions.size() && continues()) ++end;
    if (end - at < 3) end = at + 1;  // `0,1` is as short as `0-1`
    names.push_back(first.name + (end - at < 3 ? "" : "-" + devices.at(positions[end - 1]).name));
    at = end;
  }
  return names.empty() ? "-" : join(names, ",");
}

std::string age_text(Seconds age) {
  const Seconds seconds = std::max<Seconds>(age, 0);
  const auto two = [](Seconds large, const char* unit, Seconds small, const char* small_unit) {
    return std::to_string(large) + unit + (small == 0 ? "" : std::to_string(small) + small_unit);
  };
  if (seconds < kMinute) return std::to_string(seconds) + "s";
  if (seconds < kHour) return std::to_string(seconds / kMinute) + "m";
  if (seconds < kDay) return two(seconds / kHour, "h", seconds % kHour / kMinute, "m");
  if (seconds < 100 * kDay) return two(seconds / kDay, "d", seconds % kDay / kHour, "h");
  return std::to_string(seconds / kDay) + "d";
}

}  // namespace nvhook
