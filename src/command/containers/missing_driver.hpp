// SPDX-License-Identifier: Apache-2.0
// Why a container that asks for the driver runs without it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "command/engines/container_settings.hpp"

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

/// Tells why Docker starts a container with `settings` without calling us: it has neither `--gpus`
/// nor one of our runtimes, which `daemon_json` (may be empty) names. nullopt if Docker does call,
/// or if the settings are not Docker's.
[[nodiscard]] std::optional<MissingDriver> why_docker_calls_nothing(
    const ContainerSettings& settings, std::string_view daemon_json);

}  // namespace nvhook
