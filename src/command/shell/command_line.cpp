// SPDX-License-Identifier: Apache-2.0
// Finds the command's words among the arguments, parses its options, formats the help.
#include "command/shell/command_line.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <sstream>

#include "command/render/table.hpp"
#include "text/nearest.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

constexpr const char* kOperand = "operand";

bool takes_value(const std::string& option) {
  return option == "--color" || option == "--config" || option == "--host-root";
}

/// Returns the positions of arguments that are not options. Only global options are known here, so
/// the value of another option counts as such a word.
std::vector<std::size_t> find_words(const std::vector<std::string>& arguments) {
  std::vector<std::size_t> words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--") break;
    if (takes_value(arguments[i])) {
      ++i;
    } else if (!arguments[i].starts_with('-')) {
      words.push_back(i);
    }
  }
  return words;
}

struct Found {
  const Command* command = nullptr;
  std::string group = {};              ///< the first word of several commands, alone
  std::vector<std::string> rest = {};  ///< the arguments without the command's words
};

/// Whether `name` is `word` and another word.
bool is_in_group(std::string_view name, const std::string& word) {
  return name.starts_with(word + " ");
}

bool is_group(const std::string& word, std::span<const Command> commands) {
  return std::any_of(commands.begin(), commands.end(),
                     [&](const Command& command) { return is_in_group(command.name, word); });
}

[[noreturn]] void refuse_group(const std::string& word, std::span<const Command> commands) {
  std::string known;
  for (const Command& command : commands) {
    if (!is_in_group(command.name, word)) continue;
    known += (known.empty() ? "" : ", ") + std::string(command.name);
  }
  throw UsageFault("`" + word + "` needs a second word: " + known);
}

[[noreturn]] void refuse(const std::string& word, std::span<const Command> commands) {
  std::vector<std::string_view> known;
  for (const Command& command : commands) known.push_back(command.name);
  const std::string near(nearest(word, known));
  throw UsageFault("there is no command `" + word + "`" +
                   (near.empty() ? "" : "; perhaps `" + near + "`"));
}

/// `help list` is `list --help`, and `version` is `--version`, as in other programs.
std::vector<std::string> usual_spelling(std::vector<std::string> arguments) {
  const std::vector<std::size_t> words = find_words(arguments);
  if (words.empty()) return arguments;
  std::string& first = arguments[words[0]];
  if (first == "help" || first == "version") first.insert(0, "--");
  return arguments;
}

/// Of a group alone (`cdi`) the command stays null: that is right for its help only.
Found find_command(const std::vector<std::string>& arguments, std::span<const Command> commands) {
  Found found{.rest = arguments};
  const std::vector<std::size_t> words = find_words(arguments);
  if (words.empty()) return found;
  const auto take = [&found](std::size_t at) {
    found.rest.erase(found.rest.begin() + static_cast<std::ptrdiff_t>(at));
  };
  const std::string& first = arguments[words[0]];
  for (const Command& command : commands) {
    const bool has_two = words.size() > 1 && command.name == first + " " + arguments[words[1]];
    if (command.name != first && !has_two) continue;
    found.command = &command;
    if (has_two) take(words[1]);
    take(words[0]);
    return found;
  }
  if (!is_group(first, commands)) refuse(first, commands);
  if (words.size() > 1) refuse(first + " " + arguments[words[1]], commands);
  found.group = first;
  take(words[0]);
  return found;
}

OptionValues parse_options(const std::vector<std::string>& arguments, const Command* command,
                           GlobalOptions& global) {
  po::options_description options = global_options(global);
  po::positional_options_description operands;
  if (command != nullptr) {
    command->add_options(options);
    if (!command->operands.empty()) {
      options.add_options()(kOperand, po::value<std::vector<std::string>>());
      operands.add(kOperand, -1);
    }
  }
  // No abbreviations: an option that is unambiguous today may not be after the next release.
  constexpr int kStyle =
      po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  const std::string_view name = command == nullptr ? "" : command->name;
  OptionValues values;
  try {
    po::store(po::command_line_parser(arguments)
                  .options(options)
                  .positional(operands)
                  .style(kStyle)
                  .run(),
              values);
    po::notify(values);
  } catch (const po::too_many_positional_options_error&) {
    throw UsageFault("`" + std::string(name) + "` takes no operands", name);
  } catch (const po::error& error) {
    throw UsageFault(error.what(), name);
  }
  return values;
}

}  // namespace

po::options_description global_options(GlobalOptions& global) {
  po::options_description options("Options of every command");
  options.add_options()("json", po::bool_switch(&global.json),
                        "one JSON document on standard output")(
      "color", po::value(&global.color)->value_name("auto|always|never"),
      "whether there is colour; auto minds NO_COLOR")(
      "config", po::value(&global.config_file)->value_name("FILE"),
      "configuration file, in place of the usual ones")(
      "host-root", po::value(&global.host_root)->value_name("DIR"),
      "look at the host whose root file system is at DIR")(
      "verbose,v", po::bool_switch(&global.verbose), "tell on standard error what is done")(
      "help,h", po::bool_switch(&global.help), "this text, or that of a command")(
      "version", po::bool_switch(&global.version), "the version");
  return options;
}

CommandLine parse_command_line(const std::vector<std::string>& arguments,
                               std::span<const Command> commands) {
  const Found found = find_command(usual_spelling(arguments), commands);
  CommandLine line{.command = found.command, .group = found.group};
  line.values = parse_options(found.rest, found.command, line.global);
  if (line.command == nullptr && !line.global.help && !line.global.version) {
    if (!line.group.empty()) refuse_group(line.group, commands);
    throw UsageFault("a command is missing");
  }
  return line;
}

std::string help_text(std::span<const Command> commands, const std::string& group) {
  Table table;
  for (const Command& command : commands) {
    if (!group.empty() && !is_in_group(command.name, group)) continue;
    table.rows.push_back(
        {{"  " + std::string(command.name), {}}, {std::string(command.summary), {}}});
  }
  const std::string words = group.empty() ? "" : group + " ";
  GlobalOptions unused;
  std::ostringstream text;
  text << "Usage: " << kCommandProgram << ' ' << words << "COMMAND [OPTIONS]\n\n";
  if (group.empty()) {
    text << "What this host has for containers, what a container would get or has got, and how to "
            "set engines up.\n\n";
  }
  text << "Commands:\n"
       << to_text(table, {}) << '\n'
       << global_options(unused) << '\n'
       << kCommandProgram << ' ' << words << "COMMAND --help tells more of a command.\n";
  return text.str();
}

std::string help_text(const Command& command) {
  po::options_description own("Options");
  command.add_options(own);
  GlobalOptions unused;
  std::ostringstream text;
  text << "Usage: " << kCommandProgram << ' ' << command.name << " [OPTIONS]"
       << (command.operands.empty() ? "" : " ") << command.operands << "\n\n"
       << command.summary << ".\n";
  if (!command.details.empty()) text << '\n' << command.details << '\n';
  if (!own.options().empty()) text << '\n' << own;
  text << '\n' << global_options(unused);
  return text.str();
}

}  // namespace nvhook
