// SPDX-License-Identifier: Apache-2.0
// Finds places by the positions of toml++ and by lines, edits the text, and verifies the result by
// parsing it.
#include "command/nvidia_ctk/config_edit.hpp"

#include <algorithm>
#include <vector>

#include "command/shell/command.hpp"
#include "formats/toml_document.hpp"
#include "text/error.hpp"
#include "text/nearest.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string in_quotes(std::string_view text) {
  std::string quoted = "\"";
  for (const char letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      quoted += std::string("\\") + letter;
    } else if (code < 0x20 || code == 0x7f) {
      quoted += "\\u" + to_hexadecimal(code, 4);
    } else {
      quoted += letter;
    }
  }
  return quoted + "\"";
}

std::string list_of(std::string_view value, std::string_view separator) {
  std::string list;
  while (!value.empty()) {
    const std::size_t end = value.find(separator);
    const std::string_view each = trim(value.substr(0, end));
    if (!each.empty()) list += (list.empty() ? "" : ", ") + in_quotes(each);
    value = end == std::string_view::npos ? "" : value.substr(end + separator.size());
  }
  return "[" + list + "]";
}

const ConfigKey& find_key(std::string_view path) {
  const auto keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const ConfigKey& key) { return key.path == path; });
  if (found != keys.end()) return *found;
  std::vector<std::string_view> known;
  for (const ConfigKey& key : keys) known.emplace_back(key.path);
  const std::string near(nearest(path, known));
  throw UsageFault(
      "there is no key `" + std::string(path) + "`" +
      (near.empty() ? "; `nvidia-ctk config default` shows the keys" : "; perhaps `" + near + "`"));
}

/// The table and the name in it.
struct KeyName {
  std::string table = {};
  std::string name = {};
};

KeyName name_of(const ConfigKey& key) {
  const std::size_t dot = key.path.rfind('.');
  if (dot == std::string_view::npos) return {.name = std::string(key.path)};
  return {.table = std::string(key.path.substr(0, dot)),
          .name = std::string(key.path.substr(dot + 1))};
}

const toml::node* find_node(const toml::table& document, std::string_view path) {
  const toml::node* node = &document;
  for (const std::string_view name : split(path, '.')) {
    const toml::table* const table = node->as_table();
    node = table == nullptr ? nullptr : table->get(name);
    if (node == nullptr) return nullptr;
  }
  return node;
}

/// toml++ counts lines and characters from 1.
std::size_t offset_of(std::string_view text, const toml::source_position& position) {
  std::size_t at = 0;
  for (auto line = position.line; line > 1; --line) at = text.find('\n', at) + 1;
  const auto continues = [&](std::size_t i) {
    return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;
  };
  for (auto column = position.column; column > 1; --column) {
    ++at;
    while (continues(at)) ++at;
  }
  return std::min(at, text.size());
}

std::string with_value(const std::string& text, const toml::node& node, const std::string& value) {
  const std::size_t begin = offset_of(text, node.source().begin);
  const std::size_t end = offset_of(text, node.source().end);
  return text.substr(0, begin) + value + text.substr(std::max(begin, end));
}

bool is_header(std::string_view line) { return trim(line).starts_with('['); }

bool is_header_of(std::string_view line, const std::string& table) {
  const std::string header = "[" + table + "]";
  if (!trim(line).starts_with(header)) return false;
  const std::string_view rest = trim(trim(line).substr(header.size()));
  return rest.empty() || rest.starts_with('#');
}

bool is_sample_of(std::string_view line, const std::string& name) {
  std::string_view rest = trim(line);
  if (!rest.starts_with('#')) return false;
  rest = trim(rest.substr(1));
  return rest.starts_with(name) && trim(rest.substr(name.size())).starts_with('=');
}

using Lines = std::vector<std::string_view>;

/// Returns the number of the line before which the new key goes. `begin` is the first line of its
/// table, below the header.
std::size_t place_in_table(const Lines& lines, std::size_t begin, const std::string& name) {
  std::size_t after_last = begin;
  for (std::size_t at = begin; at < lines.size() && !is_header(lines[at]); ++at) {
    if (is_sample_of(lines[at], name)) return at + 1;
    if (!trim(lines[at]).empty() && !trim(lines[at]).starts_with('#')) after_last = at + 1;
  }
  return after_last;
}

std::string with_new_key(const std::string& text, const KeyName& key, const std::string& value) {
  const std::string line = key.name + " = " + value;
  const Lines lines = split(text, '\n');
  std::size_t begin = 0;
  if (!key.table.empty()) {
    const auto header = std::find_if(lines.begin(), lines.end(), [&](std::string_view each) {
      return is_header_of(each, key.table);
    });
    if (header == lines.end()) {
      const bool is_apart = text.empty() || text.ends_with("\n\n");
      const std::string gap = is_apart ? "" : text.ends_with('\n') ? "\n" : "\n\n";
      return text + gap + "[" + key.table + "]\n" + line + "\n";
    }
    begin = static_cast<std::size_t>(header - lines.begin()) + 1;
  }
  std::vector<std::string> edited(lines.begin(), lines.end());
  const std::size_t place = place_in_table(lines, begin, key.name);
  // Behind the last line, which then has no line end, comes one.
  if (place == edited.size()) edited.emplace_back();
  edited.insert(edited.begin() + static_cast<std::ptrdiff_t>(place), line);
  return join(edited, "\n");
}

bool is_same(const toml::node& one, const toml::node& other) {
  if (const auto* const flag = one.as_boolean()) return other.value<bool>() == flag->get();
  if (const auto* const number = one.as_integer()) {
    return other.value<std::int64_t>() == number->get();
  }
  if (const auto* const text = one.as_string()) return other.value<std::string>() == text->get();
  return one.is_array() && other.is_array() && *one.as_array() == *other.as_array();
}

bool has_value(const std::string& text, const ConfigSetting& setting, const std::string& filename) {
  try {
    const toml::table document = parse_toml(text, filename);
    const toml::table wanted = parse_toml("value = " + setting.value, filename);
    const toml::node* const found = find_node(document, setting.key.path);
    return found != nullptr && is_same(*wanted.get("value"), *found);
  } catch (const Error&) {
    return false;  // the edit hit an inline table or a string over several lines
  }
}

}  // namespace

ConfigSetting parse_setting(std::string_view text, std::string_view separator) {
  const std::size_t equals = text.find('=');
  const ConfigKey& key = find_key(text.substr(0, equals));
  const std::string name(key.path);
  if (equals == std::string_view::npos) {
    if (key.type == ConfigType::boolean) return {.key = key, .value = "true"};
    throw UsageFault("--set " + name + " needs a value: --set " + name + "=VALUE");
  }
  const std::string value(text.substr(equals + 1));
  if (key.type == ConfigType::text) return {.key = key, .value = in_quotes(value)};
  if (key.type == ConfigType::list) return {.key = key, .value = list_of(value, separator)};
  if (key.type == ConfigType::number) {
    if (parse_unsigned(value)) return {.key = key, .value = value};
    throw UsageFault("`" + name + "` is a number, not `" + value + "`");
  }
  const auto flag = parse_bool(value);
  if (!flag) throw UsageFault("`" + name + "` is true or false, not `" + value + "`");
  return {.key = key, .value = *flag ? "true" : "false"};
}

std::string with_setting(const std::string& text, const ConfigSetting& setting,
                         const std::string& filename) {
  const toml::table document = parse_toml(text, filename);
  const toml::node* const now = find_node(document, setting.key.path);
  std::string edited = now != nullptr ? with_value(text, *now, setting.value)
                                      : with_new_key(text, name_of(setting.key), setting.value);
  if (has_value(edited, setting, filename)) return edited;
  throw Error(Code::config_invalid,
              filename + ": `" + std::string(setting.key.path) + "` cannot be set in this text",
              "set it by hand: sudoedit " + filename);
}

}  // namespace nvhook
