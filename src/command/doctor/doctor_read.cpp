// SPDX-License-Identifier: Apache-2.0
// Assembles the report from its parts, and holds the readers that the parts share.
#include "command/doctor/doctor_read.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "command/engines/engine_config.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// Returns the installed hook; if there is none, the one beside this program (a build directory),
/// or that of a node's installer.
Program find_hook(const RootDir& system) {
  constexpr const char* kName = "oci-nvidia-hook";
  Program hook = find_program(system, kName);
  if (!hook.path.empty()) return hook;
  const std::string self = own_executable(system);
  if (!self.empty()) hook = program_at(system, self.substr(0, self.rfind('/') + 1) + kName);
  return hook.path.empty() ? find_program(system, kName, kNodePrograms) : hook;
}

std::int64_t changed_at(const RootDir& system, const std::string& path) {
  const UniqueFd file = system.open(path, O_PATH);
  struct stat status {};
  return file && ::fstat(file.get(), &status) == 0 ? status.st_ctim.tv_sec : 0;
}

}  // namespace

bool is_there(const RootDir& root, const std::string& path) {
  return static_cast<bool>(root.open(path, O_PATH));
}

Program program_at(const RootDir& root, const std::string& path) {
  constexpr unsigned kExecutable = S_IXUSR | S_IXGRP | S_IXOTH;
  const UniqueFd file = root.open(path, O_PATH);
  if (!file) return {};
  const FileStatus status = status_of(file.get());
  if (!status.is_regular() || (status.mode & kExecutable) == 0) return {};
  const std::string resolved = root.path_of(file.get());
  return {.path = path, .resolved = resolved, .origin = origin_of(resolved)};
}

Program find_program(const RootDir& root, const std::string& name, const std::string& search_path) {
  for (const std::string_view directory : split_list(search_path, ':')) {
    Program program = program_at(root, std::string(directory) + "/" + name);
    if (!program.path.empty()) return program;
  }
  return {};
}

std::string user_settings(const CallerContext& caller) {
  if (is_system_root()) return {};
  if (caller.config_home.starts_with('/')) return caller.config_home;
  return caller.home.starts_with('/') ? caller.home + "/.config" : std::string();
}

Fault fault_of(const Error& error) { return {.what = error.what(), .remedy = error.remedy()}; }

HostReport read_report(const CommandContext& context, const std::string& engine) {
  HostReport report{.engine = engine};
  const RootDir& system = context.system;
  ReadConfig config = read_config_files(context);
  report.config = std::move(config.report);
  UniqueFd root = system.open(config.config.driver_root, O_PATH | O_DIRECTORY);
  if (!root) {
    report.config.driver_root_fault = {
        .what = "open driver root `" + config.config.driver_root + "`: " + errno_text(errno),
        .remedy =
            "correct `root` under [nvidia-container-cli], or start what provides that "
            "directory (the driver container)"};
    root = system.open("/", O_PATH | O_DIRECTORY);
  }
  const RootDir driver_root(std::move(root));
  report.driver = read_driver(system, driver_root);
  if (report.driver.version || report.driver.is_wsl) {
    report.libraries = read_libraries(system, driver_root, config.config);
  }
  report.leftovers = read_leftovers(system, driver_root);
  report.hook = find_hook(system);
  report.hook_changed = changed_at(system, report.hook.path);
  for (const char* name : {"nvidia-container-runtime-hook", "nvidia-container-runtime",
                           "nvidia-container-cli", "nvidia-container-toolkit"}) {
    report.names.push_back({.name = name, .first = find_program(system, name)});
  }
  read_engines(context, report);
  report.cdi_specs = read_cdi_specs(system, report.engines);
  read_surroundings(context, report);
  return report;
}

}  // namespace nvhook
