// SPDX-License-Identifier: Apache-2.0
// The command line of an OCI runtime, as far as a program that stands before one must know it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

struct RuntimeCommand {
  /// `create` or `run`: a config.json is about to be read.
  bool makes_container = false;
  /// Directory with config.json; relative to the working directory, which is the default.
  std::string bundle = ".";
  /// File that the engine reads the runtime's errors from; empty if there is none.
  std::string log = {};
  bool log_is_json = false;
  bool wants_version = false;

  friend bool operator==(const RuntimeCommand&, const RuntimeCommand&) = default;
};

/// `arguments` without argv[0], of runc, crun, youki and their like: global options, the command,
/// its options. One dash or two, `--option value` or `--option=value`; of an option given twice the
/// last counts. The command is the first word that is a runtime's command, so that options that are
/// not known here, with or without a value, do no harm.
[[nodiscard]] RuntimeCommand parse_runtime_command(const std::vector<std::string>& arguments);

/// An entry of the file that `--log` names, with its line end, in the form that runc writes: what
/// containerd and so Docker show their user. `time` is in RFC 3339.
[[nodiscard]] std::string runtime_log_entry(std::string_view message, std::string_view time,
                                            bool is_json);

}  // namespace nvhook
