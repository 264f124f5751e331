// SPDX-License-Identifier: Apache-2.0
// containerd's config.toml as text: adds and removes a handler `nvidia` of its CRI plugin.
//
// The handler is in config.toml itself and not in an imported file: before containerd 2.0 an
// imported file replaces everything that config.toml says about a plugin (containerd issue 5837,
// fixed by its pull request 9982).
// Keys: https://github.com/containerd/containerd/blob/main/docs/cri/config.md
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/engines/containerd_files.hpp"

namespace nvhook {

struct ContainerdRuntime {
  std::string program = {};  ///< path of nvidia-container-runtime
  bool all_modes = false;    ///< also a handler for each of kModeRuntimes
  bool as_default = false;
  /// The handler `runc` uses systemd's cgroups, by a file that config.toml imports.
  bool uses_systemd = false;
  ContainerdSupport support = {};  ///< for a file that does not exist yet
};

/// Returns the text of a file that does not exist yet, without the handler.
[[nodiscard]] std::string new_containerd_config(const ContainerdSupport& support);

/// Returns `text` with the handler added, in the form that the file's version needs; unchanged if
/// it is there already. `text` is nullopt if there is no file. The cgroup driver is copied from the
/// handler `runc`. Throws Error(config_invalid), with `filename`, line and column, if `text` is not
/// TOML.
[[nodiscard]] std::string with_containerd_runtime(const std::optional<std::string>& text,
                                                  const ContainerdRuntime& runtime,
                                                  const std::string& filename);

/// Returns `text` with `enable_cdi` true in the table of the CRI plugin, where version 1 or 2 of
/// the configuration (containerd 1.7) needs it; later versions need it only if it is false. Throws
/// as with_containerd_runtime does.
[[nodiscard]] std::string with_containerd_cdi(const std::string& text, const std::string& filename);

/// Returns `text` as it was before; nullopt if there was no file. Throws as with_containerd_runtime
/// does.
[[nodiscard]] std::optional<std::string> without_containerd_runtime(
    const std::optional<std::string>& text, const std::string& filename);

/// The runtime `nvidia` as the files say it that config.toml imports.
struct ImportedRuntime {
  std::string path = {};  ///< the file that has it; empty: none
  bool is_default = false;
  bool uses_systemd = false;  ///< the handler `runc` uses systemd's cgroups
};

/// Looks at all of `files` but the first, which is config.toml. Throws as with_containerd_runtime
/// does, also if the runtime `nvidia` is another program.
[[nodiscard]] ImportedRuntime imported_runtime(const std::vector<NamedText>& files);

/// Returns whether `text`, which is TOML, has the runtime `nvidia`. Throws as imported_runtime
/// does.
[[nodiscard]] bool has_containerd_runtime(const std::string& text, const std::string& filename);

/// Returns whether `text`, which is TOML, disables the CRI plugin, as Docker's package of
/// containerd does.
[[nodiscard]] bool disables_cri(const std::string& text, const std::string& filename);

}  // namespace nvhook
