// SPDX-License-Identifier: Apache-2.0
// config.toml: the keys of NVIDIA's configuration file that mean something to us.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/capability.hpp"
#include "text/note.hpp"

namespace nvhook {

/// What happens to the CUDA forward compatibility libraries that an image brings along.
enum class CudaCompat {
  ldconfig,  ///< the loader finds them where they are newer than the host's driver
  disabled,
};

/// Where the driver's files go in the container.
enum class Placement {
  standard,           ///< where NVIDIA's stack puts them
  private_directory,  ///< below one directory, on a tmpfs: nothing stays in an image made of it
};

/// Effective configuration; the defaults are those of the reference (behaviour.md §4.2).
struct Config {
  bool disable_require = false;
  /// Names of variables that replace NVIDIA_VISIBLE_DEVICES where the container has one of them.
  std::vector<std::string> swarm_resources = {};
  bool accept_envvar_when_unprivileged = true;
  bool accept_volume_mounts = false;
  CapabilitySet supported_capabilities = CapabilitySet::all();
  Placement placement = Placement::standard;

  // [nvidia-container-cli]
  std::string driver_root = "/";
  /// The loader cache within the driver root.
  std::string loader_cache = "/etc/ld.so.cache";
  /// Library directories within the driver root that are searched first.
  std::vector<std::string> library_search_path = {};
  /// File that the debug log is appended to; empty: no log.
  std::string debug_log = {};
  bool load_kmods = true;
  /// Leave the device cgroup alone. An override, never a need.
  bool no_cgroups = false;
  /// CUDA_MPS_PIPE_DIRECTORY, from `environment` or the hook's own environment.
  std::string mps_pipe_directory = "/tmp/nvidia-mps";

  // [nvidia-container-runtime]
  /// The runtimes that the shim may execute, names or paths: the first that there is.
  std::vector<std::string> low_level_runtimes = {"runc", "crun"};
  /// File that the shim's debug log is appended to; empty: no log.
  std::string runtime_debug_log = {};

  // [nvidia-container-runtime.modes.legacy]
  CudaCompat cuda_compat = CudaCompat::ldconfig;

  // [features]
  /// Decides for a cuda-compat-mode that is empty or unknown, and for no other.
  bool allow_cuda_compat = false;
  bool ignore_imex_channel_requests = false;
  bool create_imex_channels = true;

  friend bool operator==(const Config&, const Config&) = default;
};

/// A key that a configuration file sets, but for those without effect here.
struct Setting {
  std::string key = {};    ///< nvidia-container-cli.no-cgroups
  std::string where = {};  ///< config.toml:12:5

  friend bool operator==(const Setting&, const Setting&) = default;
};

struct ConfigResult {
  Config config = {};
  /// In no order; of one key the last counts.
  std::vector<Setting> settings = {};
  /// Unknown keys and keys that have no effect here, each with file, line and column.
  Notes notes = {};
};

/// `base` overlaid with the TOML document `text`, read from `filename` (used in messages only).
/// Keys that are absent keep their value; an empty path is the default. Keys that make no sense for
/// this program (`path`, `user`, `no-pivot`, the runtime's tables, …) are notes, unknown keys are
/// warnings. Throws Error(config_invalid), with line and column, for a syntax error, a value of the
/// wrong type, an unknown capability, a driver root that is not absolute, and an `ldconfig` that is
/// not a host path (`@…`; CVE-2024-0136: nothing from the image is ever executed, so the setting
/// could only mean harm).
[[nodiscard]] ConfigResult parse_config(std::string_view text, std::string_view filename,
                                        Config base = {});

}  // namespace nvhook
