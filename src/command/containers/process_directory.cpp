// SPDX-License-Identifier: Apache-2.0
// Everything is read below one descriptor.
#include "command/containers/process_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "os/files.hpp"
#include "os/read_link.hpp"
#include "os/syscalls.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxProcFile = 1UL << 20U;
constexpr std::size_t kMaxMountinfo = 16UL << 20U;
constexpr std::size_t kUsualText = 4096;

/// Calls `use` for each entry; returns false, with errno, if the directory cannot be read.
template <typename Use>
bool for_each_entry(UniqueFd directory, const Use& use) {
  if (!directory) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), ::closedir);
  if (!stream) return false;
  static_cast<void>(directory.release());
  errno = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = ::readdir(stream.get())) use(*entry);
  return errno == 0;
}

}  // namespace

std::optional<NodeFacts> look_at_node(int directory, const char* name, int flags) {
  struct statx found {};
  if (::statx(directory, name, flags | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
              STATX_TYPE | STATX_MODE | STATX_INO, &found) == 0) {
    return NodeFacts{.mode = found.stx_mode,
                     .number = {.major = found.stx_rdev_major, .minor = found.stx_rdev_minor},
                     .file = {.device = makedev(found.stx_dev_major, found.stx_dev_minor),
                              .inode = found.stx_ino}};
  }
  struct stat status {};
  if (errno != ENOSYS || ::fstatat(directory, name, &status, flags) != 0) return std::nullopt;
  return NodeFacts{.mode = status.st_mode,
                   .number = {.major = major(status.st_rdev), .minor = minor(status.st_rdev)},
                   .file = {.device = status.st_dev, .inode = status.st_ino}};
}

std::optional<std::vector<std::string>> names_in(UniqueFd directory) {
  std::vector<std::string> names;
  const bool is_read = for_each_entry(std::move(directory), [&](const dirent& entry) {
    const std::string_view name(static_cast<const char*>(entry.d_name));
    if (name != "." && name != "..") names.emplace_back(name);
  });
  return is_read ? std::optional(std::move(names)) : std::nullopt;
}

std::vector<ProcessEntry> all_processes(int proc) {
  std::vector<ProcessEntry> processes;
  UniqueFd all(::openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool is_read = for_each_entry(std::move(all), [&](const dirent& entry) {
    const auto pid = parse_unsigned_int(static_cast<const char*>(entry.d_name));
    if (pid) processes.push_back({.pid = static_cast<pid_t>(*pid), .inode = entry.d_ino});
  });
  return is_read ? processes : std::vector<ProcessEntry>();
}

ProcessDirectory::ProcessDirectory(int proc, pid_t pid)
    : pid_(pid),
      directory_(::openat(proc, std::to_string(pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

std::optional<std::string> ProcessDirectory::read(const char* name) const {
  const UniqueFd file(::openat(directory_.get(), name, O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::array<char, kUsualText> buffer{};
  const ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
  if (size < 0) return std::nullopt;
  std::string text(buffer.data(), static_cast<std::size_t>(size));
  if (text.size() < buffer.size()) return text;  // so there is no more
  const auto rest = read_all(file.get(), kMaxProcFile);
  return rest ? std::optional(text + *rest) : std::nullopt;
}

std::string ProcessDirectory::mountinfo() const {
  const UniqueFd file(::openat(directory_.get(), "mountinfo", O_RDONLY | O_CLOEXEC));
  return file ? read_all(file.get(), kMaxMountinfo).value_or("") : "";
}

std::string ProcessDirectory::pid_namespace() const {
  return read_link_at(directory_.get(), "ns/pid").value_or("");
}

UniqueFd ProcessDirectory::root() const {
  return sys::open_beneath(directory_.get(), "root", O_PATH | O_DIRECTORY, 0);
}

}  // namespace nvhook
