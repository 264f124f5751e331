// SPDX-License-Identifier: Apache-2.0
// The files that tell the container's loader where libraries are, each replaced as a whole.
#include "system/loader_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "core/ld_cache.hpp"
#include "core/musl_path.hpp"
#include "system/files.hpp"
#include "system/syscalls.hpp"

namespace nvhook {
namespace {

constexpr std::uint64_t kInDirectory = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

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

void let_nothing_go() {}

/// A file of the image that gets another content.
class ReplacedFile {
 public:
  ReplacedFile(TargetTree& tree, const ContainerPath& path, Notes& notes)
      : tree_(tree),
        directory_(tree.directory(path.parent())),
        path_(path),
        name_(path.filename()),
        notes_(notes) {}

  /// What the image has, if that is a regular file of at most `limit` bytes. An absent one and one
  /// that cannot be used are nothing; of the latter `notes` tells.
  [[nodiscard]] std::optional<std::string> read(std::size_t limit) {
    const UniqueFd found =
        sys::open_beneath(directory_, name_.c_str(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
    if (!found && errno != ENOENT) fail("open");
    if (!found) return std::nullopt;
    if (!status_of(found.get()).is_regular()) {
      notes_.push_back(
          warning("the image's " + path_.str() + " is no regular file: it is replaced"));
      return std::nullopt;
    }
    const UniqueFd file = sys::open_beneath(
        directory_, name_.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, kInDirectory);
    auto bytes = file ? read_all(file.get(), limit) : std::nullopt;
    // An image's entries are not thrown away because of a moment's lack of memory.
    if (!bytes && (!file || errno != EFBIG)) fail("read");
    if (!bytes) {
      notes_.push_back(warning("the image's " + path_.str() + " cannot be read (" +
                               errno_text(errno) + "): it is made anew"));
    }
    return bytes;
  }

  /// Puts a file with `bytes` in its place; what is returned lets the old one go.
  [[nodiscard]] std::function<void()> replace(const std::string& bytes, UndoStack& undo) {
    const std::string temporary = "." + name_ + "." + std::to_string(::getpid());
    if (!write_temporary(temporary, bytes)) {
      notes_.push_back(
          warning(path_.parent().str() + " is read-only: " + path_.filename() + " stays as it is"));
      return let_nothing_go;
    }
    return take_name(temporary, undo);
  }

 private:
  [[noreturn]] void fail(const std::string& action) const {
    throw_errno(Code::loader_cache_failed, action + " `" + path_.str() + "` in the container",
                "look at what the image has at " + path_.str() + " and at the space on its disk");
  }

  /// False if the directory cannot be written at all.
  bool write_temporary(const std::string& temporary, const std::string& bytes) {
    const FileIdentity identity(tree_.uid(), tree_.gid());
    const UniqueFd file =
        sys::open_beneath(directory_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                          kInDirectory, 0644);
    if (!file && (errno == EROFS || errno == EACCES)) return false;
    if (!file) fail("create a file beside");
    if (!write_all(file.get(), bytes)) {
      const int error = errno;
      ::unlinkat(directory_, temporary.c_str(), 0);
      errno = error;
      fail("write");
    }
    return true;
  }

  /// Gives `temporary` the file's name. The old file keeps a second name until nothing can fail any
  /// more, so that its inode, owner and times come back if something does; what is returned removes
  /// that name.
  std::function<void()> take_name(const std::string& temporary, UndoStack& undo) {
    const int directory = directory_;
    const std::string name = name_;
    const std::string backup = temporary + ".old";
    const bool had_one = keep_as(backup);
    const bool ready = had_one || errno == ENOENT;
    if (!ready || !rename_to_own(temporary)) {
      const int error = errno;
      ::unlinkat(directory, temporary.c_str(), 0);
      if (had_one) ::unlinkat(directory, backup.c_str(), 0);
      errno = error;
      fail("replace");
    }
    undo.push([directory, name, backup, had_one] {
      if (had_one) {
        static_cast<void>(sys::rename_at(directory, backup.c_str(), directory, name.c_str(), 0));
      } else {
        ::unlinkat(directory, name.c_str(), 0);
      }
    });
    return [directory, backup, had_one] {
      if (had_one) ::unlinkat(directory, backup.c_str(), 0);
    };
  }

  // What gives a name is done as the container's root: on an idmapped file system ours is nobody,
  // who may make nothing (EOVERFLOW).

  [[nodiscard]] bool keep_as(const std::string& backup) const {
    const auto name_again = [&] {
      return ::linkat(directory_, name_.c_str(), directory_, backup.c_str(), 0) == 0;
    };
    const bool linked = [&] {
      const FileIdentity identity(tree_.uid(), tree_.gid());
      return name_again();
    }();
    return linked || (errno == EPERM && name_again());  // the second: of a file that is another's
  }

  [[nodiscard]] bool rename_to_own(const std::string& temporary) const {
    const FileIdentity identity(tree_.uid(), tree_.gid());
    return sys::rename_at(directory_, temporary.c_str(), directory_, name_.c_str(), 0) == 0;
  }

  TargetTree& tree_;
  int directory_;
  ContainerPath path_;
  std::string name_;
  Notes& notes_;
};

}  // namespace

std::function<void()> replace_loader_cache(TargetTree& tree,
                                           const std::vector<LoaderEntry>& entries, UndoStack& undo,
                                           Notes& notes) {
  // The largest known images have caches of a few MiB.
  constexpr std::size_t kMaxCache = 16UL << 20U;
  ReplacedFile file(tree, kLoaderCache, notes);
  const std::string existing = file.read(kMaxCache).value_or("");
  const LdCacheEdit edit = edit_ld_cache(existing, to_cache_entries(entries));
  if (!edit.kept_existing) {
    notes.push_back(warning(
        "the image's /etc/ld.so.cache is no loader cache: rebuilt from the injected libraries"));
  }
  if (edit.bytes == existing) return let_nothing_go;
  return file.replace(edit.bytes, undo);
}

std::function<void()> extend_loader_path(TargetTree& tree, const LoaderPath& path, UndoStack& undo,
                                         Notes& notes) {
  constexpr std::size_t kMaxPath = 64UL << 10U;
  ReplacedFile file(tree, path.file, notes);
  const auto existing = file.read(kMaxPath);
  const std::string text = extend_musl_path(existing, path.directories);
  if (text == existing) return let_nothing_go;
  return file.replace(text, undo);
}

}  // namespace nvhook
