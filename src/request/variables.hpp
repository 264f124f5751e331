// SPDX-License-Identifier: Apache-2.0
// Looks up variables of a container, and knows images that are older than some of them.
#pragma once

#include <optional>
#include <string_view>

#include "oci/container_spec.hpp"

namespace nvhook {

/// Returns the value of the variable; nullopt if it is not set.
[[nodiscard]] std::optional<std::string_view> find_variable(const Environment& environment,
                                                            std::string_view name);
[[nodiscard]] std::string_view value_or_empty(const Environment& environment,
                                              std::string_view name);

/// Whether the image is from before NVIDIA_REQUIRE_CUDA (docs/behaviour.md §2.2).
[[nodiscard]] bool is_legacy_image(const Environment& environment);

}  // namespace nvhook
