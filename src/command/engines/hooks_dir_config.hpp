// SPDX-License-Identifier: Apache-2.0
// Which hooks directories Podman and CRI-O read, by their configuration files, and the drop-in file
// that adds ours. Keys: containers.conf(5), crio.conf(5).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nvhook {

struct NamedText {
  std::string path = {};
  std::string text = {};
};

/// How an engine's configuration is written.
struct DropInKeys {
  const char* engine = "";        ///< as setup is told: `podman`
  const char* table = "";         ///< that has `hooks_dir` and the default runtime
  const char* default_key = "";   ///< of the default runtime
  const char* runtimes = "";      ///< the table of the runtimes
  bool runtime_is_table = false;  ///< of CRI-O; else a list of paths
};
inline constexpr DropInKeys kPodmanKeys{"podman", "engine", "runtime", "engine.runtimes", false};
inline constexpr DropInKeys kCrioKeys{"crio", "crio.runtime", "default_runtime",
                                      "crio.runtime.runtimes", true};

/// The directories that are read where no file says it.
inline constexpr const char* kDefaultHooksDir = "/usr/share/containers/oci/hooks.d";

/// `hooks_dir` after all `files` in their order: the last one that has it counts, or adds to those
/// before it (`{append=true}`, containers.conf(5)). Throws Error(config_invalid), with file, line
/// and column, for one that is no TOML.
[[nodiscard]] std::vector<std::string> hooks_dirs_of(const std::vector<NamedText>& files,
                                                     const DropInKeys& keys);

/// What the drop-in file says.
struct DropIn {
  std::vector<std::string> hooks_dirs = {};  ///< empty: nothing
  std::string runtime = {};                  ///< path of the runtime `nvidia`; empty: nothing
  bool as_default = false;

  [[nodiscard]] bool is_empty() const { return hooks_dirs.empty() && runtime.empty(); }
};

/// The text of the drop-in file.
[[nodiscard]] std::string to_text(const DropIn& drop_in, const DropInKeys& keys);

/// What a drop-in file that setup wrote says. Throws Error(config_invalid) if setup did not write
/// it, or it is no TOML.
[[nodiscard]] DropIn parse_drop_in(const NamedText& file, const DropInKeys& keys);

/// The first of `files` that makes the runtime `nvidia` something that is not ours; nothing else.
[[nodiscard]] std::optional<std::string> other_runtime(const std::vector<NamedText>& files,
                                                       const DropInKeys& keys);

}  // namespace nvhook
