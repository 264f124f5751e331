// SPDX-License-Identifier: Apache-2.0
// Decides by the host and the configuration what one container gets by NRI.
#pragma once

#include <chrono>
#include <set>
#include <string>

#include "command/shell/command.hpp"
#include "nri_messages.pb.h"

namespace nvhook {

struct NriOptions {
  /// Path of our hook where the runtime starts it; empty: no hook may be added.
  std::string hook = {};
  /// Path of oci-nvidia-probe, if it is there; otherwise that of this program's installation.
  std::string probe = {};
  /// How long the runtime waits for an answer.
  std::chrono::milliseconds patience{2'000};
  /// Namespaces whose pods may name devices by annotation; `*` for all.
  std::set<std::string> annotation_namespaces = {};
};

/// Returns what the container gets; nothing if it asks for nothing, or has the driver already, or
/// will get it by a hook that is there. The configuration is read anew, with the defaults of a
/// cluster: variables count only if it says so, mounts of a device plugin do. Says on `context.err`
/// what a container gets. Throws what derive_task, plan_container and check_sources throw, and
/// Error(invalid_request) for GPUs that are to be leased, and Error(config_invalid) if the hook is
/// not there.
[[nodiscard]] nri::CreateContainerResponse plan_by_nri(const nri::CreateContainerRequest& request,
                                                       const NriOptions& options,
                                                       CommandContext& context);

}  // namespace nvhook
