// SPDX-License-Identifier: Apache-2.0
// Who has and who uses which GPU at one moment: plain values.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "command/containers/container_records.hpp"
#include "command/containers/driver_devices.hpp"
#include "command/ps/given_devices.hpp"
#include "host/gpu/gpu_usage.hpp"
#include "lease/lease.hpp"
#include "os/device_number.hpp"
#include "text/note.hpp"

namespace nvhook {

/// Seconds since 1970.
using Seconds = std::int64_t;

/// A process that has a device of the driver open. Its name is its own choice, any bytes.
struct GpuProcess {
  pid_t pid = 0;
  std::string name = {};
  std::optional<uid_t> uid = {};  ///< real, as on the host; absent if it ended meanwhile
  std::string user = {};
  /// Who logged in to start it, as the audit system of the kernel records that.
  std::string login = {};
  Seconds started = 0;
  std::string cgroup = {};
  std::vector<std::size_t> devices = {};  ///< positions in Sample::devices
  std::set<DeviceNumber> nodes = {};      ///< also /dev/nvidiactl, /dev/nvidia-uvm, …

  friend bool operator==(const GpuProcess&, const GpuProcess&) = default;
};

/// A container that has a GPU, or a process that uses one.
struct GpuContainer {
  ContainerRecord record = {};
  std::string cgroup = {};
  Seconds started = 0;
  std::vector<GivenDevice> devices = {};
  std::vector<GpuProcess> processes = {};

  friend bool operator==(const GpuContainer&, const GpuContainer&) = default;
};

/// A lease (docs/leases.md), also of a container that has ended and whose file is still there.
struct SeenLease {
  Lease lease = {};
  bool is_held = false;
};

struct Sample {
  Seconds time = 0;
  std::vector<HostDevice> devices = {};
  std::vector<SeenLease> leases = {};
  /// What NVML says, if it was asked and answered.
  std::optional<GpuUsage> usage = {};
  std::vector<GpuContainer> containers = {};  ///< by engine, name, id, cgroup
  std::vector<GpuProcess> host_processes = {};
  /// Processes and containers that this user may not look at.
  std::size_t unreadable_processes = 0;
  std::size_t unreadable_containers = 0;
  Notes notes = {};
};

}  // namespace nvhook
