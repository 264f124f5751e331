// SPDX-License-Identifier: Apache-2.0
// The device filters (eBPF programs) that are attached to one cgroup v2 directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "cgroup/bpf.hpp"
#include "cgroup/device_change.hpp"
#include "cgroup/filter_reader.hpp"
#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

class DeviceFilter {
 public:
  /// `cgroup` is the opened directory, `path` its name in messages.
  DeviceFilter(UniqueFd cgroup, std::string path, std::vector<DeviceNumber> devices,
               FilterGuesses guesses = {}, DeviceChange change = DeviceChange::allow) noexcept
      : cgroup_(std::move(cgroup)),
        path_(std::move(path)),
        devices_(std::move(devices)),
        guesses_(std::move(guesses)),
        change_(change) {}

  /// For each attached program, loads one that grants (or denies) the devices and leaves all other
  /// decisions to the old instructions. Nothing will be done if there is no program, if the query
  /// is not permitted, or if a program grants the devices already. A program that we may not open
  /// stays, with a note. One that the kernel does not show must be one of the guesses
  /// (read_filter). Throws Error(device_filter_failed).
  [[nodiscard]] Notes prepare();

  /// Whether prepare() was not permitted to see what restricts the container.
  [[nodiscard]] bool refused() const noexcept { return refused_; }
  /// The devices that prepare() found at least one program to deny (or to allow, if they are to be
  /// denied), or to decide in a way that is not known, in order.
  [[nodiscard]] const std::set<DeviceNumber>& missing() const noexcept { return missing_; }
  /// Number of programs that prepare() found.
  [[nodiscard]] std::size_t attached() const noexcept { return attached_; }
  [[nodiscard]] int cgroup() const noexcept { return cgroup_.get(); }

  /// Replaces each old program by the one made from it. If the old one was replaced meanwhile
  /// (`systemctl daemon-reload`), makes a new one from the current program; what prepare() would
  /// have noted about that one is an error now. Throws Error(device_filter_failed, cgroup_denied);
  /// revoke() undoes what was done before that.
  void grant();
  /// After grant(): looks at the programs once more, and replaces those that another process has
  /// attached since. Throws as grant() does.
  void confirm();
  /// Puts the old programs back.
  void revoke() noexcept;

 private:
  struct Replacement {
    bpf::ProgramId id = 0;  // of `old`
    UniqueFd old = UniqueFd();
    UniqueFd granting = UniqueFd();
  };

  [[nodiscard]] Notes look();
  void look_again();
  [[nodiscard]] Notes prepare_program(bpf::ProgramId id);
  [[nodiscard]] bool replace_pending();
  [[nodiscard]] std::string name_of(bpf::ProgramId id) const;

  UniqueFd cgroup_;
  std::string path_;
  std::vector<DeviceNumber> devices_;
  FilterGuesses guesses_;
  DeviceChange change_;
  Notes told_ = {};  // returned by prepare()
  std::set<DeviceNumber> missing_ = {};
  std::size_t attached_ = 0;
  bool refused_ = false;
  std::uint32_t flags_ = 0;
  std::vector<Replacement> pending_ = {};
  std::vector<Replacement> done_ = {};
};

}  // namespace nvhook
