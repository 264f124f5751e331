// SPDX-License-Identifier: Apache-2.0
// The content comes from the editors in formats/; here it is read, written and put in place.
#include "inject/loader_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>

#include <cerrno>
#include <utility>

#include "formats/ld_cache.hpp"
#include "formats/musl_path.hpp"
#include "os/files.hpp"
#include "os/mount_id.hpp"
#include "os/mount_root.hpp"
#include "os/own_procfs.hpp"
#include "os/syscalls.hpp"
#include "os/temporary_name.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

// The largest known images have caches of a few MiB.
constexpr std::size_t kMaxCache = 16UL << 20U;

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

/// Reads at most `limit` bytes of the file from which `update` starts: what programs see at the
/// path, which is below the container's root even if the name is a link. Returns nullopt if there
/// is none or it cannot be used; the latter is noted.
std::optional<std::string> read_file(const LoaderFile& file, LoaderUpdate update, std::size_t limit,
                                     Notes& notes) {
  const bool has_no_file = update == LoaderUpdate::rename && !file.seen;
  const SharedFd& found = has_no_file ? file.named : file.seen;
  if (!found) return std::nullopt;
  const FileStatus status = status_of(found->get());
  if (!status.is_regular()) {
    notes.push_back(
        warning("the image's " + file.path.str() + " is no regular file: it is replaced"));
    return std::nullopt;
  }
  const UniqueFd opened = open_to_read(found->get());
  auto bytes = opened ? read_all(opened.get(), limit, status.size) : std::nullopt;
  // Entries of the image must not be lost because memory was short for a moment.
  if (!bytes && (!opened || errno != EFBIG)) fail(file.path, "read");
  if (!bytes) {
    notes.push_back(warning("the image's " + file.path.str() + " cannot be read (" +
                            errno_text(errno) + "): it is made anew"));
  }
  return bytes;
}

/// Gives the old file a second name, so that its inode, owner and times can come back. Returns
/// nullopt if there is no old file.
std::optional<std::string> keep_old(const Replacement& file, const LayerWriter& writer) {
  auto name = make_under_temporary_name(file.path.filename(), [&](const char* temporary) {
    return writer.make_second_name(file.directory, file.path, temporary);
  });
  if (!name && errno != ENOENT) fail(file.path, "replace");
  return name;
}

void take_name(const Replacement& file, const LayerWriter& writer) {
  if (!writer.rename_entry(file.directory, file.temporary, file.path)) fail(file.path, "replace");
}

/// Like take_name, but can be undone until the returned function is called.
std::function<void()> take_name_for_now(const Replacement& file, const LayerWriter& writer,
                                        UndoStack& undo) {
  const auto backup = keep_old(file, writer);
  undo.push([&writer, file, backup] {
    if (!backup) {
      // There was no old file: rename back; the undo step of write_beside() removes that name.
      static_cast<void>(writer.rename_entry(file.directory, file.path.filename(),
                                            file.path.parent() / file.temporary));
      return;
    }
    static_cast<void>(writer.rename_entry(file.directory, *backup, file.path));
    // Both names may be one file; then the rename did nothing and the second name is still there.
    LayerWriter::remove_entry(file.directory, *backup);
  });
  take_name(file, writer);
  return [directory = file.directory, backup] {
    if (backup) LayerWriter::remove_entry(directory, *backup);
  };
}

}  // namespace

LoaderFile find_loader_file(const RootDir& rootfs, TargetTree& tree, const ContainerPath& path) {
  LoaderFile file{.path = path};
  try {
    file.directory = tree.directory(path.parent());
  } catch (const Error& error) {
    if (error.code() != Code::target_on_volume && error.code() != Code::target_read_only) throw;
    return file;
  }
  UniqueFd named = sys::open_beneath(file.directory->fd(), path.filename().c_str(),
                                     O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
  if (!named && errno != ENOENT) fail(path, "open");
  if (!named) return file;
  file.named = share(std::move(named));
  const FileStatus status = status_of(file.named->get());
  if (status.is_regular()) {
    file.seen = file.named;
    file.is_mount = is_mount_root(file.named->get(), rootfs);
  } else if (status.is_symlink()) {
    UniqueFd seen = rootfs.open(path.str(), O_PATH);
    if (seen && status_of(seen.get()).is_regular()) file.seen = share(std::move(seen));
  }
  return file;
}

LoaderText new_loader_cache(const LoaderFile& file, LoaderUpdate update,
                            const std::vector<LoaderEntry>& entries,
                            const std::vector<LoaderEntry>& stale, Notes& notes) {
  LoaderText text{.before = read_file(file, update, kMaxCache, notes).value_or("")};
  LdCacheEdit edit = edit_ld_cache(text.before, to_cache_entries(entries), to_cache_entries(stale));
  if (!edit.kept_existing) {
    notes.push_back(warning(
        "the image's /etc/ld.so.cache is no loader cache: rebuilt from the injected libraries"));
  }
  text.after = std::move(edit.bytes);
  if (!file.seen) text.without_libraries = edit_ld_cache("", {}).bytes;
  return text;
}

LoaderText shrunk_loader_cache(const LoaderFile& file, const std::vector<LoaderEntry>& entries,
                               Notes& notes) {
  LoaderText text{.before = read_file(file, LoaderUpdate::rename, kMaxCache, notes).value_or("")};
  LdCacheEdit edit = edit_ld_cache(text.before, {}, to_cache_entries(entries));
  text.after = edit.kept_existing ? std::move(edit.bytes) : text.before;
  return text;
}

LoaderText new_loader_path(const LoaderFile& file, LoaderUpdate update,
                           const std::vector<ContainerPath>& directories, Notes& notes) {
  constexpr std::size_t kMaxPath = 64UL << 10U;
  const auto before = read_file(file, update, kMaxPath, notes);
  return {.before = before.value_or(""),
          .after = extend_musl_path(before, directories),
          .without_libraries = extend_musl_path(std::nullopt, {})};
}

std::optional<std::string> text_of(const LoaderFile& file, std::size_t limit) {
  if (!file.seen) return std::nullopt;
  const UniqueFd opened = open_to_read(file.seen->get());
  auto text = opened ? read_all(opened.get(), limit, limit) : std::nullopt;
  if (!text && (!opened || errno != EFBIG)) fail(file.path, "read");
  return text;
}

std::optional<Replacement> write_beside(const LayerWriter& writer, const LoaderFile& file,
                                        const std::string& text, UndoStack& undo) {
  const LayerDirectory& directory = *file.directory;
  UniqueFd opened;
  auto temporary = make_under_temporary_name(file.path.filename(), [&](const char* name) {
    opened = writer.make_file(directory, file.path.parent() / name, 0644);
    return static_cast<bool>(opened);
  });
  const auto cannot_write = [] {
    return errno == EROFS || errno == EACCES || errno == ENOSPC || errno == EDQUOT;
  };
  if (!temporary && cannot_write()) return std::nullopt;
  if (!temporary) fail(file.path, "create a file beside");
  if (!write_all(opened.get(), text)) {
    const int error = errno;
    LayerWriter::remove_entry(directory, *temporary);
    errno = error;
    if (cannot_write()) return std::nullopt;
    fail(file.path, "write");
  }
  undo.push([directory, name = *temporary] { LayerWriter::remove_entry(directory, name); });
  return Replacement{.directory = directory, .path = file.path, .temporary = *std::move(temporary)};
}

SharedFd make_loader_file(const LayerWriter& writer, const LoaderFile& file,
                          const std::string& text, UndoStack& undo) {
  SharedFd made = share(writer.make_file(*file.directory, file.path, 0644));
  if (!*made) fail(file.path, "create");
  undo.push([directory = *file.directory, name = file.path.filename(), made] {
    LayerWriter::remove_entry(directory, name);
  });
  if (!write_all(made->get(), text)) fail(file.path, "write");
  return made;
}

std::vector<std::function<void()>> put_in_place(const std::vector<Replacement>& replacements,
                                                const LayerWriter& writer, UndoStack& undo) {
  std::vector<std::function<void()>> let_go;
  for (const Replacement& file : replacements) {
    if (&file == &replacements.back()) {
      take_name(file, writer);
    } else {
      let_go.push_back(take_name_for_now(file, writer, undo));
    }
  }
  return let_go;
}

}  // namespace nvhook
