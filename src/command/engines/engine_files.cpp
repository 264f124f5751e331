// SPDX-License-Identifier: Apache-2.0
// Reads and replaces files by descriptor, below the root of the host.
#include "command/engines/engine_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "os/files.hpp"
#include "os/replace_file.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxFile = 1UL << 20U;
constexpr const char* kBeRoot = "run it with sudo";
/// systemd's default PATH for services, and the directory in which this project is installed.
constexpr std::array kProgramDirectories{OCI_NVIDIA_BINDIR,
                                         "/usr/local/sbin",
                                         "/usr/local/bin",
                                         "/usr/sbin",
                                         "/usr/bin",
                                         "/sbin",
                                         "/bin"};

[[noreturn]] void throw_not_writable(const std::string& what) {
  const bool is_denied = errno == EACCES || errno == EPERM;
  throw_errno(Code::engine_config_not_writable, what,
              is_denied ? kBeRoot : "make room, or make the file system writable");
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Opens the directory at the absolute `path` and makes missing components.
UniqueFd open_directory(const RootDir& system, const std::string& path) {
  UniqueFd directory = system.open("/", O_PATH | O_DIRECTORY);
  std::string so_far;
  for (const std::string_view name : split_list(path, '/')) {
    so_far += "/" + std::string(name);
    UniqueFd next = system.open(so_far, O_PATH | O_DIRECTORY);
    if (!next && errno == ENOENT) {
      constexpr mode_t kMode = 0755;
      if (::mkdirat(directory.get(), std::string(name).c_str(), kMode) != 0 && errno != EEXIST) {
        throw_not_writable("make the directory `" + so_far + "`");
      }
      next = system.open(so_far, O_PATH | O_DIRECTORY);
    }
    if (!next) throw_not_writable("open the directory `" + so_far + "`");
    directory = std::move(next);
  }
  return directory;
}

}  // namespace

std::optional<std::string> read_engine_file(const RootDir& system, const std::string& path) {
  const UniqueFd found = system.open(path, O_PATH | O_NOFOLLOW);
  if (!found && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!found) throw_errno(Code::config_unreadable, "open `" + path + "`", kBeRoot);
  const FileStatus status = status_of(found.get());
  if (status.is_symlink()) {
    throw Error(Code::config_invalid, "`" + path + "` is a link",
                "name the file that it leads to with --config-file");
  }
  if (!status.is_regular() || status.size > kMaxFile) {
    throw Error(
        Code::config_invalid,
        "`" + path + "` is " + (status.is_regular() ? "larger than 1 MiB" : "no regular file"),
        "name a configuration file with --config-file");
  }
  const UniqueFd file = system.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  auto text = file ? read_all(file.get(), kMaxFile) : std::nullopt;
  if (!text) throw_errno(Code::config_unreadable, "read `" + path + "`", kBeRoot);
  return text;
}

void write_change(const RootDir& system, const FileChange& change) {
  const std::string& path = change.path;
  const std::string name = name_of(path);
  const UniqueFd directory = open_directory(system, path.substr(0, path.size() - name.size()));
  if (read_engine_file(system, path) != change.before) {
    throw Error(Code::engine_config_not_writable, "`" + path + "` was changed meanwhile",
                "run setup again");
  }
  const bool is_done = change.after ? replace_file(directory.get(), name, *change.after,
                                                   {.may_create = true, .is_synced = true})
                                    : ::unlinkat(directory.get(), name.c_str(), 0) == 0;
  if (!is_done) throw_not_writable("write `" + path + "`");
}

bool has_file(const RootDir& system, const std::string& path) {
  const UniqueFd file = system.open(path, O_PATH);
  return file && status_of(file.get()).is_regular();
}

std::string find_program(const RootDir& system, const std::string& name) {
  for (const char* directory : kProgramDirectories) {
    std::string path = std::string(directory) + "/" + name;
    const UniqueFd file = system.open(path, O_PATH);
    if (!file) continue;
    const FileStatus status = status_of(file.get());
    if (status.is_regular() && (status.mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0) return path;
  }
  return {};
}

}  // namespace nvhook
