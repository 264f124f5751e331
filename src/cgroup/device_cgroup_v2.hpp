// SPDX-License-Identifier: Apache-2.0
// The device filters, eBPF programs, that are attached to one cgroup v2 directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cgroup/bpf.hpp"
#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

class DeviceFilter {
 public:
  /// `cgroup` is the open directory, `path` its name in messages.
  DeviceFilter(UniqueFd cgroup, std::string path, std::vector<DeviceNumber> devices) noexcept
      : cgroup_(std::move(cgroup)), path_(std::move(path)), devices_(std::move(devices)) {}

  /// Loads, for each program attached, one that grants the devices and asks that program for all
  /// else. No program, no right to ask for one, or one that grants them already: nothing will be
  /// done. One that is protected from us stays, with a note. Throws Error(device_filter_failed).
  [[nodiscard]] Notes prepare();

  /// prepare() had no right to see or change what restricts the container.
  [[nodiscard]] bool refused() const noexcept { return refused_; }
  /// How many programs prepare() found.
  [[nodiscard]] std::size_t attached() const noexcept { return attached_; }
  [[nodiscard]] int cgroup() const noexcept { return cgroup_.get(); }

  /// Puts each loaded program in the place of the one it was made from. If that one was replaced
  /// meanwhile (`systemctl daemon-reload`), it is made anew; what prepare() would have had to note
  /// of what is there now is an error. Throws Error(device_filter_failed, cgroup_denied); what it
  /// did before is for revoke().
  void grant();
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
  Notes told_ = {};  // by prepare()
  std::size_t attached_ = 0;
  bool refused_ = false;
  std::uint32_t flags_ = 0;
  std::vector<Replacement> pending_ = {};
  std::vector<Replacement> done_ = {};
};

}  // namespace nvhook
