// SPDX-License-Identifier: Apache-2.0
// A temporary file beside the old one, and rename.
#include "system/replace_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "system/files.hpp"
#include "system/syscalls.hpp"
#include "system/unique_fd.hpp"

namespace nvhook {
namespace {

constexpr mode_t kNewMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;

/// A new file `name` with `text`, and owner and mode of `old`, if there is one.
bool write_new(int directory, const std::string& name, const std::string& text,
               const std::optional<struct stat>& old, bool is_synced) {
  const UniqueFd file =
      sys::open_beneath(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                        RESOLVE_BENEATH, S_IRUSR | S_IWUSR);
  if (!file || !write_all(file.get(), text)) return false;
  if (old && ::fchown(file.get(), old->st_uid, old->st_gid) != 0) return false;
  return ::fchmod(file.get(), old ? old->st_mode & 07777 : kNewMode) == 0 &&
         (!is_synced || ::fsync(file.get()) == 0);
}

/// So that the rename is on the disk too. Some file systems cannot, and it is done by then.
void sync_directory(int directory) {
  const UniqueFd opened =
      sys::open_beneath(directory, ".", O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH);
  if (opened) static_cast<void>(::fsync(opened.get()));
}

}  // namespace

bool replace_file(int directory, const std::string& name, const std::string& text,
                  const ReplaceOptions& options) {
  struct stat status {};
  std::optional<struct stat> old;
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    old = status;
  } else if (errno != ENOENT || !options.may_create) {
    return false;
  }
  const std::string temporary = "." + name + "." + std::to_string(::getpid());
  if (write_new(directory, temporary, text, old, options.is_synced) &&
      sys::rename_at(directory, temporary.c_str(), directory, name.c_str(), 0) == 0) {
    if (options.is_synced) sync_directory(directory);
    return true;
  }
  const int error = errno;
  ::unlinkat(directory, temporary.c_str(), 0);
  errno = error;
  return false;
}

}  // namespace nvhook
