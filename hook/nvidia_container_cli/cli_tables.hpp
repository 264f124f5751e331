// SPDX-License-Identifier: Apache-2.0
// The options of nvidia-container-cli as tables, and the texts made from them.
#pragma once

#include <span>
#include <string>

namespace nvhook {

// Keys of options without a short form.
inline constexpr int kKeyUsage = 256;
inline constexpr int kKeyCompat32 = 257;
inline constexpr int kKeyMigConfig = 258;
inline constexpr int kKeyMigMonitor = 259;
inline constexpr int kKeyImexChannel = 260;
inline constexpr int kKeyNoImexChannels = 261;
inline constexpr int kKeyNoCgroups = 262;
inline constexpr int kKeyNoDevbind = 263;
inline constexpr int kKeyNoFirmware = 264;
inline constexpr int kKeyNoPersistenced = 265;
inline constexpr int kKeyNoFabricmanager = 266;
inline constexpr int kKeyNoCntlibs = 267;
inline constexpr int kKeyCudaCompatMode = 268;
inline constexpr int kKeyCsv = 269;
inline constexpr int kKeyHelp = 270;

struct CliOption {
  int key = 0;                     ///< the short form's character, or one of the keys above
  const char* name = nullptr;      ///< the long form
  const char* argument = nullptr;  ///< name of the value in the help; null: takes none
  bool is_optional = false;        ///< the value may be omitted
  const char* purpose = nullptr;
};

/// A command, or the program with its global options.
struct CliSyntax {
  std::span<const CliOption> options = {};
  const char* operands = "";
  const char* purpose = "";
  const char* commands = "";  ///< list of commands with its heading
};

[[nodiscard]] const CliSyntax& global_syntax();
[[nodiscard]] const CliSyntax& info_syntax();
[[nodiscard]] const CliSyntax& list_syntax();
[[nodiscard]] const CliSyntax& configure_syntax();
/// -?, --help, --usage, -V, --version: accepted by the program and by each command.
[[nodiscard]] std::span<const CliOption> common_options();

/// `name` is the program's name, followed by the command if there is one.
[[nodiscard]] std::string cli_help(const std::string& name, const CliSyntax& syntax);
[[nodiscard]] std::string cli_usage(const std::string& name, const CliSyntax& syntax);
/// ``Try `nvidia-container-cli --help' or …``
[[nodiscard]] std::string cli_hint(const std::string& name);
/// The seven lines that --version prints.
[[nodiscard]] std::string cli_version();

}  // namespace nvhook
