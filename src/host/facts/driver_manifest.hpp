// SPDX-License-Identifier: Apache-2.0
// Reads the JSON manifests in which the loaders of Vulkan and EGL find a driver.
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

/// Returns the library of a manifest if it is an absolute path without `.` and `..`, as on NixOS.
/// Returns an empty string if the manifest has a mere file name, which loaders look up, or if
/// `text` is not a manifest.
[[nodiscard]] std::string absolute_library_of(std::string_view text);

}  // namespace nvhook
