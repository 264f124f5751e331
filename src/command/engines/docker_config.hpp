// SPDX-License-Identifier: Apache-2.0
// Docker's daemon.json as text: the runtime `nvidia` put in and taken out, all other bytes kept.
// Keys: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
#pragma once

#include <optional>
#include <string>

namespace nvhook {

/// The name under which engines know the runtime, and the program that it is.
inline constexpr const char* kRuntimeName = "nvidia";
inline constexpr const char* kRuntimeProgram = "nvidia-container-runtime";

/// Whether `path` is the runtime by one of its names, in whatever directory.
[[nodiscard]] bool is_our_runtime(const std::string& path);

/// `text`, which is absent if there is no file, with the runtime and, if wanted, with it as
/// default. Unchanged if it has them. What is there is never replaced. Throws
/// Error(config_invalid), with `filename`, and line and column if it is no JSON.
[[nodiscard]] std::string with_docker_runtime(const std::optional<std::string>& text,
                                              bool as_default, const std::string& filename);

/// `text` as it was before with_docker_runtime; nothing if there was no file. A runtime `nvidia`
/// that with_docker_runtime does not write (with arguments, say) stays. Throws as that does.
[[nodiscard]] std::optional<std::string> without_docker_runtime(
    const std::optional<std::string>& text, const std::string& filename);

}  // namespace nvhook
