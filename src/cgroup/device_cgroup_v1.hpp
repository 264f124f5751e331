// SPDX-License-Identifier: Apache-2.0
// The device list of one cgroup v1 directory.
#pragma once

#include <string>
#include <vector>

#include "cgroup/device_change.hpp"
#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

class DeviceList {
 public:
  /// `directory` is the opened cgroup, `path` its name in messages.
  DeviceList(UniqueFd directory, std::string path,
             DeviceChange change = DeviceChange::allow) noexcept
      : directory_(std::move(directory)), path_(std::move(path)), change_(change) {}

  /// Reads what is allowed already and opens the files that allow the rest of `devices`, or that
  /// deny what is allowed of them. If writing
  /// there is not permitted, returns a note, and nothing will be done. Throws Error(cgroup_denied).
  [[nodiscard]] Notes prepare(const std::vector<DeviceNumber>& devices);

  /// Whether prepare() was not permitted to write the list.
  [[nodiscard]] bool refused() const noexcept { return refused_; }

  /// What prepare() found to be denied or, if it is to be denied, to be allowed.
  [[nodiscard]] const std::vector<DeviceNumber>& missing() const noexcept { return missing_; }

  /// Allows what was missing, or denies what was allowed. Throws Error(cgroup_denied); revoke()
  /// undoes what was done before that.
  void grant();
  /// Undoes what grant() did.
  void revoke() noexcept;

 private:
  UniqueFd directory_;
  std::string path_;
  DeviceChange change_;
  UniqueFd allow_ = UniqueFd();
  UniqueFd deny_ = UniqueFd();
  std::vector<DeviceNumber> missing_ = {};
  std::vector<std::string> rules_ = {};  // for these, in the kernel's format
  std::vector<std::string> undo_rules_ = {};
  std::vector<std::string> unseen_rules_ = {};  // may be denied although the list allows all
  std::size_t granted_ = 0;                     // number of them that are in force
  bool refused_ = false;
};

}  // namespace nvhook
