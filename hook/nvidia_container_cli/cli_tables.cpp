// SPDX-License-Identifier: Apache-2.0
// The option tables, and the functions that format them as help, usage and version text.
#include "nvidia_container_cli/cli_tables.hpp"

#include <algorithm>
#include <array>

#include "build_info.hpp"

namespace nvhook {
namespace {

constexpr std::array kGlobal{
    CliOption{'d', "debug", "FILE", false, "append a log of every decision to FILE"},
    CliOption{'k', "load-kmods", nullptr, false, "load kernel modules, make missing device nodes"},
    CliOption{'n', "no-pivot", nullptr, false, "no effect: no other root is entered"},
    CliOption{'u', "user", "UID[:GID]", true, "no effect: the driver is asked without any right"},
    CliOption{'r', "root", "PATH", false, "root directory of the driver's files"},
    CliOption{'l', "ldcache", "FILE", false, "loader cache below the driver's root"},
    CliOption{kKeyNoImexChannels, "no-create-imex-channels", nullptr, false,
              "make no nodes for IMEX channels"},
};

constexpr std::array kInfo{
    CliOption{kKeyCsv, "csv", nullptr, false, "comma-separated values"},
};

constexpr std::array kList{
    CliOption{'d', "device", "ID", false, "nodes of the driver and of these devices"},
    CliOption{'l', "libraries", nullptr, false, "libraries"},
    CliOption{'b', "binaries", nullptr, false, "programs"},
    CliOption{'i', "ipcs", nullptr, false, "endpoints of daemons"},
    CliOption{'f', "firmwares", nullptr, false, "firmware"},
    CliOption{kKeyCompat32, "compat32", nullptr, false, "32-bit libraries too"},
    CliOption{kKeyMigConfig, "mig-config", "ID", false, "what the configuration of MIG takes"},
    CliOption{kKeyMigMonitor, "mig-monitor", "ID", false, "what watching MIG takes"},
    CliOption{kKeyImexChannel, "imex-channel", "CHANNEL", false, "nodes of IMEX channels"},
    CliOption{kKeyNoPersistenced, "no-persistenced", nullptr, false,
              "leave out the persistence daemon's socket"},
    CliOption{kKeyNoFabricmanager, "no-fabricmanager", nullptr, false,
              "leave out the fabric manager's socket"},
};

constexpr std::array kConfigure{
    CliOption{'p', "pid", "PID", false, "a process in the container's mount namespace"},
    CliOption{'d', "device", "ID", false, "index, UUID, PCI address, MIG device, or all"},
    CliOption{'r', "require", "EXPR", false, "condition that must hold, as cuda>=12.2"},
    CliOption{'l', "ldconfig", "PATH", false, "no effect: the loader cache is written directly"},
    CliOption{'c', "compute", nullptr, false, "capability compute"},
    CliOption{'u', "utility", nullptr, false, "capability utility"},
    CliOption{'v', "video", nullptr, false, "capability video"},
    CliOption{'g', "graphics", nullptr, false, "capability graphics"},
    CliOption{'D', "display", nullptr, false, "capability display"},
    CliOption{'n', "ngx", nullptr, false, "capability ngx"},
    CliOption{kKeyCompat32, "compat32", nullptr, false, "capability compat32"},
    CliOption{kKeyMigConfig, "mig-config", "ID", false, "all: MIG may be configured"},
    CliOption{kKeyMigMonitor, "mig-monitor", "ID", false, "all: MIG may be watched"},
    CliOption{kKeyImexChannel, "imex-channel", "CHANNEL", false, "IMEX channel"},
    CliOption{kKeyNoCgroups, "no-cgroups", nullptr, false, "leave the device cgroup alone"},
    CliOption{kKeyNoDevbind, "no-devbind", nullptr, false, "mount no device nodes"},
    CliOption{kKeyNoFirmware, "no-gsp-firmware", nullptr, false, "leave out the firmware"},
    CliOption{kKeyNoPersistenced, "no-persistenced", nullptr, false,
              "leave out the persistence daemon's socket"},
    CliOption{kKeyNoFabricmanager, "no-fabricmanager", nullptr, false,
              "leave out the fabric manager's socket"},
    CliOption{kKeyNoCntlibs, "no-cntlibs", nullptr, false,
              "do not use the image's CUDA compatibility libraries"},
    CliOption{kKeyCudaCompatMode, "cuda-compat-mode", "MODE", false,
              "mount, ldconfig or disabled: the image's CUDA compatibility libraries"},
};

constexpr std::array kCommon{
    CliOption{kKeyHelp, "help", nullptr, false, "give this help list"},
    CliOption{kKeyUsage, "usage", nullptr, false, "give a short usage message"},
    CliOption{'V', "version", nullptr, false, "print program version"},
};

constexpr CliSyntax kGlobalSyntax{
    kGlobal, " COMMAND [ARG...]",
    "Gives containers the host's NVIDIA driver, and tells what there is to give.",
    " Commands:\n"
    "  configure                  give a container the driver and GPUs\n"
    "  info                       tell about the driver and its GPUs\n"
    "  list                       list what the driver consists of\n"};
constexpr CliSyntax kInfoSyntax{kInfo, "", "Tells about the driver and its GPUs.", ""};
constexpr CliSyntax kListSyntax{
    kList, "",
    "Lists what the driver consists of; without options all but what belongs to MIG and IMEX.", ""};
constexpr CliSyntax kConfigureSyntax{
    kConfigure, " ROOTFS",
    "Gives the container with the root file system ROOTFS the driver and GPUs.", ""};

/// Returns for example `-d`; empty for an option without a short form.
std::string short_form(const CliOption& option) {
  if (option.key == kKeyHelp) return "-?";
  return option.key < kKeyUsage ? "-" + std::string(1, static_cast<char>(option.key)) : "";
}

std::string value_of(const CliOption& option) {
  if (option.argument == nullptr) return "";
  const std::string value = std::string("=") + option.argument;
  return option.is_optional ? "[" + value + "]" : value;
}

std::string help_line(const CliOption& option) {
  constexpr std::size_t kColumn = 29;
  const std::string letter = short_form(option);
  std::string line = letter.empty() ? "      " : "  " + letter + ", ";
  line += "--" + std::string(option.name) + value_of(option);
  if (line.size() + 1 > kColumn) line += "\n" + std::string(kColumn, ' ');
  const auto start = line.rfind('\n') + 1;
  line.resize(std::max(line.size(), start + kColumn), ' ');
  return line + option.purpose + "\n";
}

}  // namespace

const CliSyntax& global_syntax() { return kGlobalSyntax; }
const CliSyntax& info_syntax() { return kInfoSyntax; }
const CliSyntax& list_syntax() { return kListSyntax; }
const CliSyntax& configure_syntax() { return kConfigureSyntax; }
std::span<const CliOption> common_options() { return kCommon; }

std::string cli_help(const std::string& name, const CliSyntax& syntax) {
  std::string text = "Usage: " + name + " [OPTION...]" + syntax.operands + "\n" + syntax.purpose +
                     "\n\n Options:\n";
  for (const CliOption& option : syntax.options) text += help_line(option);
  text += syntax.commands[0] == '\0' ? "" : "\n" + std::string(syntax.commands);
  text += "\n";
  for (const CliOption& option : kCommon) text += help_line(option);
  return text +
         "\nMandatory or optional arguments to long options are also mandatory or optional\n"
         "for any corresponding short options.\n\n"
         "Part of oci-nvidia-hook: docs/cli.md says what each option does here.\n";
}

std::string cli_usage(const std::string& name, const CliSyntax& syntax) {
  std::string text = "Usage: " + name;
  const std::string indent(12, ' ');
  std::size_t column = text.size();
  const auto add = [&](const std::string& word) {
    constexpr std::size_t kWidth = 79;
    if (column + 1 + word.size() > kWidth) {
      text += "\n" + indent.substr(1);
      column = indent.size() - 1;
    }
    text += " " + word;
    column += 1 + word.size();
  };
  for (const auto options : {syntax.options, common_options()}) {
    for (const CliOption& option : options) {
      const std::string letter = short_form(option);
      add("[" + letter + (letter.empty() ? "--" : "|--") + option.name + value_of(option) + "]");
    }
  }
  if (syntax.operands[0] != '\0') add(syntax.operands + 1);
  return text + "\n";
}

std::string cli_hint(const std::string& name) {
  return "Try `" + name + " --help' or `" + name + " --usage' for more information.\n";
}

std::string cli_version() {
  return "cli-version: " OCI_NVIDIA_VERSION
         "\n"
         "lib-version: " OCI_NVIDIA_VERSION
         "\n"
         "build date: " OCI_NVIDIA_BUILD_DATE
         "\n"
         "build revision: " OCI_NVIDIA_BUILD_REVISION
         "\n"
         "build compiler: " OCI_NVIDIA_BUILD_COMPILER
         "\n"
         "build platform: " OCI_NVIDIA_BUILD_PLATFORM
         "\n"
         "build flags: " OCI_NVIDIA_BUILD_FLAGS "\n";
}

}  // namespace nvhook
