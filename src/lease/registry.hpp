// SPDX-License-Identifier: Apache-2.0
// The leases of this host: one file for each container, in a directory of root's.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lease/lease.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

inline constexpr const char* kLeaseDirectory = "/run/oci-nvidia-hook/leases";

/// A file is written beside its name and renamed, so that no crash leaves half of one; and whoever
/// decides holds the lock, which the kernel takes from a process that ends. All functions throw
/// Error(lease_registry_unusable) for a directory or file that cannot be read, or that others than
/// root may have written: a device that might be taken is never free.
class LeaseRegistry {
 public:
  /// Opens the directory at `path`, and makes it and its parent if they are missing.
  [[nodiscard]] static LeaseRegistry at(const std::string& path = kLeaseDirectory);
  /// Only to look: nullopt if there is no such directory.
  [[nodiscard]] static std::optional<LeaseRegistry> look(const std::string& path = kLeaseDirectory);

  /// Waits up to ten seconds for the lock. Closing the result gives it back.
  [[nodiscard]] UniqueFd lock() const;

  /// Returns all leases, also those of containers that have ended, by their files' names. Other
  /// files are not looked at.
  [[nodiscard]] std::vector<Lease> read() const;

  /// Writes the lease of a container, in the place of its earlier one.
  void put(const Lease& lease) const;
  /// Removes the lease of a container, if it has one.
  void erase(const LeaseHolder& holder) const noexcept;
  /// Removes what writers left behind that were killed. Only with the lock.
  void sweep() const;

 private:
  LeaseRegistry(std::string path, UniqueFd directory) noexcept
      : path_(std::move(path)), directory_(std::move(directory)) {}
  [[nodiscard]] std::optional<Lease> read_file(const std::string& name) const;

  std::string path_;
  RootDir directory_;
};

}  // namespace nvhook
