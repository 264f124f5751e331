// SPDX-License-Identifier: Apache-2.0
// Looks at descriptors as `ps` does, and at what is mapped: links of procfs to the file itself.
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
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kShown = 8;

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

/// The driver's nodes, and those of before that have other numbers.
Inventory with_nodes(Inventory inventory, const std::vector<DeviceRule>& nodes) {
  for (const DeviceRule& node : nodes) inventory.nodes.push_back({.number = node.device});
  return inventory;
}

class Search {
 public:
  Search(const LiveContainer& container, const Holdable& things, const Inventory& inventory,
         const RootDir& system)
      : container_(container),
        things_(things),
        driver_(with_nodes(inventory, things.nodes)),
        system_(system),
        proc_(system.open("/proc", O_RDONLY | O_DIRECTORY)),
        namespace_(mount_namespace(container.record.pid)) {}

  [[nodiscard]] std::vector<Holder> holders() const {
    std::vector<Holder> found;
    for (const auto& [pid, inode] : all_processes(proc_.get())) {
      if (!is_in_container(pid)) continue;
      const auto what = first_of(held_by(pid));
      if (!what) continue;
      const std::string name = ProcessDirectory(proc_.get(), pid).read("comm").value_or("");
      found.push_back({.pid = pid, .name = std::string(trim(name)), .node = *what});
    }
    return found;
  }

 private:
  struct Held {
    std::set<DeviceNumber> numbers = {};
    std::set<std::string> files = {};
  };

  [[nodiscard]] std::string mount_namespace(pid_t pid) const {
    return system_.read_link("/proc/" + std::to_string(pid) + "/ns/mnt").value_or("");
  }

  [[nodiscard]] bool is_in_container(pid_t pid) const {
    if (!namespace_.empty() && mount_namespace(pid) == namespace_) return true;
    if (!container_.has_own_cgroup) return false;
    const auto cgroup = ProcessDirectory(proc_.get(), pid).read("cgroup");
    return cgroup && is_in_cgroups(*cgroup, container_.process->cgroup_text());
  }

  [[nodiscard]] Held held_by(pid_t pid) const {
    const DescriptorScan scan(proc_.get());
    const auto table = scan.table_of(pid);
    Held held;
    if (table) held.numbers = scan.open_nodes(*table, driver_).numbers;
    look_at_links(std::to_string(pid) + "/map_files", true, held);
    if (!things_.files.empty()) look_at_links(std::to_string(pid) + "/fd", false, held);
    return held;
  }

  /// `counts_nodes`: of descriptors, DescriptorScan knows better.
  void look_at_links(const std::string& path, bool counts_nodes, Held& held) const {
    const UniqueFd links(
        ::openat(proc_.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    const auto names = names_in(UniqueFd(::fcntl(links.get(), F_DUPFD_CLOEXEC, 0)));
    for (const std::string& name : names.value_or(std::vector<std::string>())) {
      const auto seen = look_at_node(links.get(), name.c_str(), 0);
      if (!seen) continue;
      if (counts_nodes && S_ISCHR(seen->mode)) held.numbers.insert(seen->number);
      const auto file = things_.files.find(seen->file);
      if (file != things_.files.end()) held.files.insert(file->second);
    }
  }

  [[nodiscard]] std::optional<std::string> first_of(const Held& held) const {
    const auto node =
        std::find_if(things_.nodes.begin(), things_.nodes.end(),
                     [&](const DeviceRule& rule) { return held.numbers.contains(rule.device); });
    if (node != things_.nodes.end()) return node->node.str();
    return held.files.empty() ? std::nullopt : std::optional(*held.files.begin());
  }

  const LiveContainer& container_;
  const Holdable& things_;
  DriverDevices driver_;
  const RootDir& system_;
  UniqueFd proc_;
  std::string namespace_;
};

}  // namespace

std::vector<Holder> holders_of(const LiveContainer& container, const Holdable& things,
                               const Inventory& inventory, const RootDir& system) {
  return Search(container, things, inventory, system).holders();
}

void throw_in_use(const std::string& whose, const std::string& what,
                  const std::vector<Holder>& holders) {
  std::vector<std::string> shown;
  for (const Holder& holder : holders) {
    if (shown.size() == kShown) break;
    shown.push_back(std::to_string(holder.pid) + " (" + holder.name + ", " + holder.node + ")");
  }
  const std::size_t more = holders.size() - shown.size();
  throw Error(Code::device_in_use,
              "processes of " + whose + " use " + what + ": " + join(shown, ", ") +
                  (more == 0 ? "" : " and " + std::to_string(more) + " more (--dry-run shows all)"),
              "end them first; or --force, and they keep what they have open until they end");
}

std::string line_of(const Holder& holder) {
  return "process " + std::to_string(holder.pid) + " (" + printable(holder.name) + ") has " +
         printable(holder.node) + " open, and keeps that until it ends";
}

}  // namespace nvhook
