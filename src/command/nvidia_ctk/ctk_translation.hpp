// SPDX-License-Identifier: Apache-2.0
// Translates options of `nvidia-ctk` to a command line of `oci-nvidia`. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "command/nvidia_ctk/ctk_line.hpp"
#include "command/nvidia_ctk/ctk_log.hpp"

namespace nvhook {

struct CtkTranslation {
  /// A command line of `oci-nvidia`, without its name.
  std::vector<std::string> words = {};
  std::vector<CtkMessage> messages = {};

  friend bool operator==(const CtkTranslation&, const CtkTranslation&) = default;
};

/// Returns the path of a program of this host; empty if it is not installed.
using FindProgram = std::function<std::string(const std::string& name)>;

/// Each throws UsageFault for a value that NVIDIA's program refuses, too, or that has no equal
/// here.
[[nodiscard]] CtkTranslation translate_generate(const FlagValues& values,
                                                const FindProgram& find_program);
[[nodiscard]] CtkTranslation translate_transform_root(const FlagValues& values);
[[nodiscard]] CtkTranslation translate_configure(const FlagValues& values,
                                                 const FindProgram& find_program);

/// Whether `runtime configure` is to write a hook definition (`--config-mode oci-hook`).
[[nodiscard]] bool wants_hook_definition(const FlagValues& values);

/// Returns a definition for hooks.d, which starts the hook at `--nvidia-runtime-hook-path` in every
/// container. Throws UsageFault if that is no absolute path.
[[nodiscard]] std::string hook_definition(const FlagValues& values);

/// The options of these commands.
[[nodiscard]] std::span<const CtkFlag> generate_flags();
[[nodiscard]] std::span<const CtkFlag> transform_root_flags();
[[nodiscard]] std::span<const CtkFlag> configure_flags();

}  // namespace nvhook
