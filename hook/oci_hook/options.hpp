// SPDX-License-Identifier: Apache-2.0
// The hook's command line, in the syntax of Go's flag package, because that is what callers write.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace nvhook {

enum class Command {
  run,  ///< prestart, createRuntime, createContainer, startContainer: the stage is detected, not
        ///< believed
  precreate,            ///< a config.json on stdin, the edited one on stdout
  create_device_nodes,  ///< of the host: at boot, for containers that may not make them
  remove_drop_ins,      ///< of the host: ours for systemd scopes that are gone
  nothing,              ///< poststart, poststop
  version,
  help,
};

struct Options {
  Command command = Command::run;
  std::string config_file = {};
  bool debug = false;
  bool dry_run = false;
  /// config.json was edited: only what it leaves is done.
  bool complete = false;
  /// A CDI specification gave the container its devices: what it leaves is done, with these
  /// capabilities (`all`, or names with commas between them).
  std::optional<std::string> cdi = {};
};

class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// `arguments` without argv[0]. One or two dashes are the same, `-flag=value` or `-flag value`,
/// flags before the command; what follows the command is ignored. Throws UsageError.
[[nodiscard]] Options parse_options(const std::vector<std::string>& arguments);

/// The usage text for a program called `name`.
[[nodiscard]] std::string usage(const std::string& name);

}  // namespace nvhook
