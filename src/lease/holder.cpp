// SPDX-License-Identifier: Apache-2.0
// A process is told from a later one with its number by its start, a cgroup by its inode.
#include "lease/holder.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <utility>

#include "cgroup/cgroup_mounts.hpp"
#include "cgroup/cgroup_text.hpp"
#include "text/error.hpp"
#include "text/process_text.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxText = 64UL << 10U;

/// nullopt if it has ended.
std::optional<std::uint64_t> start_of(pid_t pid, const RootDir& system) {
  const auto stat = system.read("/proc/" + std::to_string(pid) + "/stat", kMaxText);
  if (!stat || is_dead(*stat)) return std::nullopt;
  return start_ticks(*stat);
}

/// Version 1 does not say whether a cgroup is empty with those below it.
std::string directory_of(std::string_view cgroup, std::string_view mountinfo) {
  for (DeviceCgroup& one : find_device_cgroups(cgroup, mountinfo)) {
    if (one.version == DeviceCgroup::Version::v2) return std::move(one.directory);
  }
  return {};
}

std::optional<std::uint64_t> inode_of(const std::string& directory, const RootDir& system) {
  struct stat status {};
  const UniqueFd opened = system.open(directory, O_PATH | O_DIRECTORY);
  if (!opened || ::fstat(opened.get(), &status) != 0) return std::nullopt;
  return status.st_ino;
}

bool has_processes(const LeaseHolder& holder, const RootDir& system) {
  if (holder.cgroup.empty() || inode_of(holder.cgroup, system) != holder.cgroup_inode) return false;
  const auto events = system.read(holder.cgroup + "/cgroup.events", kMaxText);
  return events && ("\n" + *events).find("\npopulated 1\n") != std::string::npos;
}

}  // namespace

LeaseHolder describe_holder(pid_t pid, std::string container, std::string_view cgroup,
                            const RootDir& system) {
  LeaseHolder holder{.container = std::move(container), .pid = pid};
  const auto start = start_of(pid, system);
  if (!start) {
    throw Error(Code::container_gone, "container process " + std::to_string(pid) + " has exited",
                "start the container again; if it goes on, the runtime's log says why it died");
  }
  holder.start_ticks = *start;
  const std::string mountinfo = cgroup_mountinfo(system, cgroup);
  const std::string ours = system.read("/proc/self/cgroup", kMaxText).value_or("");
  const std::string directory = directory_of(cgroup, mountinfo);
  if (directory.empty() || directory == directory_of(ours, mountinfo)) return holder;
  if (const auto inode = inode_of(directory, system)) {
    holder.cgroup = directory;
    holder.cgroup_inode = *inode;
  }
  return holder;
}

bool is_there(const LeaseHolder& holder, const RootDir& system) {
  return start_of(holder.pid, system) == holder.start_ticks || has_processes(holder, system);
}

}  // namespace nvhook
