// SPDX-License-Identifier: Apache-2.0
// One command of `oci-nvidia`: how it is called, what it is for, and what it works with.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <iosfwd>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "command/render/style.hpp"
#include "config/config.hpp"
#include "os/log.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

inline constexpr const char* kCommandProgram = "oci-nvidia";

/// The values of a command's options, by their names.
using OptionValues = boost::program_options::variables_map;

/// Exit statuses of `oci-nvidia` besides those of Error (see exit_status): what was looked at is as
/// it should be; it is not quite, or it is not what is there now; it is broken.
enum class Outcome { good = 0, warning = 1, usage = 2, broken = 3 };

/// A command line that means nothing; what() says what is wrong with it.
class UsageFault : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What every command works with.
struct CommandContext {
  const CallerContext& caller;
  /// Root of the host that is looked at: `/`, or what --host-root names.
  const RootDir& system;
  /// --config; empty: the usual files (load_config).
  std::string config_file = {};
  /// --json: one document on `out`, whatever the outcome.
  bool json = false;
  Style style = {};
  std::ostream& out;  ///< data
  std::ostream& err;  ///< talk: notes, progress, what was done
  Log log = {};
};

struct Command {
  /// As it is typed: `list`, `cdi generate`.
  std::string_view name;
  /// What follows the options: `PID|CONTAINER`; empty if nothing may.
  std::string_view operands;
  /// One line for the list of commands, without full stop.
  std::string_view summary;
  /// Paragraphs for its own help.
  std::string_view details;
  /// Adds its options. Words that are not options come under the name `operand`, as
  /// std::vector<std::string>.
  void (*add_options)(boost::program_options::options_description& options);
  /// Throws Error, and UsageFault for options that contradict each other.
  Outcome (*run)(const OptionValues& values, CommandContext& context);
};

/// All commands, in the order of the help.
[[nodiscard]] std::span<const Command> all_commands();

}  // namespace nvhook
