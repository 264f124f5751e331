// SPDX-License-Identifier: Apache-2.0
// The modes of NVIDIA's runtime, and their words.
#pragma once

#include <optional>
#include <string_view>

namespace nvhook {

/// Modes of NVIDIA's runtime. One planner serves all of them; docs/runtime.md says what differs.
enum class RuntimeMode {
  automatic,  ///< `auto`
  legacy,
  cdi,      ///< annotations count, names without a kind have the default kind
  jit_cdi,  ///< as `cdi`, a container that asks for no capability gets all
  csv,      ///< for the integrated GPU of a Tegra: every request is refused
};

/// Parses `auto`, `legacy`, `cdi`, `jit-cdi`, `csv`; nullopt for any other word.
[[nodiscard]] std::optional<RuntimeMode> parse_runtime_mode(std::string_view word);
/// Returns the word that parse_runtime_mode() takes.
[[nodiscard]] std::string_view to_string(RuntimeMode mode);

}  // namespace nvhook
