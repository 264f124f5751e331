// SPDX-License-Identifier: Apache-2.0
// A cgroup whose files cannot be read does not count as frozen: nothing depends on it but an
// advice.
#include "command/attach/frozen.hpp"

#include <string>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxState = 4096;

bool has_line(const RootDir& system, const std::string& path, std::string_view line) {
  const std::string text = system.read(path, kMaxState).value_or("");
  for (const std::string_view one : split_list(text, '\n')) {
    if (one == line) return true;
  }
  return false;
}

bool is_frozen_v2(const RootDir& system, const std::string& path) {
  for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (has_line(system, mount + path + "/cgroup.events", "frozen 1")) return true;
  }
  return false;
}

bool is_frozen_v1(const RootDir& system, const std::string& path) {
  const std::string file = "/sys/fs/cgroup/freezer" + path + "/freezer.state";
  return has_line(system, file, "FROZEN") || has_line(system, file, "FREEZING");
}

}  // namespace

bool is_frozen(std::string_view cgroup, const RootDir& system) {
  for (const std::string_view line : split_list(cgroup, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (controllers.empty() ? is_frozen_v2(system, path)
                            : controllers == "freezer" && is_frozen_v1(system, path)) {
      return true;
    }
  }
  return false;
}

}  // namespace nvhook
