// SPDX-License-Identifier: Apache-2.0
// One function has the words, and the other looks through them.
#include "config/runtime_mode.hpp"

namespace nvhook {

std::optional<RuntimeMode> parse_runtime_mode(std::string_view word) {
  for (const RuntimeMode mode : {RuntimeMode::automatic, RuntimeMode::legacy, RuntimeMode::cdi,
                                 RuntimeMode::jit_cdi, RuntimeMode::csv}) {
    if (word == to_string(mode)) return mode;
  }
  return std::nullopt;
}

std::string_view to_string(RuntimeMode mode) {
  switch (mode) {
    case RuntimeMode::automatic:
      return "auto";
    case RuntimeMode::legacy:
      return "legacy";
    case RuntimeMode::cdi:
      return "cdi";
    case RuntimeMode::jit_cdi:
      return "jit-cdi";
    case RuntimeMode::csv:
      return "csv";
  }
  return {};
}

}  // namespace nvhook
