// SPDX-License-Identifier: Apache-2.0
// What is known of all processes, and how much of it is read again for a sample.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "command/containers/descriptor_scan.hpp"
#include "command/containers/process_directory.hpp"
#include "command/ps/container_index.hpp"
#include "command/ps/run_time.hpp"
#include "command/ps/sample.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// What is known of a process, while it lives.
struct KnownProcess {
  ProcessIdentity identity = {};
  std::string cgroup = {};  ///< text of /proc/<pid>/cgroup
  std::string path = {};    ///< of its cgroup in that text, as device_cgroup_path() says
  std::optional<std::string> pid_namespace =
      {};                               ///< absent if the cgroup alone tells the container
  std::string group = {};               ///< the same for all with these two
  std::optional<GpuProcess> user = {};  ///< present if it uses a device
  bool is_unreadable = false;           ///< its descriptors may not be looked at

  /// Until when what is above counts.
  struct Freshness {
    std::uint64_t inode = 0;                     ///< as ProcessEntry::inode
    std::optional<std::uint64_t> run_time = {};  ///< before its descriptors were looked at
    unsigned samples = 0;                        ///< in which it was looked at
    double cgroup = 0;                           ///< when the cgroup was read
    double user = 0;                             ///< when `user` was read
    double descriptors = 0;                      ///< when they were looked at
    bool is_barred = false;                      ///< it may open no GPU
    bool is_listed = false;                      ///< in the /proc of this sample
  };
  Freshness fresh = {};
  std::optional<Seconds> started = {};  ///< once it was asked for
};

/// By its number, in ascending order.
using ProcessMap = std::map<pid_t, KnownProcess>;

/// The descriptors of a process are looked at each time, but only every ten seconds if it has not
/// run since, or if its container may open no GPU: then it can only get one that another process
/// has opened. Its other facts are kept for ten seconds, as long as it is the same process.
class KnownProcesses {
 public:
  /// `proc`: the opened /proc of `system`; both must outlive this.
  KnownProcesses(const RootDir& system, int proc, RunTime run_time);

  /// Looks at all processes at the time `now`, in seconds since 1970; `driver` is the one of today,
  /// `index` knows the containers. Returns how many this user may not look at.
  [[nodiscard]] std::size_t look(const DriverDevices& driver, const ContainerIndex& index,
                                 double now);

  [[nodiscard]] const ProcessMap& all() const noexcept { return processes_; }

  /// When the process `pid`, one of all(), was started.
  [[nodiscard]] Seconds start_of(pid_t pid);

  /// Tells whether the container of `pid` may open a GPU.
  void set_barred(pid_t pid, bool is_barred);

  /// Forgets which devices they have open. To be called before another driver is looked at.
  void forget_devices();

  /// Reads the names of users again.
  void read_users();

 private:
  /// Of one call of look().
  struct Look {
    const DriverDevices& driver;
    const ContainerIndex& index;
    double now = 0;
  };

  [[nodiscard]] bool look_at(KnownProcess& known, const ProcessEntry& entry,
                             std::optional<std::uint64_t> run_time, const Look& look) const;
  [[nodiscard]] bool find_cgroup(KnownProcess& known, const DescriptorTable& table,
                                 const Look& look) const;
  void look_at_descriptors(KnownProcess& known, const DescriptorTable& table,
                           const Look& look) const;
  void use_devices(KnownProcess& known, const DescriptorTable& table, OpenNodes nodes,
                   const Look& look) const;
  [[nodiscard]] GpuProcess describe(const ProcessDirectory& process) const;
  [[nodiscard]] Seconds time_of(std::uint64_t ticks) const;

  const RootDir& system_;
  int proc_;
  DescriptorScan descriptors_;
  RunTime run_time_;
  std::string passwd_ = {};
  double boot_ = 0;  ///< in seconds since 1970; 0 before the first look
  ProcessMap processes_ = {};
};

}  // namespace nvhook
