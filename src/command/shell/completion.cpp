// SPDX-License-Identifier: Apache-2.0
// Generates the script for each shell. All three walk the command line in the same way: words that
// are not options are first the command, then its operands.
#include "command/shell/completion.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <functional>
#include <ostream>
#include <vector>

#include "command/shell/command_line.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

/// What may follow an option or command, derived from its name in the help: fixed words (`a|b`), a
/// file, or unknown.
struct Choice {
  std::vector<std::string> words = {};
  bool is_file = false;
  bool is_directory = false;
};

Choice choice_of(const std::string& name) {
  Choice choice{.is_file = name.find("FILE") != std::string::npos, .is_directory = name == "DIR"};
  for (const std::string_view word : split_list(name, '|')) {
    const bool is_literal = std::all_of(word.begin(), word.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (is_literal) choice.words.emplace_back(word);
  }
  return choice;
}

struct Option {
  std::string name = {};    ///< without dashes
  std::string letter = {};  ///< the short form
  std::string about = {};
  bool has_value = false;
  Choice value = {};
};

std::vector<Option> options_in(const po::options_description& options) {
  std::vector<Option> found;
  for (const auto& each : options.options()) {
    const std::string shown = each->format_name();  // for example `-v [ --verbose ]`
    const bool has_letter = shown.size() > 2 && shown[0] == '-' && shown[1] != '-';
    // A value that may be left out is never a word of its own.
    const bool has_value = each->semantic()->min_tokens() > 0;
    found.push_back({.name = each->long_name(),
                     .letter = has_letter ? shown.substr(1, 1) : std::string(),
                     .about = each->description(),
                     .has_value = has_value,
                     .value = has_value ? choice_of(each->semantic()->name()) : Choice()});
  }
  return found;
}

std::vector<Option> global() {
  GlobalOptions unused;
  return options_in(global_options(unused));
}

std::vector<Option> own(const Command& command) {
  po::options_description options;
  command.add_options(options);
  return options_in(options);
}

/// Returns every option that takes a value, once for each name.
std::vector<Option> with_values(std::span<const Command> commands) {
  std::vector<Option> found;
  const auto add = [&](const std::vector<Option>& options) {
    for (const Option& option : options) {
      const bool is_known = std::any_of(found.begin(), found.end(), [&](const Option& other) {
        return other.name == option.name;
      });
      if (option.has_value && !is_known) found.push_back(option);
    }
  };
  add(global());
  for (const Command& command : commands) add(own(command));
  return found;
}

/// A word that may follow the words `after`.
struct NextWord {
  std::string after = {};
  std::string word = {};
  std::string about = {};
};

std::vector<NextWord> command_words(std::span<const Command> commands) {
  std::vector<NextWord> found;
  for (const Command& command : commands) {
    const auto words = split(command.name, ' ');
    const std::string about(command.summary);
    const std::string first(words[0]);
    const bool is_known = std::any_of(found.begin(), found.end(), [&](const NextWord& other) {
      return other.after.empty() && other.word == first;
    });
    if (!is_known) found.push_back({"", first, words.size() == 1 ? about : first + " …"});
    if (words.size() == 2) found.push_back({first, std::string(words[1]), about});
  }
  return found;
}

/// Returns the words that may follow `after`.
std::vector<NextWord> following(const std::vector<NextWord>& words, const std::string& after) {
  std::vector<NextWord> found;
  std::copy_if(words.begin(), words.end(), std::back_inserter(found),
               [&](const NextWord& word) { return word.after == after; });
  return found;
}

std::vector<std::string> groups_of(std::span<const Command> commands) {
  std::vector<std::string> groups{""};
  for (const NextWord& word : command_words(commands)) {
    if (std::find(groups.begin(), groups.end(), word.after) == groups.end()) {
      groups.push_back(word.after);
    }
  }
  return groups;
}

std::string dashed(const std::vector<Option>& options, const std::string& separator) {
  std::vector<std::string> names;
  for (const Option& option : options) {
    names.push_back("--" + option.name);
    if (!option.letter.empty()) names.push_back("-" + option.letter);
  }
  return join(names, separator);
}

/// Quotes `text` with single quotes for bash and zsh.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// Quotes `text` with single quotes for fish.
std::string fish_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string pattern_of(std::string_view command) {
  const std::string name(command);
  return quoted(name) + "|" + quoted(name + " ") + "*";
}

// ---- bash

std::string bash_choice(const Choice& choice) {
  const std::string fill = "mapfile -t COMPREPLY < <(compgen ";
  if (choice.is_file) return "compopt -o filenames; " + fill + "-f -- \"$current\")";
  if (choice.is_directory) return "compopt -o filenames; " + fill + "-d -- \"$current\")";
  if (choice.words.empty()) return ":";
  return fill + "-W " + quoted(join(choice.words, " ")) + " -- \"$current\")";
}

std::string bash_script(std::span<const Command> commands) {
  const std::vector<Option> values = with_values(commands);
  const std::vector<NextWord> words = command_words(commands);
  std::string text =
      "_oci_nvidia() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local command= word skip= i\n"
      "  COMPREPLY=()\n"
      "  # Of --option=value bash makes three words.\n"
      "  if [[ $current == = ]]; then current=\n"
      "  elif [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    if [[ $word == = ]]; then continue; fi\n"
      "    if [[ -n $skip ]]; then skip=; continue; fi\n"
      "    case $word in\n"
      "      " +
      dashed(values, "|") +
      ") skip=1 ;;\n"
      "      -*) ;;\n"
      "      *) command+=${command:+ }$word ;;\n"
      "    esac\n"
      "  done\n"
      "  case $previous in\n";
  for (const Option& option : values) {
    text += "    " + dashed({option}, "|") + ") " + bash_choice(option.value) + "; return ;;\n";
  }
  text += "  esac\n  if [[ $current == -* ]]; then\n    local options=" +
          quoted(dashed(global(), " ")) + "\n    case $command in\n";
  for (const Command& command : commands) {
    text += "      " + pattern_of(command.name) +
            ") options+=" + quoted(" " + dashed(own(command), " ")) + " ;;\n";
  }
  text +=
      "    esac\n    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
      "    return\n  fi\n  case $command in\n";
  for (const std::string& group : groups_of(commands)) {
    Choice choice;
    for (const NextWord& word : following(words, group)) choice.words.push_back(word.word);
    text += "    " + quoted(group) + ") " + bash_choice(choice) + " ;;\n";
  }
  for (const Command& command : commands) {
    text += "    " + pattern_of(command.name) + ") " +
            bash_choice(choice_of(std::string(command.operands))) + " ;;\n";
  }
  return text + "  esac\n}\ncomplete -F _oci_nvidia oci-nvidia\n";
}

// ---- zsh

std::string zsh_choice(const Choice& choice) {
  if (choice.is_file) return "_files";
  if (choice.is_directory) return "_files -/";
  if (choice.words.empty()) return "_message 'no more words'";
  return "compadd -- " + join(choice.words, " ");
}

std::string zsh_described(const std::vector<Option>& options) {
  std::vector<std::string> words;
  for (const Option& option : options) {
    words.push_back(quoted("--" + option.name + ":" + option.about));
    if (!option.letter.empty()) words.push_back(quoted("-" + option.letter + ":" + option.about));
  }
  return join(words, " ");
}

std::string zsh_script(std::span<const Command> commands) {
  const std::vector<Option> values = with_values(commands);
  const std::vector<NextWord> words = command_words(commands);
  std::string text =
      "#compdef oci-nvidia\n"
      "_oci-nvidia() {\n"
      "  local command= word skip= i\n"
      "  local -a options names\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    word=${words[i]}\n"
      "    if [[ -n $skip ]]; then skip=; continue; fi\n"
      "    case $word in\n"
      "      (" +
      dashed(values, "|") +
      ") skip=1 ;;\n"
      "      (-*) ;;\n"
      "      (*) command+=${command:+ }$word ;;\n"
      "    esac\n"
      "  done\n"
      "  case ${words[CURRENT-1]} in\n";
  for (const Option& option : values) {
    text += "    (" + dashed({option}, "|") + ") " + zsh_choice(option.value) + "; return ;;\n";
  }
  text += "  esac\n  if [[ ${words[CURRENT]} == -* ]]; then\n    options=(" +
          zsh_described(global()) + ")\n    case $command in\n";
  for (const Command& command : commands) {
    text += "      (" + pattern_of(command.name) + ") options+=(" + zsh_described(own(command)) +
            ") ;;\n";
  }
  text += "    esac\n    _describe -o option options\n    return\n  fi\n  case $command in\n";
  for (const std::string& group : groups_of(commands)) {
    std::vector<std::string> names;
    for (const NextWord& word : following(words, group)) {
      names.push_back(quoted(word.word + ":" + word.about));
    }
    text += "    (" + quoted(group) + ") names=(" + join(names, " ") +
            "); _describe command names ;;\n";
  }
  for (const Command& command : commands) {
    text += "    (" + pattern_of(command.name) + ") " +
            zsh_choice(choice_of(std::string(command.operands))) + " ;;\n";
  }
  // zsh either autoloads the file from a directory of functions or sources it.
  return text +
         "  esac\n}\nif [[ ${funcstack[1]} == _oci-nvidia ]]; then\n  _oci-nvidia \"$@\"\n"
         "else\n  compdef _oci-nvidia oci-nvidia\nfi\n";
}

// ---- fish

std::string fish_line(const std::string& condition, const std::string& rest) {
  return "complete -c oci-nvidia" +
         (condition.empty() ? std::string() : " -n " + fish_quoted(condition)) + rest + "\n";
}

std::string fish_choice(const Choice& choice) {
  if (choice.is_file) return " -r -F";
  if (choice.is_directory) return " -x -a '(__fish_complete_directories)'";
  return choice.words.empty() ? " -x" : " -x -a " + fish_quoted(join(choice.words, " "));
}

std::string fish_option(const Option& option, const std::string& condition) {
  std::string rest = " -l " + option.name;
  if (!option.letter.empty()) rest += " -s " + option.letter;
  if (option.has_value) rest += fish_choice(option.value);
  return fish_line(condition, rest + " -d " + fish_quoted(option.about));
}

std::string fish_script(std::span<const Command> commands) {
  std::string text =
      "function __oci_nvidia_words\n"
      "  set -l skip\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    if set -q skip[1]\n"
      "      set -e skip[1]\n"
      "      continue\n"
      "    end\n"
      "    switch $word\n"
      "      case " +
      dashed(with_values(commands), " ") +
      "\n"
      "        set skip 1\n"
      "      case '-*'\n"
      "      case '*'\n"
      "        echo $word\n"
      "    end\n"
      "  end\n"
      "end\n"
      "function __oci_nvidia_at\n"
      "  set -l words (__oci_nvidia_words)\n"
      "  test \"$words\" = \"$argv\"\n"
      "end\n"
      "function __oci_nvidia_in\n"
      "  set -l words (__oci_nvidia_words)\n"
      "  string match -q -- \"$argv *\" \"$words \"\n"
      "end\n"
      "complete -c oci-nvidia -f\n";
  for (const Option& option : global()) text += fish_option(option, "");
  for (const NextWord& word : command_words(commands)) {
    text += fish_line("__oci_nvidia_at " + word.after,
                      " -a " + word.word + " -d " + fish_quoted(word.about));
  }
  for (const Command& command : commands) {
    const std::string inside = "__oci_nvidia_in " + std::string(command.name);
    const Choice operands = choice_of(std::string(command.operands));
    if (operands.is_file) text += fish_line(inside, " -F");
    if (!operands.words.empty()) {
      text += fish_line(inside, " -a " + fish_quoted(join(operands.words, " ")));
    }
    for (const Option& option : own(command)) text += fish_option(option, inside);
  }
  return text;
}

}  // namespace

std::string completion_script(const std::string& shell, std::span<const Command> commands) {
  if (shell == "bash") return bash_script(commands);
  if (shell == "zsh") return zsh_script(commands);
  if (shell == "fish") return fish_script(commands);
  return {};
}

void add_completion_options(po::options_description& /*options*/) {}

Outcome run_completion(const OptionValues& values, CommandContext& context) {
  const auto shells = values.count("operand") == 0
                          ? std::vector<std::string>{}
                          : values["operand"].as<std::vector<std::string>>();
  const std::string script =
      shells.size() == 1 ? completion_script(shells[0], all_commands()) : std::string();
  if (script.empty()) {
    throw UsageFault("`completion` needs one shell: " + std::string(kCompletionOperands));
  }
  context.out << script;
  return Outcome::good;
}

}  // namespace nvhook
