// SPDX-License-Identifier: Apache-2.0
// Containers that run in a systemd scope.
#include "core/systemd_scope.hpp"

#include <algorithm>

#include "core/cgroup_text.hpp"
#include "core/text.hpp"

namespace nvhook {
namespace {

bool is_user_manager(std::string_view name) {
  return name.starts_with("user@") && name.ends_with(".service");
}

std::optional<std::string> scope_in(std::string_view path) {
  const auto parts = split_list(path, '/');
  if (std::any_of(parts.begin(), parts.end(), is_user_manager)) return std::nullopt;
  for (std::size_t back = 1; back <= std::min<std::size_t>(parts.size(), 2); ++back) {
    std::string_view name = parts[parts.size() - back];
    // systemd's mark on names that the kernel could take for a file of its own.
    if (name.starts_with('_')) name.remove_prefix(1);
    if (name.ends_with(".scope") && name != ".scope") return std::string(name);
  }
  return std::nullopt;
}

/// A line `DeviceAllow=/dev/null rw` or `DevicePolicy=strict`.
bool restricts(std::string_view line) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = trim(line.substr(0, equals));
  const std::string_view value = trim(line.substr(equals + 1));
  return (key == "DeviceAllow" && !value.empty()) ||
         (key == "DevicePolicy" && (value == "strict" || value == "closed"));
}

}  // namespace

std::optional<std::string> container_scope(std::string_view cgroup) {
  for (const DeviceCgroup& listed : listed_device_cgroups(cgroup)) {
    if (auto scope = scope_in(listed.directory)) return scope;
  }
  return std::nullopt;
}

bool restricts_devices(std::string_view unit_text) {
  const auto lines = split(unit_text, '\n');
  return std::any_of(lines.begin(), lines.end(), restricts);
}

std::string device_allow_drop_in(const std::vector<DeviceNumber>& devices) {
  std::string text =
      "# Made by oci-nvidia-hook, so that the container keeps its GPUs when systemd applies its\n"
      "# device policy again (systemctl daemon-reload). Goes with the unit.\n"
      "[Scope]\n";
  for (const DeviceNumber& device : devices) {
    text += "DeviceAllow=/dev/char/" + std::to_string(device.major) + ":" +
            std::to_string(device.minor) + " rw\n";
  }
  return text;
}

}  // namespace nvhook
