// SPDX-License-Identifier: Apache-2.0
// Lists of commands and options that runtimes have, and a parser that skips everything else.
#include "oci/runtime_command.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace nvhook {
namespace {

// The commands of the OCI runtime command line interface, and further ones of runc and crun.
constexpr std::array<std::string_view, 20> kCommands{
    "checkpoint", "create", "delete", "events", "exec",  "features", "help",
    "init",       "kill",   "list",   "mounts", "pause", "ps",       "restore",
    "resume",     "run",    "spec",   "start",  "state", "update"};
// Those that act on a container that exists.
constexpr std::array<std::string_view, 12> kForExisting{"checkpoint", "delete", "events", "exec",
                                                        "kill",       "mounts", "pause",  "ps",
                                                        "resume",     "start",  "state",  "update"};
// Global options with a value, which may be a word that is also a command.
constexpr std::array<std::string_view, 7> kWithValue{"log",  "log-format",     "log-level", "root",
                                                     "criu", "cgroup-manager", "rootless"};
// Options of `exec` with a value, which may be the name of another container.
constexpr std::array<std::string_view, 17> kExecWithValue{"additional-gids",
                                                          "apparmor",
                                                          "cap",
                                                          "c",
                                                          "cgroup",
                                                          "console-socket",
                                                          "cwd",
                                                          "env",
                                                          "e",
                                                          "g",
                                                          "pid-file",
                                                          "preserve-fds",
                                                          "process",
                                                          "p",
                                                          "process-label",
                                                          "user",
                                                          "u"};

bool contains(const auto& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// An argument that begins with a dash.
struct Option {
  std::string_view name = {};  ///< without dashes
  std::optional<std::string_view> value = {};
};

std::optional<Option> option_of(std::string_view word) {
  if (word.size() < 2 || word.front() != '-' || word == "--") return std::nullopt;
  word.remove_prefix(word.starts_with("--") ? 2 : 1);
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return Option{.name = word};
  return Option{.name = word.substr(0, equals), .value = word.substr(equals + 1)};
}

/// Reads one argument after the other.
class Reader {
 public:
  explicit Reader(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  [[nodiscard]] bool at_end() const { return next_ == arguments_.size(); }
  const std::string& next() { return arguments_[next_++]; }
  /// Returns the value of an option that was just read; nullopt if the option is the last word.
  std::optional<std::string> value_of(const Option& option) {
    if (option.value) return std::string(*option.value);
    return at_end() ? std::nullopt : std::optional(next());
  }

 private:
  const std::vector<std::string>& arguments_;
  std::size_t next_ = 0;
};

void read_global(Reader& reader, const Option& option, RuntimeCommand& command) {
  if (option.name == "version" || option.name == "v") command.wants_version = true;
  if (!contains(kWithValue, option.name)) return;
  const auto value = reader.value_of(option);
  if (!value) return;
  if (option.name == "log") command.log = *value;
  if (option.name == "root") command.root = *value;
  if (option.name == "log-format") command.log_is_json = *value == "json";
}

/// Every option of `update` has a value.
bool has_value(std::string_view command, std::string_view option) {
  return command == "update" || (command == "exec" && contains(kExecWithValue, option));
}

void read_existing(Reader& reader, const std::string& name, RuntimeCommand& command) {
  while (!reader.at_end()) {
    const std::string& word = reader.next();
    const auto option = option_of(word);
    if (!option) {
      if (word != "--") command.operands.push_back(word);
      continue;
    }
    if (!has_value(name, option->name)) continue;
    const auto value = reader.value_of(*option);
    const bool is_resources = option->name == "resources" || option->name == "r";
    if (name == "update" && is_resources && value) command.resources = *value;
  }
}

std::string_view without_wrapping(std::string_view name) {
  if (constexpr std::string_view kWrapped = ".real"; name.ends_with(kWrapped)) {
    name.remove_suffix(kWrapped.size());
  }
  return name;
}

}  // namespace

bool is_runtime_shim(std::string_view name) {
  name = without_wrapping(name);
  // Whole names: nvidia-container-runtime-hook is a name of the hook.
  return name == "nvidia-container-runtime" || mode_of_shim(name) || name == "oci-nvidia-runtime";
}

std::optional<RuntimeMode> mode_of_shim(std::string_view name) {
  name = without_wrapping(name);
  if (name == "nvidia-container-runtime.cdi") return RuntimeMode::cdi;
  if (name == "nvidia-container-runtime.legacy") return RuntimeMode::legacy;
  return std::nullopt;
}

RuntimeCommand parse_runtime_command(const std::vector<std::string>& arguments) {
  RuntimeCommand command;
  Reader reader(arguments);
  std::string name;
  while (name.empty() && !reader.at_end()) {
    const std::string& word = reader.next();
    if (const auto option = option_of(word)) {
      read_global(reader, *option, command);
    } else if (contains(kCommands, word)) {
      name = word;
    }
  }
  command.makes_container = name == "create" || name == "run";
  while (command.makes_container && !reader.at_end()) {
    const auto option = option_of(reader.next());
    if (!option || (option->name != "bundle" && option->name != "b")) continue;
    if (const auto value = reader.value_of(*option)) command.bundle = *value;
  }
  if (contains(kForExisting, name)) read_existing(reader, name, command);
  return command;
}

std::vector<std::string> with_resources_on_standard_input(std::vector<std::string> arguments) {
  const auto update = std::find(arguments.begin(), arguments.end(), "update");
  bool is_value = false;
  for (auto word = update; word != arguments.end(); ++word) {
    if (std::exchange(is_value, false)) {
      *word = "-";
      continue;
    }
    const auto option = option_of(*word);
    if (!option || (option->name != "resources" && option->name != "r")) continue;
    is_value = !option->value;
    if (option->value) word->replace(word->find('=') + 1, std::string::npos, "-");
  }
  return arguments;
}

std::string runtime_log_entry(std::string_view message, std::string_view time, bool is_json) {
  using Json = nlohmann::ordered_json;
  const auto text_of = [](const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  if (is_json) return text_of({{"level", "error"}, {"msg", message}, {"time", time}}) + "\n";
  return "time=" + text_of(time) + " level=error msg=" + text_of(message) + "\n";
}

}  // namespace nvhook
