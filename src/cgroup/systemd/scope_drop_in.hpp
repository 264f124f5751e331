// SPDX-License-Identifier: Apache-2.0
// The drop-in that tells systemd at its next reload what it could not be told at once.
#pragma once

#include <string>
#include <vector>

#include "os/root_dir.hpp"

namespace nvhook {

/// systemd keeps what StartTransientUnit said in this directory of the host, and removes it with
/// the unit.
inline constexpr const char* kTransientUnits = "/run/systemd/transient";
/// Our file in `<scope>.d`. It is read after 50-DeviceAllow.conf, which begins by emptying the
/// list.
inline constexpr const char* kDropIn = "50-oci-nvidia-hook.conf";

/// Makes the drop-in of `scope` (root, 0644) below `units`, in one step. False, with errno, if that
/// fails.
[[nodiscard]] bool write_drop_in(int units, const std::string& scope, const std::string& text);

/// Removes it, and its directory if nothing else is in it. Whether it was there.
bool remove_drop_in(int units, const std::string& scope) noexcept;

/// Removes our drop-ins on the host whose root is `system`, whole and unfinished, that belong to no
/// scope any more: systemd removes with a scope only those that it has read. Returns the scopes
/// whose drop-in is gone, in order. Throws Error if the directory cannot be read.
[[nodiscard]] std::vector<std::string> remove_stale_drop_ins(const RootDir& system);

}  // namespace nvhook
