// SPDX-License-Identifier: Apache-2.0
// What the translations of all commands share.
#pragma once

#include <string>

#include "command/nvidia_ctk/ctk_translation.hpp"

namespace nvhook {

/// Adds `option=value`, unless the value is empty.
void add_word(std::string_view option, const std::string& value, CtkTranslation& translation);

/// Adds our option for each of `flags` that is set and has an equal, and a message for each that
/// is set and has no effect.
void add_equal_options(std::span<const CtkFlag> flags, const FlagValues& values,
                       CtkTranslation& translation);

}  // namespace nvhook
