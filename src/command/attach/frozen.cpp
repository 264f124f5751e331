// SPDX-License-Identifier: Apache-2.0
// A cgroup whose files cannot be read does not count as frozen: nothing depends on it but an
// advice.
#include "command/attach/frozen.hpp"

#include <algorithm>
#include <string>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxState = 4096;

bool has_line(const RootDir& system, const std::string& path, std::string_view line) {
  const std::string text = system.read(path, kMaxState).value_or("");
  const auto lines = split_list(text, '\n');
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

bool is_frozen_v2(const RootDir& system, const std::string& path) {
  const std::string file = path + "/cgroup.events";
  return has_line(system, "/sys/fs/cgroup" + file, "frozen 1") ||
         has_line(system, "/sys/fs/cgroup/unified" + file, "frozen 1");
}

bool is_frozen_v1(const RootDir& system, const std::string& path) {
  const std::string file = "/sys/fs/cgroup/freezer" + path + "/freezer.state";
  return has_line(system, file, "FROZEN") || has_line(system, file, "FREEZING");
}

/// `line`: `hierarchy:controllers:path` of a /proc/<pid>/cgroup.
bool is_frozen_in(const RootDir& system, std::string_view line) {
  const auto first = line.find(':');
  const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos) return false;
  const std::string_view controllers = line.substr(first + 1, second - first - 1);
  const std::string path(line.substr(second + 1));
  return controllers.empty() ? is_frozen_v2(system, path)
                             : controllers == "freezer" && is_frozen_v1(system, path);
}

}  // namespace

bool is_frozen(std::string_view cgroup, const RootDir& system) {
  const auto lines = split_list(cgroup, '\n');
  return std::any_of(lines.begin(), lines.end(),
                     [&](std::string_view line) { return is_frozen_in(system, line); });
}

}  // namespace nvhook
