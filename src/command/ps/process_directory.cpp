// SPDX-License-Identifier: Apache-2.0
// Everything is read below one descriptor. The links in fd are followed by the kernel to the open
// files themselves, not by their text.
#include "command/ps/process_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "os/files.hpp"
#include "os/read_link.hpp"
#include "os/syscalls.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxText = 1UL << 20U;
constexpr std::size_t kUsualText = 4096;
constexpr unsigned kReadOrWrite = S_IRUSR | S_IWUSR;

/// Whether `name` in `owner`/fdinfo says that the descriptor was opened with O_PATH.
bool only_names(int owner, const std::string& name) {
  const std::string path = "fdinfo/" + name;
  const UniqueFd file(::openat(owner, path.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string text = file ? read_all(file.get(), kMaxText).value_or("") : "";
  constexpr std::string_view kFlags = "\nflags:";
  const auto at = text.find(kFlags);
  if (at == std::string::npos) return false;
  const std::string_view line = std::string_view(text).substr(at + kFlags.size());
  constexpr int kOctal = 8;
  const auto flags = parse_unsigned(trim(line.substr(0, line.find('\n'))), kOctal);
  return flags && (*flags & O_PATH) != 0;
}

}  // namespace

std::optional<NodeFacts> look_at_node(int directory, const char* name, int flags) {
  struct statx found {};
  if (::statx(directory, name, flags | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
              STATX_TYPE | STATX_MODE, &found) == 0) {
    return NodeFacts{.mode = found.stx_mode,
                     .number = {.major = found.stx_rdev_major, .minor = found.stx_rdev_minor}};
  }
  struct stat status {};
  if (errno != ENOSYS || ::fstatat(directory, name, &status, flags) != 0) return std::nullopt;
  return NodeFacts{.mode = status.st_mode,
                   .number = {.major = major(status.st_rdev), .minor = minor(status.st_rdev)}};
}

std::optional<std::vector<std::string>> names_in(UniqueFd directory) {
  if (!directory) return std::nullopt;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), ::closedir);
  if (!stream) return std::nullopt;
  static_cast<void>(directory.release());
  std::vector<std::string> names;
  errno = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return std::nullopt;
  return names;
}

std::vector<pid_t> all_processes(int proc) {
  std::vector<pid_t> pids;
  const auto names = names_in(UniqueFd(::openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!names) return pids;
  for (const std::string& name : *names) {
    if (const auto pid = parse_unsigned_int(name)) pids.push_back(static_cast<pid_t>(*pid));
  }
  return pids;
}

ProcessDirectory::ProcessDirectory(int proc, pid_t pid)
    : pid_(pid),
      directory_(::openat(proc, std::to_string(pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

std::optional<std::string> ProcessDirectory::read(const char* name) const {
  const UniqueFd file(::openat(directory_.get(), name, O_RDONLY | O_CLOEXEC));
  return file ? read_all(file.get(), kMaxText, kUsualText) : std::nullopt;
}

std::string ProcessDirectory::pid_namespace() const {
  return read_link_at(directory_.get(), "ns/pid").value_or("");
}

UniqueFd ProcessDirectory::root() const {
  return sys::open_beneath(directory_.get(), "root", O_PATH | O_DIRECTORY, 0);
}

/// The kernel counts threads as if they were subdirectories of `task`.
bool ProcessDirectory::has_threads() const {
  struct stat status {};
  constexpr nlink_t kOne = 3;
  return ::fstatat(directory_.get(), "task", &status, 0) == 0 && status.st_nlink > kOne;
}

std::size_t ProcessDirectory::look_at_descriptors(int owner, const DriverDevices& driver,
                                                  OpenNodes& found) {
  const auto names = names_in(UniqueFd(::openat(owner, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!names) {
    found.is_denied = found.is_denied || errno == EACCES || errno == EPERM;
    return 0;
  }
  const UniqueFd fds(::openat(owner, "fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const std::string& name : *names) {
    const auto status = look_at_node(fds.get(), name.c_str(), 0);
    if (!status || !S_ISCHR(status->mode) || !driver.contains(status->number)) continue;
    if (found.numbers.contains(status->number)) continue;
    // The link of a descriptor that neither reads nor writes has no permission bits. Such a one may
    // still control the device (access mode 3).
    const auto link = look_at_node(fds.get(), name.c_str(), AT_SYMLINK_NOFOLLOW);
    if (link && (link->mode & kReadOrWrite) == 0 && only_names(owner, name)) continue;
    found.numbers.insert(status->number);
  }
  return names->size();
}

ProcessDirectory::OpenNodes ProcessDirectory::open_nodes(const DriverDevices& driver) const {
  OpenNodes found;
  const bool has_any = look_at_descriptors(directory_.get(), driver, found) != 0;
  if (has_any || found.is_denied || !has_threads()) return found;
  // The first thread has ended; the others have the descriptors.
  const auto threads =
      names_in(UniqueFd(::openat(directory_.get(), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!threads) return found;
  for (const std::string& thread : *threads) {
    const std::string path = "task/" + thread;
    const UniqueFd owner(
        ::openat(directory_.get(), path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (owner && look_at_descriptors(owner.get(), driver, found) != 0) break;
  }
  return found;
}

}  // namespace nvhook
