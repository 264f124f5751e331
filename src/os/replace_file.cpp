// SPDX-License-Identifier: Apache-2.0
// Writes a temporary file beside the old one and renames it.
#include "os/replace_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <optional>

#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "os/temporary_name.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {
namespace {

constexpr mode_t kNewMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;

using Finish = std::function<bool(int file)>;

/// `finish` sets owner and mode of the written file. Returns false, with errno, on failure.
bool write_and_rename(int directory, const std::string& name, std::string_view text,
                      const Finish& finish) {
  UniqueFd file;
  const auto temporary = make_under_temporary_name(name, [&](const char* free_name) {
    file = sys::open_beneath(directory, free_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                             RESOLVE_BENEATH, S_IRUSR | S_IWUSR);
    return static_cast<bool>(file);
  });
  if (!temporary) return false;
  if (write_all(file.get(), text) && finish(file.get()) &&
      sys::rename_at(directory, temporary->c_str(), directory, name.c_str(), 0) == 0) {
    return true;
  }
  const int error = errno;
  ::unlinkat(directory, temporary->c_str(), 0);
  errno = error;
  return false;
}

/// Writes the rename to the disk. Some file systems cannot; that is not an error, because the
/// rename has been done.
void sync_directory(int directory) {
  const UniqueFd opened =
      sys::open_beneath(directory, ".", O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH);
  if (opened) static_cast<void>(::fsync(opened.get()));
}

}  // namespace

bool put_file(int directory, const std::string& name, std::string_view text, mode_t mode) {
  constexpr mode_t kAsMade = S_IRUSR | S_IWUSR;
  return write_and_rename(directory, name, text,
                          [&](int file) { return mode == kAsMade || ::fchmod(file, mode) == 0; });
}

bool replace_file(int directory, const std::string& name, const std::string& text,
                  const ReplaceOptions& options) {
  struct stat status {};
  std::optional<struct stat> old;
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    old = status;
  } else if (errno != ENOENT || !options.may_create) {
    return false;
  }
  const auto finish = [&](int file) {
    if (old && ::fchown(file, old->st_uid, old->st_gid) != 0) return false;
    return ::fchmod(file, old ? old->st_mode & 07777 : kNewMode) == 0 &&
           (!options.is_synced || ::fsync(file) == 0);
  };
  if (!write_and_rename(directory, name, text, finish)) return false;
  if (options.is_synced) sync_directory(directory);
  return true;
}

}  // namespace nvhook
