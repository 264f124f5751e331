// SPDX-License-Identifier: Apache-2.0
// One command of `oci-nvidia`: its name, help and options, and what it works with.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <functional>
#include <iosfwd>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "command/render/style.hpp"
#include "config/config.hpp"
#include "os/log.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

inline constexpr const char* kCommandProgram = "oci-nvidia";

/// The values of a command's options by name.
using OptionValues = boost::program_options::variables_map;

/// Exit statuses of `oci-nvidia` in addition to those of Error (see exit_status). good: everything
/// is as it should be. warning: not quite, or not what the host has now. broken: it does not work.
enum class Outcome { good = 0, warning = 1, usage = 2, broken = 3 };

/// An invalid command line; what() says what is wrong.
class UsageFault : public std::runtime_error {
 public:
  /// `command` is the one whose help tells more, if one was named.
  explicit UsageFault(const std::string& what, std::string_view command = {})
      : std::runtime_error(what), command_(command) {}

  [[nodiscard]] const std::string& command() const noexcept { return command_; }

 private:
  std::string command_;
};

/// What every command works with.
struct CommandContext {
  const CallerContext& caller;
  /// Root of the host to examine: `/`, or the directory of --host-root.
  const RootDir& system;
  /// --config; empty: the default files (load_config).
  std::string config_file = {};
  /// --json: prints one document on `out`, whatever the outcome.
  bool json = false;
  Style style = {};
  std::ostream& out;  ///< the data, for standard output
  std::ostream& err;  ///< messages: notes, progress, what was done
  /// Shows what `out` has got so far, for a command that goes on; everything else is shown at the
  /// end. Returns false if nobody reads it any more.
  std::function<bool()> show_now = [] { return true; };
  Log log = {};
};

/// Returns the operands of a command line, in order.
[[nodiscard]] inline std::vector<std::string> operands_of(const OptionValues& values) {
  if (!values.contains("operand")) return {};
  return values["operand"].as<std::vector<std::string>>();
}

struct Command {
  /// As typed: `list`, `cdi generate`.
  std::string_view name;
  /// Operands after the options: `PID|CONTAINER`; empty if the command takes none.
  std::string_view operands;
  /// One line for the list of commands, without a full stop.
  std::string_view summary;
  /// The paragraphs of its own help.
  std::string_view details;
  /// Adds the command's options. Operands are stored under the name `operand`, as
  /// std::vector<std::string>.
  void (*add_options)(boost::program_options::options_description& options);
  /// Throws Error, and UsageFault for options that contradict each other.
  Outcome (*run)(const OptionValues& values, CommandContext& context);
};

/// Returns all commands, in the order of the help.
[[nodiscard]] std::span<const Command> all_commands();

}  // namespace nvhook
