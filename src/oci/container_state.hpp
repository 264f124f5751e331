// SPDX-License-Identifier: Apache-2.0
// Parses the OCI container state, which a runtime writes to a hook's standard input.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace nvhook {

struct ContainerState {
  std::string id = {};
  /// The container's first process, as a pid in the hook's own pid namespace; never negative. At a
  /// stage inside the container it is 0 (crun) or 1 (runc), which means nothing in the host's
  /// /proc.
  pid_t pid = 0;
  /// Directory of config.json as the runtime wrote it; empty if it wrote none.
  std::string bundle = {};
  /// Number of bytes after the state, without white space at both ends.
  std::size_t ignored = 0;

  friend bool operator==(const ContainerState&, const ContainerState&) = default;
};

/// Parses the first JSON document in `json` (runtime-spec `runtime.md#state`). What follows it is
/// ignored, as by Go's decoder; unknown fields are ignored, and the last of duplicate keys counts.
/// If `bundle` is empty, `bundlePath` (Docker ≤ 17.06) is used. Throws Error(state_invalid) for
/// anything but an object with an integer as pid.
[[nodiscard]] ContainerState parse_state(std::string_view json);

}  // namespace nvhook
