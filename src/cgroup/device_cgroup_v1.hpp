// SPDX-License-Identifier: Apache-2.0
// The device list of one cgroup v1 directory.
#pragma once

#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

class DeviceList {
 public:
  /// `directory` is the open cgroup, `path` its name in messages.
  DeviceList(UniqueFd directory, std::string path) noexcept
      : directory_(std::move(directory)), path_(std::move(path)) {}

  /// Reads what is allowed already and opens what will allow the rest of `devices`. Without the
  /// right to write there: a note, and nothing will be done. Throws Error(cgroup_denied).
  [[nodiscard]] Notes prepare(const std::vector<DeviceNumber>& devices);

  /// prepare() had no right over the list.
  [[nodiscard]] bool refused() const noexcept { return refused_; }

  /// Allows what was missing. Throws Error(cgroup_denied); what it did before is for revoke().
  void grant();
  /// Denies again what grant() allowed.
  void revoke() noexcept;

 private:
  UniqueFd directory_;
  std::string path_;
  UniqueFd allow_ = UniqueFd();
  UniqueFd deny_ = UniqueFd();
  std::vector<std::string> missing_ = {};  // rules, as the kernel reads them
  std::size_t granted_ = 0;                // how many of them are in force
  bool refused_ = false;
};

}  // namespace nvhook
