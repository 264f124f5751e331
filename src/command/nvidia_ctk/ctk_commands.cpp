// SPDX-License-Identifier: Apache-2.0
// Commands with an equal in `oci-nvidia` are translated and run by it; the others are called.
#include "command/nvidia_ctk/ctk_commands.hpp"

#include <algorithm>
#include <array>
#include <ostream>
#include <set>
#include <sstream>

#include "command/cdi/cdi_files.hpp"
#include "command/engines/engine_files.hpp"
#include "command/nvidia_ctk/ctk_config.hpp"
#include "command/nvidia_ctk/ctk_system.hpp"
#include "command/nvidia_ctk/ctk_translation.hpp"
#include "command/shell/command_line.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::array kListFlags{
    CtkFlag{.names = "spec-dir",
            .kind = FlagKind::list,
            .summary = "look there, and not in /etc/cdi and /var/run/cdi; the last counts most",
            .variables = "NVIDIA_CTK_CDI_SPEC_DIRS"},
};

/// Runs a command line of `oci-nvidia`. What it prints for people becomes messages.
void run_words(const CtkTranslation& translation, const CtkLine& line, CtkContext& context) {
  context.log.write(translation.messages);
  context.log.debug(std::string(kCommandProgram) + " " + join(translation.words, " "));
  const CommandLine ours = parse_command_line(translation.words, all_commands());
  CommandContext& outer = context.command;
  std::ostringstream told;
  CommandContext inner{.caller = outer.caller,
                       .system = outer.system,
                       .config_file = line.global.text("config"),
                       .out = outer.out,
                       .err = told};
  if (line.global.is_on("debug") && !line.global.is_on("quiet")) inner.log.use_stderr();
  try {
    static_cast<void>(ours.command->run(ours.values, inner));
  } catch (...) {
    context.log.write_lines(told.str());
    throw;
  }
  context.log.write_lines(told.str());
}

FindProgram programs_of(const CommandContext& context) {
  return [&context](const std::string& name) { return find_program(context.system, name); };
}

void run_generate(const CtkLine& line, CtkContext& context) {
  run_words(translate_generate(line.values, programs_of(context.command)), line, context);
}

void run_transform_root(const CtkLine& line, CtkContext& context) {
  run_words(translate_transform_root(line.values), line, context);
}

void run_configure(const CtkLine& line, CtkContext& context) {
  if (wants_hook_definition(line.values)) {
    const std::string path =
        line.values.is_on("dry-run") ? std::string() : line.values.text("oci-hook-path");
    write_or_print(path, hook_definition(line.values), context);
    return;
  }
  run_words(translate_configure(line.values, programs_of(context.command)), line, context);
}

/// One name on each line, as scripts read it; the table of `oci-nvidia cdi list` is for people.
void run_list(const CtkLine& line, CtkContext& context) {
  auto directories = line.values.list("spec-dir");
  if (directories.empty()) directories = {"/etc/cdi", "/var/run/cdi"};
  for (std::string& directory : directories) {
    directory = path_from_caller(directory, context.command);
  }
  const auto files = read_cdi_files(context.command.system, directories);
  std::set<std::string> names;
  for (const CdiFile& file : files) {
    if (!file.spec) context.log.warning(file.path + ": " + file.error);
  }
  for (const CdiEntry& entry : cdi_entries(files)) {
    if (entry.state == CdiEntryState::usable) names.insert(entry.name);
    if (entry.state == CdiEntryState::conflict) {
      context.log.warning(entry.name + " is in " + entry.file + " and in " + entry.other_file +
                          ", so that engines refuse it");
    }
  }
  context.log.info("Found " + std::to_string(names.size()) + " CDI devices");
  for (const std::string& name : names) context.command.out << printable(name) << '\n';
}

void refuse_hook(const CtkLine& /*line*/, CtkContext& /*context*/) {
  throw UsageFault(
      "`hook` is for engines, and served by /usr/bin/nvidia-ctk, which is another program than "
      "this one: start it by that name");
}

constexpr CtkCommand kHook{.name = "hook",
                           .summary = "hooks for a CDI specification",
                           .run = refuse_hook,
                           .takes_anything = true};
constexpr CtkCommand kInfo{.name = "info", .summary = "facts about this host: there are none yet"};

std::array<CtkCommand, 10> make_commands() {
  return {
      CtkCommand{"cdi generate", "writes this host's GPUs as a CDI specification", generate_flags(),
                 run_generate},
      CtkCommand{"cdi list", "prints the device names that specifications define", kListFlags,
                 run_list},
      CtkCommand{"cdi transform root", "replaces the root of the paths in a specification",
                 transform_root_flags(), run_transform_root},
      CtkCommand{"runtime configure", "configures an engine to use the runtime", configure_flags(),
                 run_configure},
      CtkCommand{"config", "prints and changes the configuration", config_flags(), run_ctk_config},
      CtkCommand{"config default", "prints the configuration as NVIDIA's program makes it",
                 config_default_flags(), run_ctk_config_default},
      CtkCommand{"system create-device-nodes", "makes the driver's device nodes",
                 create_device_nodes_flags(), run_create_device_nodes},
      CtkCommand{"system create-dev-char-symlinks", "makes links to them in /dev/char",
                 create_dev_char_symlinks_flags(), run_create_dev_char_symlinks},
      kInfo,
      kHook};
}

void add_variables(std::span<const CtkFlag> flags, std::vector<std::string>& names) {
  for (const CtkFlag& flag : flags) {
    for (const std::string_view name : split_list(flag.variables, ' ')) names.emplace_back(name);
  }
}

}  // namespace

std::span<const CtkCommand> ctk_commands() {
  static const std::array<CtkCommand, 10> commands = make_commands();
  return commands;
}

std::vector<std::string> ctk_variables() {
  std::vector<std::string> names;
  add_variables(ctk_global_flags(), names);
  for (const CtkCommand& command : ctk_commands()) add_variables(command.flags, names);
  return names;
}

void write_or_print(const std::string& path, const std::string& text, CtkContext& context) {
  if (path.empty()) {
    context.command.out << text;
    return;
  }
  const RootDir& system = context.command.system;
  const std::string absolute = path_from_caller(path, context.command);
  FileChange change{.path = absolute, .before = read_engine_file(system, absolute)};
  change.after = text;
  if (change.is_needed()) write_change(system, change);
}

}  // namespace nvhook
