// SPDX-License-Identifier: Apache-2.0
// Our own device filter in bpffs, for scopes whose filter systemd takes from a file there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cgroup/filter_reader.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// Where our filters are pinned, on the host.
inline constexpr const char* kPinDirectory = "/sys/fs/bpf/oci-nvidia-hook";

/// crun since 1.23 attaches no device filter itself under the systemd cgroup manager: it pins one
/// and names it to systemd (`BPFProgram=device:`), which attaches it, and attaches it again at each
/// daemon-reload. The filter of the hook, which replaced it, and the one attached again must then
/// both agree, and that one does not know the GPUs. So a copy with our devices is pinned as a file
/// of its own, for a drop-in to name. crun's own file stays: `crun update` compares it.
class PinnedFilter {
 public:
  /// Opens what is needed on the host, whose root is `system`, for the filter of `scope` that is
  /// pinned as `path`. Throws Error(device_filter_failed) if it cannot be opened, or if our
  /// directory cannot be made or is not in a bpffs. `guesses` are for a kernel that hides it.
  PinnedFilter(const RootDir& system, const std::string& scope, const std::string& path,
               FilterGuesses guesses = {});

  /// Pins a copy of the filter that grants `devices`, too, in place of an earlier one of ours. May
  /// be called in any mount namespace. Throws Error(device_filter_failed).
  void pin(const std::vector<DeviceNumber>& devices);
  /// Whether our file is there, made by anybody, and its program has rules of the hook for all of
  /// `devices`. Changes the working directory.
  [[nodiscard]] bool grants(const std::vector<DeviceNumber>& devices) const;
  /// Removes what pin() made.
  void unpin() noexcept;

  /// The path of our file, on the host.
  [[nodiscard]] std::string path() const { return std::string(kPinDirectory) + "/" + name_; }

 private:
  std::string name_;
  FilterGuesses guesses_;
  UniqueFd program_ = UniqueFd();
  UniqueFd directory_ = UniqueFd();
  bool is_pinned_ = false;
};

/// Removes our pinned filters whose scope is gone, from the host with the root `system`: systemd
/// does not own them. Returns their names, in order. Throws Error if the directory cannot be read.
[[nodiscard]] std::vector<std::string> remove_stale_pins(const RootDir& system);

}  // namespace nvhook
