// SPDX-License-Identifier: Apache-2.0
// What the configuration files of container engines say about GPUs: hook directories and runtimes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "command/shell/json_document.hpp"
#include "text/json_extent.hpp"

namespace nvhook {

/// Where `oci-nvidia node` puts the programs on a node of Kubernetes, if it is not told otherwise.
inline constexpr const char* kNodePrograms = "/usr/local/oci-nvidia-hook";

/// A configuration file.
struct NamedText {
  std::string path = {};
  std::string text = {};
};

struct RuntimeEntry {
  std::string name = {};
  std::string command = {};  ///< a name or a path, as written

  friend bool operator==(const RuntimeEntry&, const RuntimeEntry&) = default;
};

struct EngineConfig {
  /// nullopt: the file leaves the engine's default.
  std::optional<std::vector<std::string>> hook_directories = {};
  std::vector<RuntimeEntry> runtimes = {};
  /// Of CDI specifications; nullopt: the file leaves the default.
  std::optional<std::vector<std::string>> cdi_directories = {};
  std::optional<bool> cdi = {};              ///< Docker: whether it reads CDI specifications
  std::vector<std::string> imports = {};     ///< containerd: patterns of additional files
  std::vector<std::string> base_specs = {};  ///< containerd: base specifications (config.json)

  friend bool operator==(const EngineConfig&, const EngineConfig&) = default;
};

/// Parses `text`, which must be one JSON object. Throws Error(config_invalid), with `filename`,
/// line and column, if it is not, or if it is nested deeper than kMaxJsonDepth.
[[nodiscard]] Json parse_json_object(std::string_view text, std::string_view filename);

/// /etc/docker/daemon.json: `runtimes.<name>.path`, `features.cdi`, `cdi-spec-dirs`. Throws as
/// parse_json_object does; the parsers below throw in the same way, for TOML.
[[nodiscard]] EngineConfig parse_daemon_json(std::string_view text, std::string_view filename);
/// containers.conf: `[engine] hooks_dir`, `cdi_spec_dirs` and `[engine.runtimes] <name> = [paths]`;
/// the first path counts.
[[nodiscard]] EngineConfig parse_containers_conf(std::string_view text, std::string_view filename);
/// crio.conf: `[crio.runtime] hooks_dir`, `cdi_spec_dirs`, `[crio.runtime.runtimes.<name>]
/// runtime_path`.
[[nodiscard]] EngineConfig parse_crio_conf(std::string_view text, std::string_view filename);
/// containerd's config.toml, all versions: `imports`, and in a CRI plugin `cdi_spec_dirs` and
/// `containerd.runtimes.<name>` with `options.BinaryName` and `base_runtime_spec`.
[[nodiscard]] EngineConfig parse_containerd_config(std::string_view text,
                                                   std::string_view filename);

/// Returns `base` with the settings of `next`, a file that is read later, over it.
[[nodiscard]] EngineConfig overlaid(EngineConfig base, const EngineConfig& next);

}  // namespace nvhook
