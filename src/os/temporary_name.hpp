// SPDX-License-Identifier: Apache-2.0
// Names for files that are made beside another file and then renamed over it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

/// Calls `make` with names like `.NAME.1f0c9b5e7a3d2468` until it returns true, and returns that
/// name. The digits are random, so what a killed process left behind is neither in the way nor
/// mistaken for ours. `make` returns false, with errno, on failure; after EEXIST another name is
/// tried. Returns nullopt, with errno, after any other failure or if no name was free.
[[nodiscard]] std::optional<std::string> make_under_temporary_name(
    const std::string& name, const std::function<bool(const char*)>& make);

/// Whether `temporary` is a name that make_under_temporary_name() makes for `name`.
[[nodiscard]] bool is_temporary_name_of(std::string_view temporary, std::string_view name);

}  // namespace nvhook
