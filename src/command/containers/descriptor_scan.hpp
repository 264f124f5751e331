// SPDX-License-Identifier: Apache-2.0
// Finds the driver's devices among the open files of all processes, with few system calls.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "command/containers/driver_devices.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// Tells a process from all others that have its number before or after it: the inode of its
/// directory of descriptors, which belongs to the process in the kernel, and when that was made.
struct ProcessIdentity {
  std::uint64_t inode = 0;
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;

  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

/// The descriptors of one process.
struct DescriptorTable {
  pid_t pid = 0;
  ProcessIdentity identity = {};
  /// How many there are; absent if the kernel does not tell (before Linux 6.2).
  std::optional<std::size_t> count = {};
};

struct OpenNodes {
  std::set<DeviceNumber> numbers = {};
  bool is_denied = false;  ///< the descriptors may not be looked at
};

class DescriptorScan {
 public:
  /// `proc` is the opened /proc, and must outlive this.
  explicit DescriptorScan(int proc);

  /// nullopt if there is no such process, or, with errno EACCES or EPERM, if it may not be seen.
  [[nodiscard]] std::optional<DescriptorTable> table_of(pid_t pid) const;

  /// Returns the driver's devices that descriptors of the process are open on, whatever the files
  /// are called. Opens none of them, and asks no file system that could keep us waiting. A
  /// descriptor that only names a file (O_PATH) does not count.
  [[nodiscard]] OpenNodes open_nodes(const DescriptorTable& table,
                                     const DriverDevices& driver) const;

 private:
  struct Descriptor {
    const std::string& owner;  ///< `<pid>`, `<pid>/task/<tid>`
    const std::string& name;   ///< the number
  };

  [[nodiscard]] bool try_numbers(const DescriptorTable& table, const DriverDevices& driver,
                                 OpenNodes& found) const;
  [[nodiscard]] std::size_t list(const std::string& owner, const DriverDevices& driver,
                                 OpenNodes& found) const;
  void add_threads(pid_t pid, const DriverDevices& driver, OpenNodes& found) const;
  [[nodiscard]] bool look_at(int directory, const std::string& path, const Descriptor& descriptor,
                             const DriverDevices& driver, OpenNodes& found) const;
  [[nodiscard]] bool only_names(const Descriptor& descriptor) const;

  int proc_;
  bool is_counted_;
};

}  // namespace nvhook
