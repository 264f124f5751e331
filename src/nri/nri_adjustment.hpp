// SPDX-License-Identifier: Apache-2.0
// Writes a plan as what NRI adds to a container.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nri_messages.pb.h"
#include "plan/plan.hpp"
#include "plan/spec_edit.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// With a hook: devices, their rules, the hook that does the rest, and NVIDIA_VISIBLE_DEVICES=void,
/// which keeps away others that read the variable. Files are left to the hook, which sees the
/// image. Without a hook (`edit.hook` is empty), files and directories are mounted, too, and the
/// library of each link at the link's name; loader cache, sockets and texts are missing then.
[[nodiscard]] nri::Adjustment adjustment_of(const Plan& plan, const SpecEdit& edit);

/// Adds to `adjusted` the mounts of `container` that name devices, in the place of themselves, if
/// it has a user namespace: what NRI mounts has no ID mappings, and no kernel can map /dev.
void remount_requests(const nri::Container& container, nri::Adjustment& adjusted);

/// Returns what a container lacks without a hook: `the loader's cache, …`; empty for nothing.
[[nodiscard]] std::string lacking_without_hook(const Plan& plan);

}  // namespace nvhook
