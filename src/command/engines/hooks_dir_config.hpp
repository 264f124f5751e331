// SPDX-License-Identifier: Apache-2.0
// Which hook directories Podman and CRI-O read according to their configuration files, and the
// drop-in file that adds ours. Keys: containers.conf(5), crio.conf(5).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/engines/engine_config.hpp"

namespace nvhook {

/// The table and key names in an engine's configuration.
struct DropInKeys {
  const char* engine = "";        ///< name for `oci-nvidia setup`: `podman`
  const char* table = "";         ///< table with `hooks_dir` and the default runtime
  const char* default_key = "";   ///< key of the default runtime
  const char* runtimes = "";      ///< table of the runtimes
  bool runtime_is_table = false;  ///< CRI-O: a runtime is a table; otherwise a list of paths
  /// Podman and Buildah call it deprecated to read a directory that no file names, and a directory
  /// for Podman alone may have definitions that CRI-O refuses.
  bool names_hooks_dirs = false;
};
inline constexpr DropInKeys kPodmanKeys{"podman",          "engine", "runtime",
                                        "engine.runtimes", false,    true};
inline constexpr DropInKeys kCrioKeys{"crio", "crio.runtime", "default_runtime",
                                      "crio.runtime.runtimes", true};

/// The directory that is read if no file sets `hooks_dir`.
inline constexpr const char* kDefaultHooksDir = "/usr/share/containers/oci/hooks.d";

/// The directory of the administrator's own definitions, which is read only if a file names it.
inline constexpr const char* kOwnHooksDir = "/etc/containers/oci/hooks.d";

/// Returns whether one of `files` sets `hooks_dir`. Throws as hooks_dirs_of does.
[[nodiscard]] bool sets_hooks_dirs(const std::vector<NamedText>& files, const DropInKeys& keys);

/// Returns the value of `hooks_dir` after all `files`, in their order: the last file that sets it
/// counts, or adds to those before it (`{append=true}`, containers.conf(5)). Throws
/// Error(config_invalid), with file, line and column, for a file that is not TOML.
[[nodiscard]] std::vector<std::string> hooks_dirs_of(const std::vector<NamedText>& files,
                                                     const DropInKeys& keys);

/// The contents of the drop-in file.
struct DropIn {
  std::vector<std::string> hooks_dirs = {};  ///< empty: not set
  std::string runtime = {};                  ///< path of the runtime `nvidia`; empty: not set
  bool all_modes = false;                    ///< CRI-O: also a runtime for each of kModeRuntimes
  bool as_default = false;
  /// Lines for the runtime's table, in the form of its engine.
  std::vector<std::string> runtime_settings = {};

  [[nodiscard]] bool is_empty() const { return hooks_dirs.empty() && runtime.empty(); }
};

/// Returns the text of the drop-in file.
[[nodiscard]] std::string to_text(const DropIn& drop_in, const DropInKeys& keys);

/// Parses a drop-in file that setup wrote, without `runtime_settings`. Throws Error(config_invalid)
/// if setup did not write it, or if it is not TOML.
[[nodiscard]] DropIn parse_drop_in(const NamedText& file, const DropInKeys& keys);

/// Returns the first of `files` that defines the runtime `nvidia` as another program; nullopt if
/// none does.
[[nodiscard]] std::optional<std::string> other_runtime(const std::vector<NamedText>& files,
                                                       const DropInKeys& keys);

}  // namespace nvhook
