// SPDX-License-Identifier: Apache-2.0
// Walks the words from left to right: words lead to a command, options belong to it or to all.
#include "command/nvidia_ctk/ctk_line.hpp"

#include <algorithm>
#include <array>

#include "command/shell/command.hpp"
#include "text/nearest.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::array kGlobalFlags{
    CtkFlag{.names = "debug d",
            .kind = FlagKind::boolean,
            .summary = "tell more on standard error",
            .variables = "NVIDIA_CTK_DEBUG"},
    CtkFlag{.names = "quiet",
            .kind = FlagKind::boolean,
            .summary = "tell nothing but errors; overrides --debug",
            .variables = "NVIDIA_CTK_QUIET"},
    CtkFlag{.names = "config config-file",
            .summary = "configuration file, in place of the usual ones",
            .variables = "NVIDIA_CTK_CONFIG"},
    CtkFlag{.names = "help h", .kind = FlagKind::boolean, .summary = "this text"},
    CtkFlag{.names = "version v", .kind = FlagKind::boolean, .summary = "the version"},
};

std::vector<std::string> words_of(std::string_view text) {
  const auto words = split_list(text, ' ');
  return {words.begin(), words.end()};
}

std::string name_of(const CtkFlag& flag) { return words_of(flag.names).front(); }

const CtkFlag* find_flag(std::span<const CtkFlag> flags, std::string_view name) {
  const auto found = std::find_if(flags.begin(), flags.end(), [&](const CtkFlag& flag) {
    const auto names = words_of(flag.names);
    return std::find(names.begin(), names.end(), name) != names.end();
  });
  return found == flags.end() ? nullptr : &*found;
}

const CtkCommand* find_command(std::span<const CtkCommand> commands, std::string_view name) {
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const CtkCommand& each) { return each.name == name; });
  return found == commands.end() ? nullptr : &*found;
}

bool is_group(std::span<const CtkCommand> commands, const std::string& name) {
  return std::any_of(commands.begin(), commands.end(), [&](const CtkCommand& command) {
    return command.name.starts_with(name + " ") || (command.name == name && !command.run);
  });
}

/// Returns the words that may follow `group`, which is empty for the first word.
std::vector<std::string> words_after(std::span<const CtkCommand> commands,
                                     const std::string& group) {
  std::vector<std::string> words;
  const std::string prefix = group.empty() ? "" : group + " ";
  for (const CtkCommand& command : commands) {
    if (!command.name.starts_with(prefix)) continue;
    const std::string_view rest = command.name.substr(prefix.size());
    const std::string word(rest.substr(0, rest.find(' ')));
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  return words;
}

std::string is_meant(std::string_view near, const std::string& dashes = {}) {
  return near.empty() ? std::string() : "; perhaps `" + dashes + std::string(near) + "`";
}

/// NVIDIA's program has had other words for the same.
std::string usual_word(const std::string& word) {
  return word == "create-default" || word == "generate-default" ? "default" : word;
}

class Parser {
 public:
  Parser(const std::vector<std::string>& arguments, std::span<const CtkCommand> commands)
      : arguments_(arguments), commands_(commands) {}

  CtkLine parse() {
    bool only_operands = false;
    while (at_ < arguments_.size()) {
      const std::string& word = arguments_[at_++];
      only_operands |= line_.command != nullptr && line_.command->takes_anything;
      if (only_operands || word.empty() || word == "-" || word.front() != '-') {
        take_word(word);
      } else if (word == "--") {
        only_operands = true;
      } else {
        take_option(word);
      }
    }
    if (line_.command == nullptr) line_.group = path_;
    return std::move(line_);
  }

 private:
  void take_word(const std::string& word) {
    const std::string longer = path_.empty() ? word : path_ + " " + usual_word(word);
    const CtkCommand* const command = find_command(commands_, longer);
    if (command != nullptr || is_group(commands_, longer)) {
      path_ = longer;
      line_.command = command != nullptr && command->run ? command : nullptr;
    } else if (line_.command != nullptr) {
      line_.ignored.push_back(word);
    } else if (word == "help" || word == "h") {
      line_.global.add(*find_flag(kGlobalFlags, "help"), "true");
    } else {
      const auto known = words_after(commands_, path_);
      const std::string_view near = nearest(word, {known.begin(), known.end()});
      throw UsageFault("there is no command `" + longer + "`" +
                       (near.empty() ? "; there is: " + join(known, ", ") : is_meant(near)));
    }
  }

  void take_option(const std::string& word) {
    const std::size_t start = word.starts_with("--") ? 2 : 1;
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(start, equals - start);
    const auto own = line_.command == nullptr ? std::span<const CtkFlag>() : line_.command->flags;
    const CtkFlag* flag = find_flag(own, name);
    FlagValues& values = flag != nullptr ? line_.values : line_.global;
    if (flag == nullptr) flag = find_flag(kGlobalFlags, name);
    if (flag == nullptr) refuse(word.substr(0, equals), name, own);
    if (equals != std::string::npos) {
      values.add(*flag, word.substr(equals + 1));
    } else if (flag->kind == FlagKind::boolean) {
      values.add(*flag, "true");
    } else if (at_ < arguments_.size()) {
      values.add(*flag, arguments_[at_++]);
    } else {
      throw UsageFault("`" + word + "` needs a value");
    }
  }

  [[noreturn]] void refuse(const std::string& word, const std::string& name,
                           std::span<const CtkFlag> own) const {
    std::vector<std::string> known;
    for (const auto flags : {own, std::span<const CtkFlag>(kGlobalFlags)}) {
      for (const CtkFlag& flag : flags) {
        for (std::string& each : words_of(flag.names)) known.push_back(std::move(each));
      }
    }
    const std::string of = path_.empty() ? "" : "`" + path_ + "` has ";
    throw UsageFault((of.empty() ? "there is " : of) + "no option `" + word + "`" +
                     is_meant(nearest(name, {known.begin(), known.end()}), "--"));
  }

  const std::vector<std::string>& arguments_;
  std::span<const CtkCommand> commands_;
  std::size_t at_ = 0;
  std::string path_ = {};
  CtkLine line_ = {};
};

void add_from_environment(std::span<const CtkFlag> flags, const CtkEnvironment& environment,
                          FlagValues& values) {
  for (const CtkFlag& flag : flags) {
    if (values.is_set(name_of(flag))) continue;
    for (const std::string& variable : words_of(flag.variables)) {
      const auto found = environment.find(variable);
      if (found == environment.end() || trim(found->second).empty()) continue;
      values.add(flag, std::string(trim(found->second)));
      break;
    }
  }
}

/// `--output FILE`, `-o`, one column of the help.
std::string shown(const CtkFlag& flag) {
  std::string text;
  for (const std::string& name : words_of(flag.names)) {
    text += (text.empty() ? "" : ", ") + std::string(name.size() == 1 ? "-" : "--") + name;
  }
  return text + (flag.kind == FlagKind::boolean ? "" : " VALUE");
}

std::string list_of(const std::string& title, std::span<const CtkFlag> flags) {
  std::string text = "\n" + title + ":\n";
  for (const CtkFlag& flag : flags) {
    text += "  " + shown(flag) + "\n        " +
            (flag.no_effect.empty() ? std::string(flag.summary)
                                    : "no effect here: " + std::string(flag.no_effect));
    if (!flag.variables.empty()) {
      text += " [$" + join(words_of(flag.variables), ", $") + "]";
    }
    text += "\n";
  }
  return text;
}

}  // namespace

void FlagValues::add(const CtkFlag& flag, const std::string& value) {
  auto& values = values_[name_of(flag)];
  if (flag.kind == FlagKind::list) {
    for (const std::string_view each : split_list(value, ',')) values.emplace_back(each);
    return;
  }
  if (flag.kind == FlagKind::boolean && !parse_bool(value)) {
    throw UsageFault("`--" + name_of(flag) + "` is true or false, not `" + value + "`");
  }
  values.push_back(value);
}

bool FlagValues::is_set(std::string_view name) const { return values_.contains(name); }

bool FlagValues::is_on(std::string_view name) const {
  return parse_bool(text(name)).value_or(false);
}

std::string FlagValues::text(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() || found->second.empty() ? "" : found->second.back();
}

std::vector<std::string> FlagValues::list(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

std::span<const CtkFlag> ctk_global_flags() { return kGlobalFlags; }

CtkLine parse_ctk_line(const std::vector<std::string>& arguments, const CtkEnvironment& environment,
                       std::span<const CtkCommand> commands) {
  CtkLine line = Parser(arguments, commands).parse();
  add_from_environment(kGlobalFlags, environment, line.global);
  if (line.command != nullptr) {
    add_from_environment(line.command->flags, environment, line.values);
  }
  return line;
}

std::string ctk_help(const CtkLine& line, std::span<const CtkCommand> commands) {
  if (line.command != nullptr) {
    const std::string name(line.command->name);
    std::string text =
        "Usage: nvidia-ctk " + name + " [OPTIONS]\n\n" + std::string(line.command->summary) + ".\n";
    if (!line.command->flags.empty()) text += list_of("Options", line.command->flags);
    return text + list_of("Options of every command", kGlobalFlags);
  }
  const std::string prefix = line.group.empty() ? "" : line.group + " ";
  std::string text = "Usage: nvidia-ctk [OPTIONS] " + prefix + "COMMAND\n\nCommands:\n";
  for (const CtkCommand& command : commands) {
    if (!command.name.starts_with(line.group)) continue;
    text += "  " + std::string(command.name) + "\n        " + std::string(command.summary) + "\n";
  }
  return text + list_of("Options of every command", kGlobalFlags);
}

}  // namespace nvhook
