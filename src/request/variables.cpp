// SPDX-License-Identifier: Apache-2.0
// Lookups in the map of variables.
#include "request/variables.hpp"

namespace nvhook {

std::optional<std::string_view> find_variable(const Environment& environment,
                                              std::string_view name) {
  const auto found = environment.find(name);
  if (found == environment.end()) return std::nullopt;
  return found->second;
}

std::string_view value_or_empty(const Environment& environment, std::string_view name) {
  return find_variable(environment, name).value_or("");
}

bool is_legacy_image(const Environment& environment) {
  return !value_or_empty(environment, "CUDA_VERSION").empty() &&
         value_or_empty(environment, "NVIDIA_REQUIRE_CUDA").empty();
}

}  // namespace nvhook
