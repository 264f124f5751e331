// SPDX-License-Identifier: Apache-2.0
// The files that tell the container's loader where libraries are, each replaced as a whole.
#include "system/loader_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/ld_cache.hpp"
#include "core/musl_path.hpp"
#include "system/files.hpp"
#include "system/own_procfs.hpp"
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

[[noreturn]] void fail(const ContainerPath& path, const std::string& action) {
  throw_errno(Code::loader_cache_failed, action + " `" + path.str() + "` in the container",
              "look at what the image has at " + path.str() + " and at the space on its disk");
}

/// What the image has in `directory`, if that is a regular file of at most `limit` bytes. An absent
/// one and one that cannot be used are nothing; of the latter `notes` tells.
std::optional<std::string> read_file(int directory, const ContainerPath& path, std::size_t limit,
                                     Notes& notes) {
  const UniqueFd found =
      sys::open_beneath(directory, path.filename().c_str(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
  if (!found && errno != ENOENT) fail(path, "open");
  if (!found) return std::nullopt;
  const FileStatus status = status_of(found.get());
  if (!status.is_regular()) {
    notes.push_back(warning("the image's " + path.str() + " is no regular file: it is replaced"));
    return std::nullopt;
  }
  const UniqueFd file = open_to_read(found.get());
  auto bytes = file ? read_all(file.get(), limit, status.size) : std::nullopt;
  // An image's entries are not thrown away because of a moment's lack of memory.
  if (!bytes && (!file || errno != EFBIG)) fail(path, "read");
  if (!bytes) {
    notes.push_back(warning("the image's " + path.str() + " cannot be read (" + errno_text(errno) +
                            "): it is made anew"));
  }
  return bytes;
}

/// Nothing if the directory cannot be written at all.
std::optional<Replacement> write_beside(const TargetTree& tree, int directory,
                                        const ContainerPath& path, const std::string& bytes,
                                        UndoStack& undo, Notes& notes) {
  std::string temporary = "." + path.filename() + "." + std::to_string(::getpid());
  const FileIdentity identity(tree.uid(), tree.gid());
  const UniqueFd file = sys::open_beneath(
      directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kInDirectory, 0644);
  if (!file && (errno == EROFS || errno == EACCES)) {
    notes.push_back(
        warning(path.parent().str() + " is read-only: " + path.filename() + " stays as it is"));
    return std::nullopt;
  }
  if (!file) fail(path, "create a file beside");
  undo.push([directory, temporary] { ::unlinkat(directory, temporary.c_str(), 0); });
  if (!write_all(file.get(), bytes)) fail(path, "write");
  return Replacement{.directory = directory, .path = path, .temporary = std::move(temporary)};
}

// What gives a name is done as the container's root: on an idmapped file system ours is nobody, who
// may make nothing (EOVERFLOW).

/// A second name for the old file, so that its inode, owner and times can come back; false if there
/// is none.
bool keep_old(const Replacement& file, const std::string& backup, const TargetTree& tree) {
  const std::string name = file.path.filename();
  const auto name_again = [&] {
    return ::linkat(file.directory, name.c_str(), file.directory, backup.c_str(), 0) == 0;
  };
  const bool linked = [&] {
    const FileIdentity identity(tree.uid(), tree.gid());
    return name_again();
  }();
  if (linked || (errno == EPERM && name_again())) return true;  // that of a file that is another's
  if (errno != ENOENT) fail(file.path, "replace");
  return false;
}

void take_name(const Replacement& file, const TargetTree& tree) {
  const FileIdentity identity(tree.uid(), tree.gid());
  if (sys::rename_at(file.directory, file.temporary.c_str(), file.directory,
                     file.path.filename().c_str(), 0) != 0) {
    fail(file.path, "replace");
  }
}

/// `take_name`, with a way back until what is returned is called.
std::function<void()> take_name_for_now(const Replacement& file, const TargetTree& tree,
                                        UndoStack& undo) {
  const int directory = file.directory;
  const std::string name = file.path.filename();
  const std::string backup = file.temporary + ".old";
  const bool had_one = keep_old(file, backup, tree);
  undo.push([directory, name, backup, had_one, temporary = file.temporary] {
    if (had_one) {
      static_cast<void>(sys::rename_at(directory, backup.c_str(), directory, name.c_str(), 0));
      // Still there if both are names of one file, which a rename leaves alone.
      ::unlinkat(directory, backup.c_str(), 0);
    } else {
      static_cast<void>(sys::rename_at(directory, name.c_str(), directory, temporary.c_str(), 0));
    }
  });
  take_name(file, tree);
  return [directory, backup, had_one] {
    if (had_one) ::unlinkat(directory, backup.c_str(), 0);
  };
}

}  // namespace

std::optional<Replacement> write_loader_cache(TargetTree& tree,
                                              const std::vector<LoaderEntry>& entries,
                                              UndoStack& undo, Notes& notes) {
  // The largest known images have caches of a few MiB.
  constexpr std::size_t kMaxCache = 16UL << 20U;
  const int directory = tree.directory(kLoaderCache.parent());
  const std::string existing = read_file(directory, kLoaderCache, kMaxCache, notes).value_or("");
  const LdCacheEdit edit = edit_ld_cache(existing, to_cache_entries(entries));
  if (!edit.kept_existing) {
    notes.push_back(warning(
        "the image's /etc/ld.so.cache is no loader cache: rebuilt from the injected libraries"));
  }
  if (edit.bytes == existing) return std::nullopt;
  return write_beside(tree, directory, kLoaderCache, edit.bytes, undo, notes);
}

std::optional<Replacement> write_loader_path(TargetTree& tree, const LoaderPath& path,
                                             UndoStack& undo, Notes& notes) {
  constexpr std::size_t kMaxPath = 64UL << 10U;
  const int directory = tree.directory(path.file.parent());
  const auto existing = read_file(directory, path.file, kMaxPath, notes);
  const std::string text = extend_musl_path(existing, path.directories);
  if (text == existing) return std::nullopt;
  return write_beside(tree, directory, path.file, text, undo, notes);
}

std::vector<std::function<void()>> put_in_place(const std::vector<Replacement>& replacements,
                                                const TargetTree& tree, UndoStack& undo) {
  std::vector<std::function<void()>> let_go;
  for (const Replacement& file : replacements) {
    if (&file == &replacements.back()) {
      take_name(file, tree);
    } else {
      let_go.push_back(take_name_for_now(file, tree, undo));
    }
  }
  return let_go;
}

}  // namespace nvhook
