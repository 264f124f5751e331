// SPDX-License-Identifier: Apache-2.0
// Which configuration files count, and reading them.
#include "system/config_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "system/files.hpp"
#include "system/root_dir.hpp"
#include "system/syscalls.hpp"
#include "system/user_namespace.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxConfig = 1UL << 20U;

void overlay(ConfigResult& result, const std::string& path, bool required, int directory) {
  // An administrator may well have made it a link (NixOS); it only has to be a file in the end.
  const UniqueFd file =
      sys::open_beneath(directory, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  if (!file && !required && errno == ENOENT) return;
  auto text =
      file && status_of(file.get()).is_regular() ? read_all(file.get(), kMaxConfig) : std::nullopt;
  if (!text) {
    if (file && errno == 0) errno = EINVAL;
    throw_errno(Code::config_unreadable,
                "failed to load config: couldn't open required configuration file: `" + path + "`",
                "make it a readable file, or leave the option out");
  }
  ConfigResult next = parse_config(*text, path, std::move(result.config));
  result.config = std::move(next.config);
  result.notes.push_back(info("configuration from " + path));
  result.notes.insert(result.notes.end(), next.notes.begin(), next.notes.end());
}

}  // namespace

ConfigResult load_config(const std::string& explicit_file, const CallerContext& caller) {
  ConfigResult result;
  if (!caller.mps_pipe_directory.empty()) {
    result.config.mps_pipe_directory = caller.mps_pipe_directory;
  }
  const std::string& single = explicit_file.empty() ? caller.config_file : explicit_file;
  if (!single.empty()) {
    overlay(result, single, true, caller.working_directory.get());
    return result;
  }
  const bool real_root = ::geteuid() == 0 && !in_user_namespace();
  const std::string base =
      real_root || caller.config_home.empty() ? std::string("/etc") : caller.config_home;
  overlay(result, base + "/nvidia-container-runtime/config.toml", false, AT_FDCWD);
  overlay(result, base + "/oci-nvidia-hook/config.toml", false, AT_FDCWD);
  return result;
}

}  // namespace nvhook
