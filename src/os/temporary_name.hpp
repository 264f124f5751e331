// SPDX-License-Identifier: Apache-2.0
// Names for files that are made beside another one and then renamed over it.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace nvhook {

/// Calls `make` with names like `.NAME.1f0c9b5e7a3d2468` until it has made something of that name,
/// and returns the name. The digits are random, so that what another process left behind, however
/// it ended, is never in the way and is never taken for ours. `make` returns false, with errno, if
/// it failed; EEXIST means that another name is to be tried. Nothing, with errno, if it failed
/// otherwise or no name was free.
[[nodiscard]] std::optional<std::string> make_under_temporary_name(
    const std::string& name, const std::function<bool(const char*)>& make);

}  // namespace nvhook
