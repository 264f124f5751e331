// SPDX-License-Identifier: Apache-2.0
// What an update of a container's resources must not take away.
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

/// Returns `resources`, the `linux.resources` of an update, in which the device rules let the
/// container use each single device that `spec`, its config.json after our edit, allows by number.
/// Engines write the rules of their own record, which does not have the devices that we added
/// (containerd at every update), and crun applies them. Rules are added at the end; all other bytes
/// stay as they are. Without device rules in it, or if `spec` was not edited, `resources` is
/// unchanged. Throws Error(spec_invalid) if one of both is malformed.
[[nodiscard]] std::string keep_devices(std::string_view resources, std::string_view spec);

}  // namespace nvhook
