// SPDX-License-Identifier: Apache-2.0
// Looks at descriptors as `ps` does, and at what is mapped.
#include "command/attach/holders.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>

#include "command/containers/descriptor_scan.hpp"
#include "command/containers/driver_devices.hpp"
#include "command/containers/process_directory.hpp"
#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

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

class Search {
 public:
  Search(const LiveContainer& container, const std::vector<DeviceRule>& nodes,
         const Inventory& inventory, const RootDir& system)
      : container_(container),
        nodes_(nodes),
        driver_(inventory),
        system_(system),
        proc_(system.open("/proc", O_RDONLY | O_DIRECTORY)),
        namespace_(mount_namespace(container.record.pid)) {}

  [[nodiscard]] std::vector<Holder> holders() const {
    std::vector<Holder> found;
    for (const pid_t pid : all_processes(proc_.get())) {
      if (!is_in_container(pid)) continue;
      const auto node = first_of(numbers_of(pid));
      if (!node) continue;
      const std::string name = ProcessDirectory(proc_.get(), pid).read("comm").value_or("");
      found.push_back({.pid = pid, .name = std::string(trim(name)), .node = *node});
    }
    return found;
  }

 private:
  [[nodiscard]] std::string mount_namespace(pid_t pid) const {
    return system_.read_link("/proc/" + std::to_string(pid) + "/ns/mnt").value_or("");
  }

  [[nodiscard]] bool is_in_container(pid_t pid) const {
    if (!namespace_.empty() && mount_namespace(pid) == namespace_) return true;
    if (!container_.has_own_cgroup) return false;
    const auto cgroup = ProcessDirectory(proc_.get(), pid).read("cgroup");
    return cgroup && is_in_cgroups(*cgroup, container_.process->cgroup_text());
  }

  /// What of the driver the process has open or mapped.
  [[nodiscard]] std::set<DeviceNumber> numbers_of(pid_t pid) const {
    const DescriptorScan scan(proc_.get());
    const auto table = scan.table_of(pid);
    std::set<DeviceNumber> numbers;
    if (table) numbers = scan.open_nodes(*table, driver_).numbers;
    const std::string path = std::to_string(pid) + "/map_files";
    const UniqueFd maps(
        ::openat(proc_.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    const auto names = names_in(UniqueFd(::fcntl(maps.get(), F_DUPFD_CLOEXEC, 0)));
    for (const std::string& name : names.value_or(std::vector<std::string>())) {
      const auto mapped = look_at_node(maps.get(), name.c_str(), 0);
      if (mapped && S_ISCHR(mapped->mode)) numbers.insert(mapped->number);
    }
    return numbers;
  }

  [[nodiscard]] std::optional<std::string> first_of(const std::set<DeviceNumber>& numbers) const {
    const auto node = std::find_if(nodes_.begin(), nodes_.end(), [&](const DeviceRule& rule) {
      return numbers.contains(rule.device);
    });
    return node == nodes_.end() ? std::nullopt : std::optional(node->node.str());
  }

  const LiveContainer& container_;
  const std::vector<DeviceRule>& nodes_;
  DriverDevices driver_;
  const RootDir& system_;
  UniqueFd proc_;
  std::string namespace_;
};

}  // namespace

std::vector<Holder> holders_of(const LiveContainer& container, const std::vector<DeviceRule>& nodes,
                               const Inventory& inventory, const RootDir& system) {
  return Search(container, nodes, inventory, system).holders();
}

}  // namespace nvhook
