// SPDX-License-Identifier: Apache-2.0
// A command line of `nvidia-ctk`, in the syntax of NVIDIA's program.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

struct CtkContext;
struct CtkLine;

enum class FlagKind {
  boolean,
  text,
  list,   ///< may be repeated, and each value is a list with commas
  words,  ///< may be repeated; a comma is part of the value
};

/// One option of NVIDIA's program.
struct CtkFlag {
  /// Its names without dashes, separated by blanks. The first one is its name here.
  std::string_view names = {};
  FlagKind kind = FlagKind::text;
  std::string_view summary = {};
  /// CtkEnvironment variables, separated by blanks. The first one that has a value counts if the
  /// option is not given.
  std::string_view variables = {};
  /// The option of `oci-nvidia` that means the same: `--dev-root`. Empty: the command decides.
  std::string_view ours = {};
  /// Why the option has no effect here. Empty: it has one.
  std::string_view no_effect = {};
};

struct CtkCommand {
  /// `cdi generate`. What stands before the last word is a group.
  std::string_view name = {};
  std::string_view summary = {};
  std::span<const CtkFlag> flags = {};
  /// Throws Error and UsageFault. Null: a group without commands.
  void (*run)(const CtkLine& line, CtkContext& context) = nullptr;
  /// What follows is for another program, and not parsed.
  bool takes_anything = false;
};

/// The values of options by the first of their names.
class FlagValues {
 public:
  void add(const CtkFlag& flag, const std::string& value);

  [[nodiscard]] bool is_set(std::string_view name) const;
  /// Whether a boolean option is on.
  [[nodiscard]] bool is_on(std::string_view name) const;
  /// The last value; empty if the option is not set.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// The environment variables that are set, by name.
using CtkEnvironment = std::map<std::string, std::string>;

struct CtkLine {
  /// Null: none is named, or only a group.
  const CtkCommand* command = nullptr;
  std::string group = {};  ///< the words of a group, if no command is named
  FlagValues global = {};
  FlagValues values = {};
  /// Words after the command, which NVIDIA's program ignores.
  std::vector<std::string> ignored = {};
};

/// The options that every command has.
[[nodiscard]] std::span<const CtkFlag> ctk_global_flags();

/// Parses `arguments`, which exclude argv[0]. An option has one or two dashes; its value is the
/// next word or follows `=`, that of a boolean one always follows `=`. Options of every command may
/// stand anywhere. Throws UsageFault, which names the word that was probably meant.
[[nodiscard]] CtkLine parse_ctk_line(const std::vector<std::string>& arguments,
                                     const CtkEnvironment& environment,
                                     std::span<const CtkCommand> commands);

/// Returns the help for `line`: of its command, of its group, or the list of all commands.
[[nodiscard]] std::string ctk_help(const CtkLine& line, std::span<const CtkCommand> commands);

}  // namespace nvhook
