// SPDX-License-Identifier: Apache-2.0
// What `oci-nvidia attach` and `detach` made of a container's GPUs, which its config.json does not
// say.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "os/root_dir.hpp"
#include "os/run_directory.hpp"
#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

/// All that a container has since the last attach or detach, whatever it was started with.
struct AttachedDevices {
  /// As in NVIDIA_VISIBLE_DEVICES; empty: it has none any more.
  std::vector<std::string> devices = {};
  /// As in NVIDIA_DRIVER_CAPABILITIES, in addition to those of its config.json; may be empty.
  std::string capabilities = {};
  /// Directories that attach has added to the path file of musl's loader.
  std::vector<std::string> search_path = {};

  friend bool operator==(const AttachedDevices&, const AttachedDevices&) = default;
};

/// Returns names of `selected` that stay right: UUIDs, as far as they are known.
[[nodiscard]] std::vector<std::string> lasting_names(const SelectedDevices& selected);

/// Returns the text of a record, of a process that was started `start` ticks after the boot.
[[nodiscard]] std::string to_text(const AttachedDevices& attached, std::uint64_t start);
/// The reverse. nullopt if `text` is no record of a process with this `start`.
[[nodiscard]] std::optional<AttachedDevices> parse_attach_record(std::string_view text,
                                                                 std::uint64_t start);

/// The record of one container: a file of root's in /run/oci-nvidia-hook, which belongs to the
/// container's first process. It is believed only as long as this process runs, and if nobody but
/// root can have written it. Without root's rights, and in a user namespace, where no device rules
/// are in force, there is none.
class AttachRecord {
 public:
  /// To be made before this process enters the container. `system` is the root of this host.
  AttachRecord(pid_t pid, const RootDir& system, const std::string& directory = kRunDirectory);

  /// nullopt if nothing was attached or detached. A record of another process that had the number
  /// before is removed.
  [[nodiscard]] std::optional<AttachedDevices> read() const;

  /// Replaces the record, unless it says just that, and removes those of processes that have ended.
  /// Works in any mount namespace. Returns a warning if it fails.
  [[nodiscard]] Notes write(const AttachedDevices& attached) const;

 private:
  void remove_old() const;

  std::string name_;
  UniqueFd proc_ = UniqueFd();
  std::optional<std::uint64_t> start_ = {};  ///< nullopt: the process has ended
  std::optional<RunDirectory> directory_ = {};
};

}  // namespace nvhook
