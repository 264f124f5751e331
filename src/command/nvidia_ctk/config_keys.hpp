// SPDX-License-Identifier: Apache-2.0
// The keys of config.toml that `nvidia-ctk config` knows, with NVIDIA's types and defaults.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nvhook {

enum class ConfigType { boolean, number, text, list };

/// How a key stands in the default file.
enum class ConfigShown {
  value,
  sample,  ///< in a comment; the value is an example
  hidden,
};

struct ConfigKey {
  std::string_view path = {};  ///< `nvidia-container-cli.root`
  ConfigType type = ConfigType::text;
  ConfigShown shown = ConfigShown::hidden;
  std::string_view value = {};  ///< as TOML; empty for a hidden key
};

/// In the order of the default file; keys of one table follow each other.
[[nodiscard]] std::span<const ConfigKey> config_keys();

/// Returns the text that NVIDIA's program gives a new config.toml.
[[nodiscard]] std::string default_config();

}  // namespace nvhook
