// SPDX-License-Identifier: Apache-2.0
// Takes samples: one pass over /proc for each.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "command/ps/container_index.hpp"
#include "command/ps/given_devices.hpp"
#include "command/ps/process_directory.hpp"
#include "command/ps/sample.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Keeps from one sample to the next what engines record, until a cgroup appears that was not there
/// before, at most half a minute. The descriptors of every process are looked at each time: any can
/// get one from another, whatever its own cgroup allows.
class Sampler {
 public:
  /// Both must outlive this.
  Sampler(const RootDir& system, const CallerContext& caller);

  /// Looks at all processes at the time `now`, in seconds since 1970. Opens no GPU. `inventory` is
  /// that of the driver. What this user may not see is counted, and told in a note.
  [[nodiscard]] Sample take(const Inventory& inventory, double now);

 private:
  /// Processes of one cgroup and, outside of known containers, of one PID namespace.
  struct Group {
    std::string path = {};
    std::string cgroup = {};         ///< text of /proc/<pid>/cgroup
    std::string pid_namespace = {};  ///< empty if the cgroup alone tells the container
    std::vector<pid_t> pids = {};
    std::vector<GpuProcess> users = {};
    bool is_denied = false;
  };
  using Groups = std::map<std::string, Group>;

  void use(const Inventory& inventory);
  void read_records(double now);
  [[nodiscard]] Groups scan(Sample& sample) const;
  [[nodiscard]] std::map<std::string, std::vector<Group>> by_container(
      Groups groups, std::map<std::string, ContainerKey>& keys) const;
  [[nodiscard]] GpuProcess describe(const ProcessDirectory& process, const Group& group,
                                    ProcessDirectory::OpenNodes nodes) const;
  [[nodiscard]] Seconds time_of(std::uint64_t ticks) const;
  [[nodiscard]] Seconds start_of(pid_t pid) const;
  void set_first_process(const std::vector<Group>& groups, GpuContainer& container) const;
  void add_container(ContainerKey key, std::vector<Group> groups, Sample& sample) const;
  [[nodiscard]] Notes notes_of(const Sample& sample) const;

  const RootDir& system_;
  const CallerContext& caller_;
  UniqueFd proc_;
  std::string own_namespace_;
  double boot_ = 0;  ///< 0 before the first sample
  std::optional<Inventory> inventory_ = {};
  std::unique_ptr<DriverDevices> driver_ = {};
  std::unique_ptr<GivenDevices> given_ = {};
  ContainerIndex index_ = {};
  std::string denied_records_ = {};
  std::string passwd_ = {};
  double records_read_ = 0;
  std::set<std::string> known_ = {};  ///< keys of the groups of the last sample
};

}  // namespace nvhook
