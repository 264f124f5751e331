// SPDX-License-Identifier: Apache-2.0
// Reads the file, sets keys in its text, checks what the hook would say of it, and writes it.
#include "command/nvidia_ctk/ctk_config.hpp"

#include <array>

#include "command/cdi/cdi_files.hpp"
#include "command/engines/engine_files.hpp"
#include "command/nvidia_ctk/config_edit.hpp"
#include "config/config.hpp"

namespace nvhook {
namespace {

constexpr const char* kFileName = "/nvidia-container-runtime/config.toml";

constexpr std::array kConfigFlags{
    CtkFlag{.names = "config-file config c",
            .summary = "the file; default /etc/nvidia-container-runtime/config.toml",
            .variables = "NVIDIA_CTK_CONFIG_FILE_PATH"},
    CtkFlag{.names = "set",
            .kind = FlagKind::words,
            .summary = "set a key: key=value; a list has commas; a boolean needs no value"},
    CtkFlag{.names = "set-list-separator", .summary = "what separates a list in --set; default ,"},
    CtkFlag{.names = "in-place i",
            .kind = FlagKind::boolean,
            .summary = "write the file, and print nothing"},
    CtkFlag{.names = "output o", .summary = "write to this file; without it, print"},
};
constexpr std::array kConfigDefaultFlags{
    CtkFlag{.names = "output o", .summary = "write to this file; without it, print"},
};

std::string config_path(const CtkLine& line, const CommandContext& context) {
  for (const std::string& path : {line.values.text("config-file"), line.global.text("config")}) {
    if (!path.empty()) return path_from_caller(path, context);
  }
  const std::string& home = context.caller.config_home;
  return (home.starts_with('/') ? home : "/etc") + kFileName;
}

/// Tells what the hook says of the keys that were set: that one has no effect, for example.
void check(const std::string& text, const std::string& path,
           const std::vector<ConfigSetting>& settings, CtkLog& log) {
  for (const Note& note : parse_config(text, path).notes) {
    for (const ConfigSetting& setting : settings) {
      if (note.text.find("`" + std::string(setting.key.path) + "`") == std::string::npos) continue;
      log.write(
          {note.level == Note::Level::warning ? CtkLevel::warning : CtkLevel::info, note.text});
    }
  }
}

}  // namespace

std::span<const CtkFlag> config_flags() { return kConfigFlags; }
std::span<const CtkFlag> config_default_flags() { return kConfigDefaultFlags; }

void run_ctk_config(const CtkLine& line, CtkContext& context) {
  const std::string path = config_path(line, context.command);
  const bool in_place = line.values.is_on("in-place");
  const std::string output = in_place ? path : line.values.text("output");
  if (in_place && line.values.is_set("output")) {
    throw UsageFault("--in-place and --output name two files to write; leave one of them out");
  }
  const std::string given = line.values.text("set-list-separator");
  const std::string separator = given.empty() ? "," : given;
  std::string text = read_engine_file(context.command.system, path).value_or(default_config());
  std::vector<ConfigSetting> settings;
  for (const std::string& set : line.values.list("set")) {
    settings.push_back(parse_setting(set, separator));
    text = with_setting(text, settings.back(), path);
  }
  check(text, path, settings, context.log);
  write_or_print(output, text, context);
}

void run_ctk_config_default(const CtkLine& line, CtkContext& context) {
  write_or_print(line.values.text("output"), default_config(), context);
}

}  // namespace nvhook
