// SPDX-License-Identifier: Apache-2.0
// The command line of nvidia-container-cli (docs/behaviour.md §9) as a value. The syntax is that of
// GNU argp.
#pragma once

#include <sys/types.h>

#include <string>
#include <variant>
#include <vector>

#include "nvidia_cli/cli_request.hpp"
#include "nvidia_cli/cli_text.hpp"

namespace nvhook {

enum class CliCommand { info, list, configure };

struct CliOptions {
  // global
  std::string debug_file = {};
  std::string driver_root = {};
  std::string loader_cache = {};
  bool load_kmods = false;
  bool create_imex_channels = true;
  CliCommand command = CliCommand::info;
  // info
  InfoFormat format = InfoFormat::text;
  // list, configure
  CliSelection selection = {};
  ListSections sections = {};
  // configure
  std::string pid = {};  ///< as written; empty: not given, standalone
  std::string rootfs = {};
  bool no_cgroups = false;
  bool no_cntlibs = false;
  std::vector<std::string> cuda_compat_modes = {};
  /// Options that were given and have no effect in this program, each with the reason.
  std::vector<std::string> without_effect = {};
};

/// Parses `arguments`, which exclude argv[0]. Returns the exit status instead if there is nothing
/// left to do: help and version were printed on standard output, or a usage error on standard
/// error. Global options precede the command; long options may be abbreviated.
[[nodiscard]] std::variant<CliOptions, int> parse_cli_options(
    const std::string& name, const std::vector<std::string>& arguments);

}  // namespace nvhook
