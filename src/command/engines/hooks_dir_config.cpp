// SPDX-License-Identifier: Apache-2.0
// Reads `hooks_dir` from all files, and writes the drop-in file, which belongs to setup alone.
#include "command/engines/hooks_dir_config.hpp"

#include <algorithm>

#include "command/engines/docker_config.hpp"
#include "formats/toml_document.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string mark_of(const DropInKeys& keys) {
  return std::string("# Written by `oci-nvidia setup ") + keys.engine + "`, and taken away by it:";
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

toml::node_view<const toml::node> table_at(const toml::table& document, const char* path) {
  auto node = toml::node_view<const toml::node>(static_cast<const toml::node&>(document));
  for (const std::string_view key : split(path, '.')) node = node[key];
  return node;
}

void add_hooks_dirs(std::vector<std::string>& dirs, const toml::array& list) {
  const bool appends = std::any_of(list.begin(), list.end(), [](const toml::node& node) {
    const toml::table* const attributes = node.as_table();
    return attributes != nullptr && (*attributes)["append"].value_or(false);
  });
  if (!appends) dirs.clear();
  for (const toml::node& node : list) {
    if (const auto dir = node.value<std::string>()) dirs.push_back(*dir);
  }
}

/// Returns the program of the runtime `nvidia`; empty if there is none.
std::string runtime_in(const toml::table& document, const DropInKeys& keys) {
  const auto runtime = table_at(document, keys.runtimes)[kRuntimeName];
  return keys.runtime_is_table ? runtime["runtime_path"].value_or(std::string())
                               : runtime[0].value_or(std::string());
}

/// CRI-O's table of a runtime.
std::string table_of(const std::string& name, const std::string& program, const DropIn& drop_in,
                     const DropInKeys& keys) {
  std::string text = "\n[" + std::string(keys.runtimes) + "." + name +
                     "]\nruntime_path = " + quoted(program) + "\n";
  for (const std::string& line : drop_in.runtime_settings) text += line + "\n";
  return text;
}

}  // namespace

bool sets_hooks_dirs(const std::vector<NamedText>& files, const DropInKeys& keys) {
  return std::any_of(files.begin(), files.end(), [&](const NamedText& file) {
    const toml::table document = parse_toml(file.text, file.path);
    return table_at(document, keys.table)["hooks_dir"].is_array();
  });
}

std::vector<std::string> hooks_dirs_of(const std::vector<NamedText>& files,
                                       const DropInKeys& keys) {
  std::vector<std::string> dirs{kDefaultHooksDir};
  for (const NamedText& file : files) {
    const toml::table document = parse_toml(file.text, file.path);
    const auto list = table_at(document, keys.table)["hooks_dir"];
    if (const toml::array* const values = list.as_array()) add_hooks_dirs(dirs, *values);
  }
  return dirs;
}

std::string to_text(const DropIn& drop_in, const DropInKeys& keys) {
  std::string text = mark_of(keys) + "\n#   oci-nvidia setup " + keys.engine + " --undo\n";
  const bool needs_table = !drop_in.hooks_dirs.empty() || drop_in.as_default;
  if (needs_table) text += "\n[" + std::string(keys.table) + "]\n";
  if (!drop_in.hooks_dirs.empty()) {
    std::vector<std::string> words;
    for (const std::string& dir : drop_in.hooks_dirs) words.push_back(quoted(dir));
    text += "hooks_dir = [" + join(words, ", ") + "]\n";
  }
  if (drop_in.as_default) {
    text += std::string(keys.default_key) + " = \"" + kRuntimeName + "\"\n";
  }
  if (drop_in.runtime.empty()) return text;
  if (keys.runtime_is_table) {
    text += table_of(kRuntimeName, drop_in.runtime, drop_in, keys);
    if (!drop_in.all_modes) return text;
    for (const ModeRuntime& one : kModeRuntimes) {
      text += table_of(one.name, drop_in.runtime + one.ending, drop_in, keys);
    }
    return text;
  }
  return text + "\n[" + keys.runtimes + "]\n" + kRuntimeName + " = [" + quoted(drop_in.runtime) +
         "]\n";
}

DropIn parse_drop_in(const NamedText& file, const DropInKeys& keys) {
  const toml::table document = parse_toml(file.text, file.path);
  if (!file.text.starts_with(mark_of(keys))) {
    throw Error(Code::config_invalid, file.path + " is there, and setup did not write it",
                "move it away, or name another file with --config-file");
  }
  DropIn drop_in{.runtime = runtime_in(document, keys)};
  const auto table = table_at(document, keys.table);
  if (const toml::array* const list = table["hooks_dir"].as_array()) {
    add_hooks_dirs(drop_in.hooks_dirs, *list);
  }
  drop_in.as_default = table[keys.default_key].value_or(std::string()) == kRuntimeName;
  return drop_in;
}

std::optional<std::string> other_runtime(const std::vector<NamedText>& files,
                                         const DropInKeys& keys) {
  for (const NamedText& file : files) {
    const std::string program = runtime_in(parse_toml(file.text, file.path), keys);
    if (!program.empty() && !is_our_runtime(program)) return file.path;
  }
  return std::nullopt;
}

}  // namespace nvhook
