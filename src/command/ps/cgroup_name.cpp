// SPDX-License-Identifier: Apache-2.0
// Goes from the root down, because a container chooses the names below its own cgroup.
#include "command/ps/cgroup_name.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "cgroup/cgroup_text.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kIdLength = 64;
constexpr std::string_view kLxc = "lxc.payload.";

struct EngineName {
  std::string_view prefix;
  std::string_view engine;
};

// What stands before the id, or is the name of the directory above it (cgroupfs).
constexpr std::array kEngines{
    EngineName{"docker", "Docker"},      EngineName{"libpod", "Podman"},
    EngineName{"crio", "CRI-O"},         EngineName{"cri-containerd", "containerd"},
    EngineName{"nerdctl", "containerd"}, EngineName{"runc", "runc"},
    EngineName{"crun", "crun"},
};

std::string engine_of(std::string_view prefix, std::string_view parent) {
  for (const EngineName& row : kEngines) {
    if (prefix == row.prefix || (prefix.empty() && parent == row.prefix)) {
      return std::string(row.engine);
    }
  }
  return {};
}

bool is_id(std::string_view text) {
  return text.size() == kIdLength &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<CgroupName> name_of(std::string_view component, std::string_view parent) {
  if (component.starts_with(kLxc)) {
    return CgroupName{.engine = "LXC", .id = std::string(component.substr(kLxc.size()))};
  }
  if (component.ends_with(".scope")) component.remove_suffix(std::string_view(".scope").size());
  if (component.size() < kIdLength) return std::nullopt;
  const std::string_view id = component.substr(component.size() - kIdLength);
  std::string_view prefix = component.substr(0, component.size() - kIdLength);
  if (!is_id(id) || (!prefix.empty() && !prefix.ends_with('-'))) return std::nullopt;
  if (!prefix.empty()) prefix.remove_suffix(1);
  // Podman's and CRI-O's monitor of a container is a process of the host.
  if (prefix.ends_with("conmon")) return std::nullopt;
  return CgroupName{.engine = engine_of(prefix, parent), .id = std::string(id)};
}

}  // namespace

std::string device_cgroup_path(std::string_view text) {
  for (DeviceCgroup& listed : listed_device_cgroups(text)) {
    if (listed.directory != "/") return std::move(listed.directory);
  }
  return "/";
}

std::optional<CgroupName> name_container(std::string_view path) {
  std::string_view parent;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view component = path.substr(at, end - at);
    if (auto name = name_of(component, parent)) {
      // crun's systemd driver makes one more below its scope.
      constexpr std::string_view kBelowScope = "/container";
      std::size_t size = end;
      const std::string_view rest = path.substr(end);
      const bool is_below = component.ends_with(".scope") && rest.starts_with(kBelowScope) &&
                            (rest.size() == kBelowScope.size() || rest[kBelowScope.size()] == '/');
      if (is_below) size += kBelowScope.size();
      name->path = path.substr(0, size);
      return name;
    }
    if (!component.empty()) parent = component;
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace nvhook
