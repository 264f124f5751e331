// SPDX-License-Identifier: Apache-2.0
// The JSON manifests by which Vulkan's and EGL's loaders find a driver.
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

/// The library that a manifest names by an absolute path without `.` and `..`, as NixOS writes it;
/// empty if it names one as loaders look it up, by its file name, or if `text` is no manifest.
[[nodiscard]] std::string absolute_library_of(std::string_view text);

}  // namespace nvhook
