// SPDX-License-Identifier: Apache-2.0
// containerd's config.toml as text: a handler `nvidia` of its CRI plugin put in and taken out.
//
// In config.toml itself and not in a file that it imports: before 2.0 an imported file replaces all
// that config.toml says of a plugin (containerd issue 5837, mended by its pull request 9982).
// Keys: https://github.com/containerd/containerd/blob/main/docs/cri/config.md
#pragma once

#include <optional>
#include <string>

namespace nvhook {

struct ContainerdRuntime {
  std::string program = {};  ///< path of nvidia-container-runtime
  bool as_default = false;
};

/// `text`, which is absent if there is no file, with the handler, for the version of configuration
/// that it is of. Unchanged if it has it. Whether its cgroups are systemd's is taken from `runc`.
/// Throws Error(config_invalid), with `filename`, line and column if it is no TOML.
[[nodiscard]] std::string with_containerd_runtime(const std::optional<std::string>& text,
                                                  const ContainerdRuntime& runtime,
                                                  const std::string& filename);

/// `text` as it was before; nothing if there was no file. Throws as that does.
[[nodiscard]] std::optional<std::string> without_containerd_runtime(
    const std::optional<std::string>& text, const std::string& filename);

/// Whether `text`, which is TOML, switches the CRI plugin off, as Docker's package of containerd
/// does.
[[nodiscard]] bool disables_cri(const std::string& text, const std::string& filename);

}  // namespace nvhook
