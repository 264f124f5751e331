// SPDX-License-Identifier: Apache-2.0
// Who has which GPU, as one container's file in the registry says it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "host/gpu/gpu_selection.hpp"

namespace nvhook {

/// A container, by what ends with it: its first process and, if it has one of its own, its cgroup.
struct LeaseHolder {
  std::string container = {};  ///< the runtime's id; empty if the caller has none
  pid_t pid = 0;               ///< as on the host
  /// When the process was started, in clock ticks since boot (proc(5)): tells it from a later
  /// process with the same number.
  std::uint64_t start_ticks = 0;
  /// Directory of its cgroup (v2) on the host; empty if it has none of its own.
  std::string cgroup = {};
  std::uint64_t cgroup_inode = 0;

  friend bool operator==(const LeaseHolder&, const LeaseHolder&) = default;
};

/// A GPU, or one MIG device of it.
struct LeasedDevice {
  /// PCI address as in Gpu::pci; on WSL2, which has none, the UUID.
  std::string gpu = {};
  struct Instance {
    unsigned gpu = 0;
    unsigned compute = 0;
    friend bool operator==(const Instance&, const Instance&) = default;
  };
  std::optional<Instance> mig = {};
  bool is_exclusive = false;

  friend bool operator==(const LeasedDevice&, const LeasedDevice&) = default;
};

struct Lease {
  LeaseHolder holder = {};
  std::int64_t since = 0;  ///< seconds since 1970
  std::vector<LeasedDevice> devices = {};

  friend bool operator==(const Lease&, const Lease&) = default;
};

/// Name of the file of this holder: `PID-START.json`.
[[nodiscard]] std::string lease_file(const LeaseHolder& holder);
/// Whether a file with this name is a lease.
[[nodiscard]] bool is_lease_file(std::string_view name);

/// Returns the text of the file, one line of JSON.
[[nodiscard]] std::string lease_text(const Lease& lease);
/// Returns the lease with this text; nullopt if it is none that lease_text() wrote.
[[nodiscard]] std::optional<Lease> parse_lease(std::string_view text);

/// What a lease calls this GPU.
[[nodiscard]] const std::string& lease_name(const Gpu& gpu);
/// Returns what `selected` is in a lease: MIG devices by themselves, and the GPUs that have none of
/// these. `mig_devices` are in `inventory`.
[[nodiscard]] std::vector<LeasedDevice> leased_devices(const SelectedDevices& selected,
                                                       bool is_exclusive);

/// Whether `a` and `b` are, or contain, the same device.
[[nodiscard]] bool overlaps(const LeasedDevice& a, const LeasedDevice& b);

/// `container 4f1c2a90d3b7 (process 4711)`.
[[nodiscard]] std::string describe(const LeaseHolder& holder);

}  // namespace nvhook
