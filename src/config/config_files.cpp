// SPDX-License-Identifier: Apache-2.0
// Reads the files in order, each over the values of those before.
#include "config/config_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>

#include "os/files.hpp"
#include "os/root_dir.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"
#include "text/process_text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxConfig = 1UL << 20U;
constexpr std::size_t kMaxUserDatabase = 16UL << 20U;

/// Where a path is looked up, and with which restrictions (openat2).
struct LookupStart {
  int directory = AT_FDCWD;
  std::uint64_t resolve = 0;
};

/// Reads a file. Returns nullopt, with errno, if it is not regular or too large.
std::optional<std::string> read_regular(int file) {
  const FileStatus status = status_of(file);
  if (status.is_regular()) return read_all(file, kMaxConfig);
  errno = status.is_directory() ? EISDIR : EINVAL;
  return std::nullopt;
}

void overlay(ConfigResult& result, const std::string& path, bool required,
             const LookupStart& place) {
  // A link is followed, because an administrator may have made the file one (NixOS).
  const UniqueFd file = sys::open_beneath(place.directory, path.c_str(),
                                          O_RDONLY | O_NONBLOCK | O_NOCTTY, place.resolve);
  if (!file && !required && (errno == ENOENT || errno == ENOTDIR)) return;
  if (!file && !required && errno == EACCES && !is_real_root()) {
    result.notes.push_back(warning("configuration " + path + " not used: " + errno_text(EACCES)));
    return;
  }
  const auto text = file ? read_regular(file.get()) : std::nullopt;
  if (!text) {
    throw_errno(Code::config_unreadable,
                "failed to load config: couldn't open required configuration file: `" + path + "`",
                required ? "make it a readable file, or leave the option out"
                         : "make it a readable file, or remove it");
  }
  ConfigResult next = parse_config(*text, path, std::move(result.config));
  result.config = std::move(next.config);
  std::move(next.settings.begin(), next.settings.end(), std::back_inserter(result.settings));
  result.notes.push_back(info("configuration from " + path));
  result.notes.insert(result.notes.end(), next.notes.begin(), next.notes.end());
}

void overlay_directory(ConfigResult& result, const std::string& directory,
                       const LookupStart& place) {
  if (directory.empty()) return;
  for (const char* program : {"/nvidia-container-runtime", "/oci-nvidia-hook"}) {
    overlay(result, directory + program + "/config.toml", false, place);
  }
}

/// Returns the user's directory of configuration files; empty if it cannot be found out. Engines
/// start hooks with an environment of their own, which seldom has the user's variables. In that
/// case the user database has the answer.
std::string user_config_directory(const CallerContext& caller) {
  if (caller.config_home.starts_with('/')) return caller.config_home;
  if (caller.home.starts_with('/')) return caller.home + "/.config";
  const auto uid = outer_uid();
  const auto passwd = read_host_file("/etc/passwd", kMaxUserDatabase);
  const auto home = uid && passwd ? home_of(*passwd, *uid) : std::nullopt;
  return home ? *home + "/.config" : std::string();
}

/// Reads the only file that counts, if one is named; false if none is.
bool overlay_named(ConfigResult& result, const std::string& explicit_file,
                   const CallerContext& caller) {
  const std::string& single = explicit_file.empty() ? caller.config_file : explicit_file;
  if (single.empty()) return false;
  overlay(result, single, true, {.directory = caller.working_directory.get()});
  return true;
}

}  // namespace

ConfigResult load_config(const std::string& explicit_file, const CallerContext& caller,
                         Config base) {
  ConfigResult result{.config = std::move(base)};
  if (!caller.mps_pipe_directory.empty()) {
    result.config.mps_pipe_directory = caller.mps_pipe_directory;
  }
  if (overlay_named(result, explicit_file, caller)) return result;
  overlay_directory(result, "/etc", {});
  if (!is_real_root()) overlay_directory(result, user_config_directory(caller), {});
  return result;
}

ConfigResult load_config_of(const RootDir& host, const std::string& explicit_file,
                            const CallerContext& caller) {
  ConfigResult result;
  if (overlay_named(result, explicit_file, caller)) return result;
  overlay_directory(result, "/etc",
                    {.directory = host.fd(), .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS});
  return result;
}

}  // namespace nvhook
