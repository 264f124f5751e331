// SPDX-License-Identifier: Apache-2.0
// The part of a runtime's command line that the runtime shim must understand.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace nvhook {

struct RuntimeCommand {
  /// The command is `create` or `run`: the runtime is about to read config.json.
  bool makes_container = false;
  /// Directory of config.json, relative to the working directory, which is the default.
  std::string bundle = ".";
  /// The file from which the engine reads the runtime's errors; empty if there is none.
  std::string log = {};
  bool log_is_json = false;
  bool wants_version = false;
  /// The value of `--root`, the directory of the runtime's state; empty if it is not given.
  std::string root = {};
  /// Of a command for a container that exists: the words that may be its id, in order. Values of
  /// unknown options may be among them.
  std::vector<std::string> operands = {};
  /// Of `update`: the file with the new resources, `-` for standard input; empty if there is none.
  std::string resources = {};

  friend bool operator==(const RuntimeCommand&, const RuntimeCommand&) = default;
};

/// Returns whether `name`, the last component of argv[0], is one of the runtime shim. Where the GPU
/// Operator installs a script under a program's name, the program has the ending `.real`.
[[nodiscard]] bool is_runtime_shim(std::string_view name);

/// Returns the mode that the name of the runtime shim says, as in NVIDIA's packages (`.cdi`,
/// `.legacy`); nullopt if it says none and the configuration counts.
[[nodiscard]] std::optional<RuntimeMode> mode_of_shim(std::string_view name);

/// Parses `arguments`, without argv[0], of runc, crun, youki and similar runtimes: global options,
/// the command, its options. Options start with one dash or two and are written `--option value` or
/// `--option=value`; if one is given twice, the last one counts. The command is the first word that
/// is a runtime's command, so that unknown options, with or without a value, do no harm.
[[nodiscard]] RuntimeCommand parse_runtime_command(const std::vector<std::string>& arguments);

/// Returns `arguments`, the command line of an `update`, with `-` in the place of the file with the
/// new resources.
[[nodiscard]] std::vector<std::string> with_resources_on_standard_input(
    std::vector<std::string> arguments);

/// Returns an entry, with its line end, for the file named by `--log`, in the format of runc.
/// containerd, and so Docker, show it to their users. `time` is in RFC 3339.
[[nodiscard]] std::string runtime_log_entry(std::string_view message, std::string_view time,
                                            bool is_json);

}  // namespace nvhook
