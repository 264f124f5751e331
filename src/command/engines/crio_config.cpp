// SPDX-License-Identifier: Apache-2.0
// Merges the files as CRI-O does: a table of a runtime replaces an earlier one as a whole.
#include "command/engines/crio_config.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "formats/toml_document.hpp"

namespace nvhook {
namespace {

/// What belongs to the other runtime's program alone.
constexpr std::array<std::string_view, 4> kNotShared{
    "runtime_path", "runtime_config_path", "platform_runtime_paths", "inherit_default_runtime"};

struct CrioRuntimes {
  std::string default_name = {};
  std::string conmon = {};  ///< for all runtimes
  toml::table tables = {};  ///< by the names of the runtimes
};

CrioRuntimes runtimes_of(const std::vector<NamedText>& files) {
  CrioRuntimes all;
  for (const NamedText& file : files) {
    const toml::table document = parse_toml(file.text, file.path);
    const auto runtime = document["crio"]["runtime"];
    all.default_name = runtime["default_runtime"].value_or(all.default_name);
    all.conmon = runtime["conmon"].value_or(all.conmon);
    if (const toml::table* const tables = runtime["runtimes"].as_table()) {
      for (const auto& [name, table] : *tables) all.tables.insert_or_assign(name, table);
    }
  }
  return all;
}

/// The default of CRI-O 1.31 and later is crun, before it was runc.
const toml::table* default_table(const CrioRuntimes& all) {
  for (const std::string_view name :
       {std::string_view(all.default_name), std::string_view("crun"), std::string_view("runc")}) {
    if (const toml::table* const table = all.tables[name].as_table()) return table;
    if (name == all.default_name && !name.empty()) return nullptr;
  }
  return nullptr;
}

std::string line_of(std::string_view key, const toml::node& value) {
  // With the quotes that the rest of the file has.
  constexpr auto kFlags =
      toml::toml_formatter::default_flags & ~toml::format_flags::allow_literal_strings;
  std::ostringstream line;
  line << key << " = ";
  if (const toml::table* const table = value.as_table()) {
    toml::table copy = *table;
    copy.is_inline(true);
    line << toml::toml_formatter(copy, kFlags);
  } else {
    line << toml::toml_formatter(value, kFlags);
  }
  return line.str();
}

}  // namespace

std::vector<std::string> crio_runtime_settings(const std::vector<NamedText>& files) {
  const CrioRuntimes all = runtimes_of(files);
  const toml::table* const table = default_table(all);
  std::vector<std::string> lines;
  if (table == nullptr || (*table)["runtime_type"].value_or(std::string()) == "vm") return lines;
  for (const auto& [key, value] : *table) {
    if (std::find(kNotShared.begin(), kNotShared.end(), key.str()) != kNotShared.end()) continue;
    lines.push_back(line_of(key.str(), value));
  }
  return lines;
}

bool needs_conmon_on_path(const std::vector<NamedText>& files, const std::string& name) {
  const CrioRuntimes all = runtimes_of(files);
  const toml::table* const table = all.tables[name].as_table();
  if (table == nullptr || !all.conmon.empty()) return false;
  const std::string type = (*table)["runtime_type"].value_or(std::string());
  const bool is_for_conmon = type.empty() || type == "oci";
  return is_for_conmon && (*table)["monitor_path"].value_or(std::string()).empty();
}

}  // namespace nvhook
