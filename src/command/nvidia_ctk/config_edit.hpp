// SPDX-License-Identifier: Apache-2.0
// Sets keys in the text of a config.toml; comments, order and spacing stay. Pure.
#pragma once

#include <string>
#include <string_view>

#include "command/nvidia_ctk/config_keys.hpp"

namespace nvhook {

/// A key and the value that it gets.
struct ConfigSetting {
  ConfigKey key = {};
  std::string value = {};  ///< as TOML
};

/// Parses `key=value`; for a boolean, `key` alone means true. A list is separated by `separator`;
/// an empty value is an empty list. Throws UsageFault for an unknown key, with the nearest one, and
/// for a value of another type.
[[nodiscard]] ConfigSetting parse_setting(std::string_view text, std::string_view separator = ",");

/// Returns `text` with the setting. The value of a key that is there is replaced where it stands. A
/// new key follows its sample in a comment, or else is the last of its table; a new table is the
/// last of the file. Throws Error(config_invalid), with `filename`, if `text` is no TOML, or writes
/// the table so that no key can be added.
[[nodiscard]] std::string with_setting(const std::string& text, const ConfigSetting& setting,
                                       const std::string& filename);

}  // namespace nvhook
