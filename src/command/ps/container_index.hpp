// SPDX-License-Identifier: Apache-2.0
// Which container a process belongs to, by what engines record and how cgroups are named.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "command/containers/container_records.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// A container as one process of it shows it.
struct ContainerKey {
  /// Known to an engine, or by the name of its cgroup. Of a container that is neither, all fields
  /// are empty.
  ContainerRecord record = {};
  /// Its own cgroup; of a container without one, that of the process.
  std::string cgroup = {};
  /// Recognised by its PID namespace alone, which programs that are no container have, too.
  bool by_namespace = false;

  friend bool operator==(const ContainerKey&, const ContainerKey&) = default;
};

class ContainerIndex {
 public:
  ContainerIndex() = default;
  /// `records` are those of containers that run, trusted ones first. A record of a user counts only
  /// for a process in a cgroup of that user: anybody can record any process.
  ContainerIndex(const std::vector<ContainerRecord>& records, const RootDir& system);

  /// Returns the container in whose cgroup `path` lies, or whose PID namespace is `pid_namespace`
  /// (the text of a link ns/pid; `own_namespace` is that of the host). An empty `cgroup` in the
  /// result: a process of the host.
  [[nodiscard]] ContainerKey find(std::string_view path, std::string_view pid_namespace,
                                  std::string_view own_namespace) const;

  /// Returns the container in whose cgroup `path` lies, by records, or by the cgroup's name.
  /// An empty `cgroup` in the result: none.
  [[nodiscard]] ContainerKey find_by_cgroup(std::string_view path) const;

 private:
  void add(const ContainerRecord& record, const RootDir& system, int proc);

  std::map<std::string, ContainerRecord, std::less<>> by_cgroup_ = {};
  std::map<std::string, ContainerRecord, std::less<>> by_id_ = {};
  std::map<std::string, ContainerRecord, std::less<>> by_namespace_ = {};
};

}  // namespace nvhook
