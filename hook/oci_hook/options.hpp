// SPDX-License-Identifier: Apache-2.0
// The hook's command line as a value. It has the syntax of Go's flag package, which callers use.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace nvhook {

enum class Command {
  run,  ///< prestart, createRuntime, createContainer, startContainer: the stage is detected, the
        ///< argument is not trusted
  precreate,            ///< reads a config.json on stdin, prints the edited one on stdout
  create_device_nodes,  ///< on the host, at boot: for containers that cannot make them
  remove_drop_ins,      ///< on the host: removes our drop-ins of systemd scopes that are gone
  nothing,              ///< poststart, poststop
  version,
  help,
};

struct Options {
  Command command = Command::run;
  std::string config_file = {};
  bool debug = false;
  bool dry_run = false;
  /// config.json was edited: do only what the edit left to the hook.
  bool complete = false;
  /// A CDI specification gave the container its devices: do only what it left, with these
  /// capabilities (`all`, or names separated by commas).
  std::optional<std::string> cdi = {};
  /// The mode of the runtime shim that edited config.json, which its name may have told.
  std::optional<RuntimeMode> mode = {};
};

class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Parses `arguments`, which exclude argv[0]. A flag has one or two dashes and is written
/// `-flag=value` or `-flag value`; flags precede the command, and what follows the command is
/// ignored. Throws UsageError.
[[nodiscard]] Options parse_options(const std::vector<std::string>& arguments);

/// Returns the usage text of a program called `name`.
[[nodiscard]] std::string usage(const std::string& name);

}  // namespace nvhook
