// SPDX-License-Identifier: Apache-2.0
// Docker's daemon.json as text: adds and removes the runtime `nvidia` and keeps all other bytes.
// Keys: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
#pragma once

#include <array>
#include <optional>
#include <string>

namespace nvhook {

/// The name of the runtime in the engines' configuration, and its program.
inline constexpr const char* kRuntimeName = "nvidia";
inline constexpr const char* kRuntimeProgram = "nvidia-container-runtime";

/// A runtime whose program's name says the mode, as NVIDIA's GPU operator registers them.
struct ModeRuntime {
  const char* name;
  const char* ending;  ///< of the program's name
};
inline constexpr std::array kModeRuntimes{ModeRuntime{"nvidia-cdi", ".cdi"},
                                          ModeRuntime{"nvidia-legacy", ".legacy"}};

struct DockerRuntime {
  std::string program = kRuntimeProgram;  ///< a name that dockerd looks up, or a path
  bool as_default = false;
};

/// Returns true if the last component of `path` is one of the runtime shim's names.
[[nodiscard]] bool is_our_runtime(const std::string& path);

/// Returns `text` with the runtime added and, if wanted, made the default; unchanged if it has
/// both. `text` is nullopt if there is no file. Existing values are never replaced. Throws
/// Error(config_invalid) with `filename` if one would have to be, and with line and column, too, if
/// `text` is not JSON.
[[nodiscard]] std::string with_docker_runtime(const std::optional<std::string>& text,
                                              const DockerRuntime& runtime,
                                              const std::string& filename);

/// Returns `text` with `features.cdi` true, as Docker 25 to 28.1 need it to read CDI
/// specifications. Throws as with_docker_runtime does, also if it is false there.
[[nodiscard]] std::string with_docker_cdi(const std::optional<std::string>& text,
                                          const std::string& filename);

/// Returns `text` as it was before with_docker_runtime with this `program`; nullopt if there was no
/// file. A runtime `nvidia` of another program or with more members stays, and `features.cdi`, on
/// which other devices may depend. Throws as with_docker_runtime does.
[[nodiscard]] std::optional<std::string> without_docker_runtime(
    const std::optional<std::string>& text, const std::string& program,
    const std::string& filename);

}  // namespace nvhook
