// SPDX-License-Identifier: Apache-2.0
// The outermost cgroup counts: a container makes those below its own, and names them as it likes.
#include "command/ps/container_index.hpp"

#include <fcntl.h>

#include <optional>

#include "command/containers/container_cgroup.hpp"
#include "command/containers/process_directory.hpp"
#include "command/ps/cgroup_name.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxConfig = 16UL << 20U;

/// The container's cgroup by its id and, if need be, by what its config.json asks for.
std::string own_cgroup(const ContainerRecord& record, const std::string& cgroup,
                       const RootDir& system) {
  auto own = own_cgroups(cgroup, "", record.id);
  if (!own && record.user.empty() && !record.bundle.empty()) {
    const auto config = system.read(record.bundle + "/config.json", kMaxConfig);
    const std::string path = config ? parse_cgroups_path(*config) : "";
    if (!path.empty()) own = own_cgroups(cgroup, path, record.id);
  }
  const std::string path = own ? device_cgroup_path(*own) : "/";
  return path == "/" ? "" : path;
}

bool is_users(const ContainerRecord& record, const std::string& path) {
  return record.user.empty() || path.find("/user-" + record.user + ".slice/") != std::string::npos;
}

}  // namespace

ContainerIndex::ContainerIndex(const std::vector<ContainerRecord>& records, const RootDir& system) {
  const UniqueFd proc = system.open("/proc", O_PATH | O_DIRECTORY);
  for (const ContainerRecord& record : records) add(record, system, proc.get());
}

void ContainerIndex::add(const ContainerRecord& record, const RootDir& system, int proc) {
  const ProcessDirectory process(proc, record.pid);
  const auto cgroup = process.is_open() ? process.read("cgroup") : std::nullopt;
  if (!cgroup) return;
  const std::string path = device_cgroup_path(*cgroup);
  if (!is_users(record, path)) return;
  const auto name = name_container(path);
  if (name && name->id == record.id) {
    by_id_.try_emplace(record.id, record);
    return;
  }
  if (const std::string own = own_cgroup(record, *cgroup, system); !own.empty()) {
    by_cgroup_.try_emplace(own, record);
    return;
  }
  if (const std::string space = process.pid_namespace(); !space.empty()) {
    by_namespace_.try_emplace(space, record);
  }
}

ContainerKey ContainerIndex::find_by_cgroup(std::string_view path) const {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string_view outer = path.substr(0, end);
    if (const auto known = by_cgroup_.find(outer); known != by_cgroup_.end()) {
      return {.record = known->second, .cgroup = known->first};
    }
    if (end == std::string_view::npos) break;
  }
  auto name = name_container(path);
  if (!name) return {};
  const auto known = by_id_.find(name->id);
  if (known != by_id_.end()) return {.record = known->second, .cgroup = std::move(name->path)};
  return {.record = {.engine = std::move(name->engine), .id = std::move(name->id)},
          .cgroup = std::move(name->path)};
}

ContainerKey ContainerIndex::find(std::string_view path, std::string_view pid_namespace,
                                  std::string_view own_namespace) const {
  ContainerKey key = find_by_cgroup(path);
  const bool is_elsewhere =
      !pid_namespace.empty() && !own_namespace.empty() && pid_namespace != own_namespace;
  if (!key.cgroup.empty() || !is_elsewhere) return key;
  key.cgroup = path;
  key.by_namespace = true;
  if (const auto known = by_namespace_.find(pid_namespace); known != by_namespace_.end()) {
    key.record = known->second;
    key.by_namespace = false;
  }
  return key;
}

}  // namespace nvhook
