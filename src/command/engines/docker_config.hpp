// SPDX-License-Identifier: Apache-2.0
// Docker's daemon.json as text: adds and removes the runtime `nvidia` and keeps all other bytes.
// Keys: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
#pragma once

#include <optional>
#include <string>

namespace nvhook {

/// The name of the runtime in the engines' configuration, and its program.
inline constexpr const char* kRuntimeName = "nvidia";
inline constexpr const char* kRuntimeProgram = "nvidia-container-runtime";

/// Returns true if the last component of `path` is one of the runtime shim's names.
[[nodiscard]] bool is_our_runtime(const std::string& path);

/// Returns `text` with the runtime added and, if `as_default`, made the default; unchanged if it
/// has both. `text` is nullopt if there is no file. Existing values are never replaced. Throws
/// Error(config_invalid) with `filename` if one would have to be, and with line and column, too, if
/// `text` is not JSON.
[[nodiscard]] std::string with_docker_runtime(const std::optional<std::string>& text,
                                              bool as_default, const std::string& filename);

/// Returns `text` as it was before with_docker_runtime; nullopt if there was no file. A runtime
/// `nvidia` that with_docker_runtime does not write (for example one with arguments) stays. Throws
/// as with_docker_runtime does.
[[nodiscard]] std::optional<std::string> without_docker_runtime(
    const std::optional<std::string>& text, const std::string& filename);

}  // namespace nvhook
