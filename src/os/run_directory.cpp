// SPDX-License-Identifier: Apache-2.0
// Checks owner and mode on the opened descriptor, of the directory and of each file.
#include "os/run_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "os/file_status.hpp"
#include "os/files.hpp"
#include "os/replace_file.hpp"
#include "os/syscalls.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxFile = 1UL << 20U;

UniqueFd open_at(int directory, const char* name, int flags, mode_t mode = 0) noexcept {
  return sys::open_beneath(directory, name, static_cast<std::uint64_t>(flags), 0, mode);
}

/// Returns why users other than root may have written an object with this status; nullopt if they
/// cannot have.
std::optional<std::string> why_not_roots(const struct stat& status) {
  if (status.st_uid != 0) return "belongs to user " + std::to_string(status.st_uid);
  if (is_writable_by_others(status.st_mode)) return "is writable by group or others";
  return std::nullopt;
}

}  // namespace

UniqueFd open_roots_directory(const std::string& path, std::string& why) {
  UniqueFd directory = open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  struct stat status {};
  if (!directory || ::fstat(directory.get(), &status) != 0) {
    const int error = errno;
    why = "cannot be opened: " + errno_text(error);
    errno = error;
    return UniqueFd();
  }
  if (const auto others = why_not_roots(status)) {
    why = *others;
    errno = EPERM;
    return UniqueFd();
  }
  return directory;
}

UniqueFd make_roots_directory(const std::string& path, std::string& why) {
  UniqueFd directory = open_roots_directory(path, why);
  if (directory || errno != ENOENT) return directory;
  constexpr mode_t kMode = 0755;
  if (::mkdirat(AT_FDCWD, path.c_str(), kMode) != 0 && errno != EEXIST) {
    why = "cannot be made: " + errno_text(errno);
    return UniqueFd();
  }
  return open_roots_directory(path, why);
}

std::optional<RunDirectory> RunDirectory::at(const std::string& path, Notes& notes) {
  if (::geteuid() != 0) {
    notes.push_back(info("not cached: only root has a place for it"));
    return std::nullopt;
  }
  std::string why;
  UniqueFd directory = make_roots_directory(path, why);
  if (directory) return RunDirectory(std::move(directory));
  notes.push_back(warning("not cached: `" + path + "` " + why));
  return std::nullopt;
}

std::optional<std::string> RunDirectory::read(const char* name, Notes& notes) const {
  const auto ignored = [&](const std::string& why) {
    notes.push_back(info(std::string("cache ") + name + " ignored: " + why));
    return std::nullopt;
  };
  const UniqueFd file =
      open_at(directory_.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!file) return errno == ENOENT ? std::nullopt : ignored(errno_text(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return ignored(errno_text(errno));
  if (!S_ISREG(status.st_mode)) return ignored("is no regular file");
  if (const auto why = why_not_roots(status)) return ignored(*why);
  auto text = read_all(file.get(), kMaxFile);
  return text ? std::move(text) : ignored(errno_text(errno));
}

void RunDirectory::replace(const char* name, std::string_view text, Notes& notes) const {
  if (put_file(directory_.get(), name, text, S_IRUSR | S_IWUSR)) return;
  notes.push_back(warning(std::string("not cached: write ") + name + ": " + errno_text(errno)));
}

std::vector<std::string> RunDirectory::names(std::string_view prefix) const {
  std::vector<std::string> found;
  UniqueFd opened = open_at(directory_.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!opened) return found;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(opened.get()), ::closedir);
  if (!stream) return found;
  static_cast<void>(opened.release());  // the stream closes it
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name(static_cast<const char*>(entry->d_name));
    if (name.starts_with(prefix)) found.emplace_back(name);
  }
  return found;
}

void RunDirectory::remove_file(const std::string& name) const noexcept {
  static_cast<void>(::unlinkat(directory_.get(), name.c_str(), 0));
}

}  // namespace nvhook
