// SPDX-License-Identifier: Apache-2.0
// Which of the host's GPUs a container has, whether or not it uses them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cgroup/bpf.hpp"
#include "command/containers/driver_devices.hpp"
#include "command/containers/process_directory.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// What the device cgroup says of a device.
enum class Permission { allowed, denied, unknown };

struct GivenDevice {
  std::size_t device = 0;  ///< position in DriverDevices::devices()
  Permission permission = Permission::unknown;

  friend bool operator==(const GivenDevice&, const GivenDevice&) = default;
};

struct Given {
  std::vector<GivenDevice> devices = {};
  /// False if what decides may not be looked at.
  bool is_known = true;
  /// Its device cgroups deny every GPU: its processes can only get one that another has opened.
  bool is_barred = false;

  friend bool operator==(const Given&, const Given&) = default;
};

/// Whether the device cgroups of a container let it use a device; nullopt if that is not known.
using Verdicts = std::map<DeviceNumber, std::optional<bool>>;

/// A device that no host has: a cgroup that allows it restricts nothing.
inline constexpr DeviceNumber kNoDevice{.major = 4095, .minor = 1048575};

/// Returns which devices a container has that has `nodes` (nullopt: not known) in its /dev, and
/// whose device cgroups decide `verdicts`. It has what its nodes lead to; without any such node,
/// what its cgroups allow, if they do not allow everything, because then that was given to it.
[[nodiscard]] Given given_devices(const DriverDevices& driver,
                                  const std::optional<std::set<DeviceNumber>>& nodes,
                                  const Verdicts& verdicts);

/// Looks at containers, and remembers between two looks what cannot change: what a loaded device
/// filter decides, and what kind of file system a mount is of.
class GivenDevices {
 public:
  /// Both must outlive this.
  GivenDevices(const RootDir& system, const DriverDevices& driver);

  /// Returns what the container of `process` has. `cgroup` is the text of its /proc/<pid>/cgroup,
  /// without what is below the container's own cgroup. Nothing is looked at on a file system that a
  /// user or another machine serves (FUSE, NFS): it could keep us waiting for ever.
  [[nodiscard]] Given look_at(const ProcessDirectory& process, const std::string& cgroup);

  /// Whether the /dev of `process` is not the host's.
  [[nodiscard]] bool has_own_dev(const ProcessDirectory& process);

 private:
  [[nodiscard]] std::optional<std::set<DeviceNumber>> nodes_of(const ProcessDirectory& process);
  [[nodiscard]] UniqueFd open_local(int directory, const std::string& name,
                                    const ProcessDirectory& process);
  [[nodiscard]] bool is_local(int fd, const ProcessDirectory& process);
  [[nodiscard]] Verdicts verdicts_of(const std::string& cgroup);
  void judge_by_list(const std::string& directory, Verdicts& verdicts) const;
  void judge_by_filters(const std::string& directory, Verdicts& verdicts);
  [[nodiscard]] const Verdicts& decisions_of(bpf::ProgramId id);

  const RootDir& system_;
  const DriverDevices& driver_;
  /// Of the hierarchies of cgroups; absent before the first look.
  std::optional<std::string> mountinfo_ = {};
  std::set<DeviceNumber> numbers_ = {kNoDevice};
  /// By the number of a mount that no other will ever have.
  std::map<std::uint64_t, bool> local_mounts_ = {};
  std::map<bpf::ProgramId, Verdicts> filters_ = {};
};

}  // namespace nvhook
