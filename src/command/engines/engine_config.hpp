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

struct RuntimeEntry {
  std::string name = {};
  std::string command = {};  ///< a name or a path, as it is written

  friend bool operator==(const RuntimeEntry&, const RuntimeEntry&) = default;
};

struct EngineConfig {
  /// Absent: the file leaves the engine's default.
  std::optional<std::vector<std::string>> hook_directories = {};
  std::vector<RuntimeEntry> runtimes = {};
  std::vector<std::string> imports = {};     ///< containerd: patterns of more files
  std::vector<std::string> base_specs = {};  ///< containerd: config.json to start from

  friend bool operator==(const EngineConfig&, const EngineConfig&) = default;
};

/// The JSON object that the whole of `text` spells. Throws Error(config_invalid), with `filename`,
/// line and column, if it is none, or is nested deeper than kMaxJsonDepth.
[[nodiscard]] Json parse_json_object(std::string_view text, std::string_view filename);

/// /etc/docker/daemon.json: `runtimes.<name>.path`. Throws as parse_json_object does; so do the
/// others, of TOML.
[[nodiscard]] EngineConfig parse_daemon_json(std::string_view text, std::string_view filename);
/// containers.conf: `[engine] hooks_dir`, `[engine.runtimes] <name> = [paths]`, the first of which
/// counts.
[[nodiscard]] EngineConfig parse_containers_conf(std::string_view text, std::string_view filename);
/// crio.conf: `[crio.runtime] hooks_dir`, `[crio.runtime.runtimes.<name>] runtime_path`.
[[nodiscard]] EngineConfig parse_crio_conf(std::string_view text, std::string_view filename);
/// containerd's config.toml of version 2 and 3: below a CRI plugin `containerd.runtimes.<name>`
/// with `options.BinaryName` and `base_runtime_spec`; `imports`.
[[nodiscard]] EngineConfig parse_containerd_config(std::string_view text,
                                                   std::string_view filename);

/// `next`, a file that is read later, over `base`.
[[nodiscard]] EngineConfig overlaid(EngineConfig base, const EngineConfig& next);

/// A hook definition of a hooks.d directory: the parts that decide whether an engine takes it.
struct HookText {
  std::string path = {};
  std::vector<std::string> stages = {};

  friend bool operator==(const HookText&, const HookText&) = default;
};

/// A stage of Podman alone, which CRI-O refuses to start with.
inline constexpr std::string_view kPrecreateStage = "precreate";

/// Version 1.0.0 of oci-hooks(5). Throws Error(config_invalid) for what makes Podman and CRI-O
/// refuse all containers: no JSON, another version, no absolute path, no stage or an unknown one.
[[nodiscard]] HookText parse_hook_definition(std::string_view text, std::string_view filename);

}  // namespace nvhook
