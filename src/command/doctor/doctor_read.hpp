// SPDX-License-Identifier: Apache-2.0
// Reads what `oci-nvidia doctor` checks. It reads below the host's root by descriptor, executes and
// changes nothing, opens no GPU and does not look into containers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/doctor/doctor_report.hpp"
#include "command/shell/command.hpp"
#include "config/config.hpp"
#include "text/error.hpp"

namespace nvhook {

/// What is missing or cannot be parsed becomes a value of the report. Throws Error if reading fails
/// in a way that makes a report impossible (no memory, a bad disk).
[[nodiscard]] HostReport read_report(const CommandContext& context, const std::string& engine);

// The parts of the report, each read by a file of its own.

struct ReadConfig {
  Config config = {};  ///< from the files that could be read
  ConfigReport report = {};
};
[[nodiscard]] ReadConfig read_config_files(const CommandContext& context);
[[nodiscard]] DriverReport read_driver(const RootDir& system, const RootDir& driver_root);
[[nodiscard]] LibrariesReport read_libraries(const RootDir& system, const RootDir& driver_root,
                                             const Config& config);
/// Returns the libraries of driver `version`, in the directories of `files`, that are no ELF files
/// or shorter than their headers say.
[[nodiscard]] std::vector<std::string> find_damaged_libraries(const RootDir& root,
                                                              const std::vector<DriverFile>& files,
                                                              const std::string& version);
/// Returns the scopes in which the hook has extended a device filter that systemd will attach again
/// from the runtime's file, because the hook could not name its own to systemd.
[[nodiscard]] std::vector<std::string> read_scopes_at_risk(const RootDir& system);
[[nodiscard]] LeftoversReport read_leftovers(const RootDir& system, const RootDir& driver_root);
/// Returns the directories below `root` from which ldconfig fills the loader cache; it searches
/// below them, too.
[[nodiscard]] std::vector<std::string> loader_directories(const RootDir& root);
/// Returns why no container gets the directory of the MPS daemon; nullopt if containers get it or
/// it does not exist.
[[nodiscard]] std::optional<Fault> mps_fault(const RootDir& driver_root,
                                             const std::string& directory);
/// Fills in the engines and the hook directories that they read.
void read_engines(const CommandContext& context, HostReport& report);
[[nodiscard]] std::vector<HookDirectory> read_hook_directories(
    const RootDir& system, const std::vector<std::string>& paths);
/// Returns the CDI specifications in the directories of all engines and in those of `engines`.
[[nodiscard]] std::vector<FoundCdiSpec> read_cdi_specs(const RootDir& system,
                                                       const std::vector<EngineReport>& engines);
/// Fills in cgroups, users, SELinux and the last failure.
void read_surroundings(const CommandContext& context, HostReport& report);

// Shared by the parts.

inline constexpr std::size_t kMaxSettings = std::size_t{1} << 20U;
/// PATH of an engine on the usual distributions.
inline constexpr const char* kSystemPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

[[nodiscard]] bool is_there(const RootDir& root, const std::string& path);
/// Returns the executable file at `path`, following links.
[[nodiscard]] Program program_at(const RootDir& root, const std::string& path);
/// Returns the first executable file called `name` in the directories of `search_path`.
[[nodiscard]] Program find_program(const RootDir& root, const std::string& name,
                                   const std::string& search_path = kSystemPath);
/// Returns the calling user's configuration directory; empty for root, or if it cannot be
/// determined.
[[nodiscard]] std::string user_settings(const CallerContext& caller);
[[nodiscard]] Fault fault_of(const Error& error);

}  // namespace nvhook
