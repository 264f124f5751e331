// SPDX-License-Identifier: Apache-2.0
// The drop-in that makes systemd learn of the devices at its next reload, if D-Bus failed.
#pragma once

#include <string>
#include <vector>

#include "os/root_dir.hpp"

namespace nvhook {

/// The directory of the host where systemd keeps the files of units made by StartTransientUnit; it
/// removes them with the unit.
inline constexpr const char* kTransientUnits = "/run/systemd/transient";
/// Our file in `<scope>.d`. Its name sorts after 50-DeviceAllow.conf, which begins with an
/// assignment that empties the list.
inline constexpr const char* kDropIn = "50-oci-nvidia-hook.conf";

enum class OwnDropIn { left_out, included };

/// Returns the file and the drop-ins of the transient unit `unit` below `units`, one after the
/// other, as systemd reads them at a reload.
[[nodiscard]] std::string unit_text(const RootDir& units, const std::string& unit,
                                    OwnDropIn own_drop_in);

/// Writes the drop-in of `scope` (root, 0644) below `units`, in one step. Returns false, with
/// errno, if that fails.
[[nodiscard]] bool write_drop_in(int units, const std::string& scope, const std::string& text);

/// Removes the drop-in, and its directory if that is empty then. Returns whether it existed.
bool remove_drop_in(int units, const std::string& scope) noexcept;

/// Removes our drop-ins, complete and unfinished, whose scope is gone, from the host with the root
/// `system`. systemd deletes only drop-ins that it has loaded; if no daemon-reload happened, ours
/// stay behind. Returns the scopes of the removed drop-ins, in order. Throws Error if the directory
/// cannot be read.
[[nodiscard]] std::vector<std::string> remove_stale_drop_ins(const RootDir& system);

}  // namespace nvhook
