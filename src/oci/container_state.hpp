// SPDX-License-Identifier: Apache-2.0
// The OCI container state that a runtime writes to a hook's standard input.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace nvhook {

struct ContainerState {
  std::string id = {};
  /// The container's first process, as a pid of the hook's own pid namespace; never negative. 0
  /// (crun) and 1 (runc) are how runtimes name it at a stage inside the container, where the number
  /// means nothing in the host's /proc.
  pid_t pid = 0;
  /// Directory of config.json as the runtime said it; empty if it said none.
  std::string bundle = {};
  /// How many bytes that are no white space came behind the state.
  std::size_t ignored = 0;

  friend bool operator==(const ContainerState&, const ContainerState&) = default;
};

/// The first JSON document in `json` (runtime-spec `runtime.md#state`); what follows it is ignored,
/// as Go's decoder does. Unknown fields are ignored and the last of duplicate keys wins.
/// `bundlePath` (Docker ≤ 17.06) serves when `bundle` is empty. Throws Error(state_invalid) for
/// anything but an object with a whole-number pid.
[[nodiscard]] ContainerState parse_state(std::string_view json);

}  // namespace nvhook
