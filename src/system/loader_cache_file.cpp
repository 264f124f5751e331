// SPDX-License-Identifier: Apache-2.0
// The container's /etc/ld.so.cache, replaced as a whole.
#include "system/loader_cache_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/ld_cache.hpp"
#include "system/files.hpp"
#include "system/syscalls.hpp"

namespace nvhook {
namespace {

constexpr const char* kName = "ld.so.cache";
// The largest known images have caches of a few MiB.
constexpr std::size_t kMaxCache = 16UL << 20U;
constexpr std::uint64_t kInDirectory = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

[[noreturn]] void fail(const std::string& action) {
  throw_errno(Code::loader_cache_failed, action + " `/etc/ld.so.cache` in the container",
              "look at what the image has at /etc/ld.so.cache and at the space on its disk");
}

/// The image's cache, if it has one that is a regular file of bearable size.
std::string read_existing(int etc, Notes& notes) {
  const UniqueFd found = sys::open_beneath(etc, kName, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
  if (!found) return {};
  if (!status_of(found.get()).is_regular()) {
    notes.push_back(warning("the image's /etc/ld.so.cache is no regular file: it is replaced"));
    return {};
  }
  const UniqueFd file =
      sys::open_beneath(etc, kName, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, kInDirectory);
  auto bytes =
      file && status_of(file.get()).is_regular() ? read_all(file.get(), kMaxCache) : std::nullopt;
  if (!bytes) {
    notes.push_back(warning("the image's /etc/ld.so.cache cannot be read (" + errno_text(errno) +
                            "): it is rebuilt from the injected libraries"));
    return {};
  }
  return *std::move(bytes);
}

std::vector<LdCacheEntry> to_cache_entries(const std::vector<LoaderEntry>& entries) {
  std::vector<LdCacheEntry> additions;
  additions.reserve(entries.size());
  for (const LoaderEntry& entry : entries) {
    additions.push_back(
        {.flags = entry.abi == Abi::native ? native_library_flags() : compat32_library_flags(),
         .name = entry.soname,
         .path = entry.path.str()});
  }
  return additions;
}

/// Makes `temporary` in `etc` with `bytes`; false if /etc cannot be written at all.
bool write_temporary(int etc, const std::string& temporary, const std::string& bytes,
                     const TargetTree& tree) {
  const FileIdentity identity(tree.uid(), tree.gid());
  const UniqueFd file = sys::open_beneath(
      etc, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kInDirectory, 0644);
  if (!file && (errno == EROFS || errno == EACCES)) return false;
  if (!file) fail("create a file beside");
  if (!write_all(file.get(), bytes)) {
    const int error = errno;
    ::unlinkat(etc, temporary.c_str(), 0);
    errno = error;
    fail("write");
  }
  return true;
}

/// Gives `temporary` the cache's name. The old file keeps a second name until nothing can fail any
/// more, so that its inode, owner and times come back if something does; what is returned removes
/// that name.
std::function<void()> take_name(int etc, const std::string& temporary, UndoStack& undo) {
  const std::string backup = temporary + ".old";
  const bool had_one = ::linkat(etc, kName, etc, backup.c_str(), 0) == 0;
  const bool ready = had_one || errno == ENOENT;
  if (!ready || sys::rename_at(etc, temporary.c_str(), etc, kName, 0) != 0) {
    const int error = errno;
    ::unlinkat(etc, temporary.c_str(), 0);
    if (had_one) ::unlinkat(etc, backup.c_str(), 0);
    errno = error;
    fail("replace");
  }
  undo.push([etc, backup, had_one] {
    if (had_one) {
      static_cast<void>(sys::rename_at(etc, backup.c_str(), etc, kName, 0));
    } else {
      ::unlinkat(etc, kName, 0);
    }
  });
  return [etc, backup, had_one] {
    if (had_one) ::unlinkat(etc, backup.c_str(), 0);
  };
}

}  // namespace

std::function<void()> replace_loader_cache(TargetTree& tree,
                                           const std::vector<LoaderEntry>& entries, UndoStack& undo,
                                           Notes& notes) {
  const auto nothing = [] {};
  const int etc = tree.directory(kLoaderCacheDirectory);
  const std::string existing = read_existing(etc, notes);
  const LdCacheEdit edit = edit_ld_cache(existing, to_cache_entries(entries));
  if (!edit.kept_existing) {
    notes.push_back(warning(
        "the image's /etc/ld.so.cache is no loader cache: rebuilt from the injected libraries"));
  }
  if (edit.bytes == existing) return nothing;

  const std::string temporary = ".ld.so.cache." + std::to_string(::getpid());
  if (!write_temporary(etc, temporary, edit.bytes, tree)) {
    notes.push_back(warning("/etc is read-only: the loader cache stays as it is"));
    return nothing;
  }
  return take_name(etc, temporary, undo);
}

}  // namespace nvhook
