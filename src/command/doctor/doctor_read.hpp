// SPDX-License-Identifier: Apache-2.0
// Gathers what `oci-nvidia doctor` judges. Reads below the host's root by descriptor, executes
// nothing, changes nothing, opens no GPU and looks into no container.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/doctor/doctor_report.hpp"
#include "command/shell/command.hpp"
#include "config/config.hpp"
#include "text/error.hpp"

namespace nvhook {

/// What is not there or cannot be understood is a value of the report. Throws Error where reading
/// failed so that nothing can be said (no memory, a bad disk).
[[nodiscard]] HostReport read_report(const CommandContext& context, const std::string& engine);

// The parts, each in a file of its own.

struct ReadConfig {
  Config config = {};  ///< as far as the files could be read
  ConfigReport report = {};
};
[[nodiscard]] ReadConfig read_config_files(const CommandContext& context);
[[nodiscard]] DriverReport read_driver(const RootDir& system, const RootDir& driver_root);
[[nodiscard]] LibrariesReport read_libraries(const RootDir& system, const RootDir& driver_root,
                                             const Config& config);
[[nodiscard]] LeftoversReport read_leftovers(const RootDir& system, const RootDir& driver_root);
/// Where ldconfig looks below `root` for what it puts into the loader cache, and in what is below
/// these directories.
[[nodiscard]] std::vector<std::string> loader_directories(const RootDir& root);
/// Why no container gets the directory of the MPS daemon; nothing if it gets it, or there is none.
[[nodiscard]] std::optional<Fault> mps_fault(const RootDir& driver_root,
                                             const std::string& directory);
/// Fills in the engines and the hook directories that they read.
void read_engines(const CommandContext& context, HostReport& report);
[[nodiscard]] std::vector<HookDirectory> read_hook_directories(
    const RootDir& system, const std::vector<std::string>& paths);
[[nodiscard]] std::vector<FoundCdiSpec> read_cdi_specs(const RootDir& system);
/// Fills in cgroups, users, SELinux and the last failure.
void read_surroundings(const CommandContext& context, HostReport& report);

// What the parts share.

inline constexpr std::size_t kMaxSettings = std::size_t{1} << 20U;
/// Where an engine's PATH leads on any distribution.
inline constexpr const char* kSystemPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

[[nodiscard]] bool is_there(const RootDir& root, const std::string& path);
/// The executable file at `path`, with links followed.
[[nodiscard]] Program program_at(const RootDir& root, const std::string& path);
/// The first of the executable files called `name` in the directories of `search_path`.
[[nodiscard]] Program find_program(const RootDir& root, const std::string& name,
                                   const std::string& search_path = kSystemPath);
/// The asking user's directory of configuration files; empty for root, or if nothing tells it.
[[nodiscard]] std::string user_settings(const CallerContext& caller);
[[nodiscard]] Fault fault_of(const Error& error);

}  // namespace nvhook
