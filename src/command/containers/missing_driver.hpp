// SPDX-License-Identifier: Apache-2.0
// Why a container that asks for the driver runs without it.
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

struct MissingDriver {
  std::string cause = {};
  std::string remedy = {};

  friend bool operator==(const MissingDriver&, const MissingDriver&) = default;
};

/// Tells by `config_json`, from which the container was made, and `engine` (ContainerRecord), why
/// nothing of the driver is in it: whether anything in config.json was to bring it. Throws
/// Error(spec_invalid).
[[nodiscard]] MissingDriver why_missing(const std::string& engine, std::string_view config_json);

}  // namespace nvhook
