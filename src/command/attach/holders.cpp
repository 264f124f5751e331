// SPDX-License-Identifier: Apache-2.0
// Asks the kernel about opened files without waiting for a file system that a user serves.
#include "command/attach/holders.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxText = 1UL << 20U;

/// Whether a process with the /proc/<pid>/cgroup `cgroup` is in one of the cgroups `own`, or below.
bool is_in_cgroups(std::string_view cgroup, std::string_view own) {
  const std::vector<std::string_view> lines = split_list(cgroup, '\n');
  for (const std::string_view line : split_list(own, '\n')) {
    if (line.ends_with(":/")) continue;  // the root of a hierarchy has all processes
    const bool is_in = std::any_of(lines.begin(), lines.end(), [&](std::string_view other) {
      return other == line || (other.starts_with(line) && other[line.size()] == '/');
    });
    if (is_in) return true;
  }
  return false;
}

std::optional<DeviceNumber> device_at(int directory, const std::string& name) {
  struct statx status {};
  if (::statx(directory, name.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE, &status) != 0 ||
      !S_ISCHR(status.stx_mode)) {
    return std::nullopt;
  }
  return DeviceNumber{.major = status.stx_rdev_major, .minor = status.stx_rdev_minor};
}

class Search {
 public:
  Search(const LiveContainer& container, const std::vector<DeviceRule>& nodes,
         const RootDir& system)
      : container_(container),
        nodes_(nodes),
        system_(system),
        namespace_(mount_namespace(std::to_string(container.record.pid))) {}

  [[nodiscard]] std::vector<Holder> holders() const {
    std::vector<Holder> found;
    const auto is_number = [](std::string_view name) { return parse_unsigned(name).has_value(); };
    for (const std::string& pid : system_.list("/proc", is_number)) {
      if (!is_in_container(pid)) continue;
      if (const auto node = node_of(pid)) {
        found.push_back({.pid = static_cast<pid_t>(*parse_unsigned(pid)),
                         .name = std::string(
                             trim(system_.read("/proc/" + pid + "/comm", kMaxText).value_or(""))),
                         .node = *node});
      }
    }
    return found;
  }

 private:
  [[nodiscard]] std::string mount_namespace(const std::string& pid) const {
    return system_.read_link("/proc/" + pid + "/ns/mnt").value_or("");
  }

  [[nodiscard]] bool is_in_container(const std::string& pid) const {
    if (!namespace_.empty() && mount_namespace(pid) == namespace_) return true;
    if (!container_.has_own_cgroup) return false;
    const auto cgroup = system_.read("/proc/" + pid + "/cgroup", kMaxText);
    return cgroup && is_in_cgroups(*cgroup, container_.process->cgroup_text());
  }

  /// The first of the nodes that the process has open or mapped.
  [[nodiscard]] std::optional<std::string> node_of(const std::string& pid) const {
    for (const char* kind : {"/fd", "/map_files"}) {
      const std::string path = "/proc/" + pid + kind;
      const UniqueFd directory = system_.open(path, O_PATH | O_DIRECTORY);
      if (!directory) continue;
      for (const std::string& name : system_.list(path)) {
        const auto device = device_at(directory.get(), name);
        const auto node = std::find_if(nodes_.begin(), nodes_.end(), [&](const DeviceRule& rule) {
          return device && rule.device == *device;
        });
        if (node != nodes_.end()) return node->node.str();
      }
    }
    return std::nullopt;
  }

  const LiveContainer& container_;
  const std::vector<DeviceRule>& nodes_;
  const RootDir& system_;
  std::string namespace_;
};

}  // namespace

std::vector<Holder> holders_of(const LiveContainer& container, const std::vector<DeviceRule>& nodes,
                               const RootDir& system) {
  return Search(container, nodes, system).holders();
}

}  // namespace nvhook
