// SPDX-License-Identifier: Apache-2.0
// Takes samples: one pass over /proc for each.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command/containers/process_directory.hpp"
#include "command/ps/container_index.hpp"
#include "command/ps/given_devices.hpp"
#include "command/ps/known_processes.hpp"
#include "command/ps/run_time.hpp"
#include "command/ps/sample.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Facts of processes and containers are kept for ten seconds, as long as they are the same; what
/// engines record, until there is a new cgroup, at most half a minute.
class Sampler {
 public:
  /// `system` and `caller` must outlive this. `run_time`: of processes by their numbers in /proc.
  Sampler(const RootDir& system, const CallerContext& caller, RunTime run_time);
  Sampler(const RootDir& system, const CallerContext& caller)
      : Sampler(system, caller, run_time_in(system)) {}

  /// Looks at all processes at the time `now`, in seconds since 1970. Opens no GPU. `inventory` is
  /// that of the driver. What this user may not see is counted, and told in a note.
  [[nodiscard]] Sample take(const Inventory& inventory, double now);

 private:
  /// What is known of a container, while its process is the same.
  struct Facts {
    pid_t pid = 0;
    ProcessIdentity identity = {};
    double read = 0;
    Seconds started = 0;
    bool is_host = false;
    Given given = {};
  };

  /// Processes of one cgroup and, outside of known containers, of one PID namespace.
  struct Group {
    std::string path = {};
    std::string cgroup = {};         ///< text of /proc/<pid>/cgroup
    std::string pid_namespace = {};  ///< empty if the cgroup alone tells the container
    std::vector<pid_t> pids = {};
    std::vector<GpuProcess> users = {};
  };
  using Groups = std::map<std::string, Group>;

  void use(const Inventory& inventory);
  void read_records(double now);
  [[nodiscard]] Groups group_processes() const;
  [[nodiscard]] bool has_new(const Groups& groups) const;
  /// Moves `groups` to their containers.
  [[nodiscard]] std::map<std::string, std::vector<Group>> by_container(
      Groups& groups, std::map<std::string, ContainerKey>& keys);
  [[nodiscard]] const ContainerKey& key_of(const std::string& name, const Group& group);
  [[nodiscard]] pid_t first_process(pid_t recorded, const std::vector<Group>& groups);
  [[nodiscard]] Facts look_at(const ContainerKey& key, const std::vector<Group>& groups,
                              double now);
  [[nodiscard]] const Facts& facts_of(const std::string& name, const ContainerKey& key,
                                      const std::vector<Group>& groups, double now);
  void set_barred(const std::vector<Group>& groups, bool is_barred);
  static void add_container(const Facts& facts, ContainerKey key, std::vector<Group> groups,
                            Sample& sample);
  [[nodiscard]] Notes notes_of(const Sample& sample) const;

  const RootDir& system_;
  const CallerContext& caller_;
  UniqueFd proc_;
  KnownProcesses processes_;
  std::string own_namespace_;
  std::optional<Inventory> inventory_ = {};
  std::unique_ptr<DriverDevices> driver_ = {};
  std::unique_ptr<GivenDevices> given_ = {};
  ContainerIndex index_ = {};
  std::string denied_records_ = {};
  double records_read_ = 0;
  std::map<std::string, Facts> facts_ = {};        ///< by the key of the container
  std::map<std::string, ContainerKey> keys_ = {};  ///< of groups, by the records that were read
};

/// Returns what the kernel shows of all devices of the driver, and of no file of it.
[[nodiscard]] Inventory read_devices(const RootDir& system, const RootDir& driver_root);

}  // namespace nvhook
