// SPDX-License-Identifier: Apache-2.0
// Parses config.toml: the keys of NVIDIA's configuration file that have an effect here.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "config/capability.hpp"
#include "config/runtime_mode.hpp"
#include "text/note.hpp"

namespace nvhook {

/// How the CUDA forward compatibility libraries of an image are treated.
enum class CudaCompat {
  ldconfig,  ///< the loader finds them if they are newer than the host driver
  disabled,
};

/// Where the driver's files go in the container.
enum class Placement {
  standard,           ///< where NVIDIA's toolkit puts them
  private_directory,  ///< below one directory on a tmpfs; images made of the container lack them
};

/// The effective configuration, with the defaults of NVIDIA's toolkit (docs/behaviour.md §4.2).
struct Config {
  bool disable_require = false;
  /// Variables that replace NVIDIA_VISIBLE_DEVICES if the container has one of them.
  std::vector<std::string> swarm_resources = {};
  bool accept_envvar_when_unprivileged = true;
  bool accept_volume_mounts = false;
  CapabilitySet supported_capabilities = CapabilitySet::all();
  Placement placement = Placement::standard;
  /// Where a record of each container that asks for GPUs goes: `journal`, or the path of a file;
  /// empty for none.
  std::string audit = {};
  /// GPUs can be asked for as free ones (`any`) and for one container alone (docs/leases.md).
  bool leases = false;
  /// `docker run --gpus N`, which arrives as the list 0 to N-1, means N free GPUs.
  bool lease_count = false;
  /// How long a container waits for GPUs that others hold, in seconds.
  unsigned lease_wait = 0;

  // [nvidia-container-cli]
  std::string driver_root = "/";
  /// The loader cache within the driver root.
  std::string loader_cache = "/etc/ld.so.cache";
  /// Library directories within the driver root that are searched first.
  std::vector<std::string> library_search_path = {};
  /// The file to which the debug log is appended; empty for no log.
  std::string debug_log = {};
  bool load_kmods = true;
  /// Do not change the device cgroup. No container needs this setting.
  bool no_cgroups = false;
  /// CUDA_MPS_PIPE_DIRECTORY, from `environment` or the hook's own environment.
  std::string mps_pipe_directory = "/tmp/nvidia-mps";

  // [nvidia-container-runtime]
  RuntimeMode mode = RuntimeMode::automatic;
  /// The runtimes, names or paths, from which the shim executes the first that exists.
  std::vector<std::string> low_level_runtimes = {"runc", "crun"};
  /// The file to which the shim's debug log is appended; empty for no log.
  std::string runtime_debug_log = {};

  // [nvidia-container-runtime.modes.cdi]
  /// In the mode `cdi`, annotations whose keys begin so name devices.
  std::vector<std::string> annotation_prefixes = {"cdi.k8s.io/"};
  /// In the mode `cdi`, the kind of a device without one. Always one of NVIDIA's.
  std::string default_kind = "nvidia.com/gpu";

  // [nvidia-container-runtime.modes.legacy]
  CudaCompat cuda_compat = CudaCompat::ldconfig;

  // [features]
  /// Used only if cuda-compat-mode is empty or unknown.
  bool allow_cuda_compat = false;
  bool ignore_imex_channel_requests = false;
  bool create_imex_channels = true;

  // No key of the files.
  /// Path of oci-nvidia-probe; if empty, it is searched (GpuQuery::probe).
  std::string probe = {};
  /// How long it may take.
  std::chrono::milliseconds probe_deadline{10'000};

  friend bool operator==(const Config&, const Config&) = default;
};

/// A key that a configuration file sets and that has an effect here.
struct Setting {
  std::string key = {};    ///< nvidia-container-cli.no-cgroups
  std::string where = {};  ///< config.toml:12:5

  friend bool operator==(const Setting&, const Setting&) = default;
};

struct ConfigResult {
  Config config = {};
  /// In no particular order; if a key occurs twice, the last one counts.
  std::vector<Setting> settings = {};
  /// About unknown keys and keys without effect, each with file, line and column.
  Notes notes = {};
};

/// Returns `base` with the values that the TOML document `text` sets. `filename` is used in
/// messages only. A key that is absent keeps its value, an empty path means the default. Keys that
/// make no sense here (`path`, `user`, `no-pivot`, the runtime's tables, …) give a note, unknown
/// keys a warning.
///
/// Throws Error(config_invalid), with line and column, for a syntax error, a value of the wrong
/// type, an unknown capability, a driver root that is not absolute, and an `ldconfig` that is not a
/// host path (`@…`). Nothing from the image is ever executed, so that such an `ldconfig` could only
/// do harm (CVE-2024-0136).
[[nodiscard]] ConfigResult parse_config(std::string_view text, std::string_view filename,
                                        Config base = {});

}  // namespace nvhook
