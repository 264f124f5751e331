// SPDX-License-Identifier: Apache-2.0
// Options and variables of NVIDIA's `nvidia-toolkit` (nvidia-ctk-installer). Pure.
// Source: NVIDIA's container toolkit 1.17 to 1.20, cmd/nvidia-ctk-installer, and its GPU operator.
#pragma once

#include <string>
#include <vector>

#include "command/nvidia_ctk/ctk_line.hpp"

namespace nvhook {

inline constexpr const char* kToolkitProgram = "nvidia-toolkit";

/// Paths are those of the container, but for `drop_in_on_host` and `driver_root`.
struct ToolkitOptions {
  std::string root = "/usr/local/nvidia";  ///< also on the host; the programs are in toolkit/ below
  std::string pid_file = "/run/nvidia/toolkit/toolkit.pid";
  std::string host_root = "/host";
  bool no_daemon = false;
  std::string engine = {};           ///< containerd or crio
  std::string engine_config = {};    ///< as it is mounted
  std::string drop_in = {};          ///< as it is mounted
  std::string drop_in_on_host = {};  ///< the same file
  std::string socket = {};
  std::string restart_mode = {};  ///< signal, systemd, none; empty: by the engine
  bool by_hook = false;           ///< CRI-O: a definition of the hook in place of handlers
  bool set_default = true;
  bool cdi = false;
  std::string cdi_directory = "/var/run/cdi";
  std::string driver_root = "/run/nvidia/driver";
  std::string mode = {};
  std::string default_kind = {};
  std::vector<std::string> annotation_prefixes = {};
  std::vector<std::string> runtimes = {};
  bool accept_variables = true;
  bool accept_volume_mounts = false;
  bool help = false;
  std::vector<std::string> warnings = {};
};

/// Throws UsageFault for what cannot be done here.
[[nodiscard]] ToolkitOptions parse_toolkit_options(const std::vector<std::string>& arguments,
                                                   const CtkEnvironment& environment);

/// Returns the names of all variables that count.
[[nodiscard]] std::vector<std::string> toolkit_variables();

/// Returns the help.
[[nodiscard]] std::string toolkit_help();

}  // namespace nvhook
