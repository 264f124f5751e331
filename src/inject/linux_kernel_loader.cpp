// SPDX-License-Identifier: Apache-2.0
// The functions of LinuxKernel that update the loader's files.
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "inject/linux_kernel.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

/// If both ways are possible, `cover` decides.
LoaderUpdate way_to_update(const LoaderFile& file, bool cover) {
  const bool is_own = file.directory && !file.directory->obstacle();
  const bool can_rename = is_own && !file.is_mount;
  const bool can_cover = file.seen || (is_own && !file.named);
  return can_rename && !(cover && can_cover) ? LoaderUpdate::rename : LoaderUpdate::cover;
}

}  // namespace

void LinuxKernel::resolve(const std::vector<LoaderEntry>& /*entries*/) {
  loader_files_[kLoaderCache] = find_loader_file(rootfs_, tree_, kLoaderCache);
}

void LinuxKernel::resolve(const LoaderPath& path) {
  loader_files_[path.file] = find_loader_file(rootfs_, tree_, path.file);
}

bool LinuxKernel::is_private(const ContainerPath& path) const {
  return std::any_of(tmpfs_.begin(), tmpfs_.end(), [&](const ContainerPath& tmpfs) {
    return path.str().starts_with(tmpfs.str() + "/");
  });
}

/// Mounts a file of ours over the loader's file, which stays as it is. If there is none, makes one
/// first that lists none of our libraries.
void LinuxKernel::cover(const LoaderFile& file, const LoaderText& text) {
  SharedFd target =
      file.seen ? file.seen : make_loader_file(writer_, file, text.without_libraries, undo_);
  // No process looks anything up on a tmpfs of ours yet, and mounts on it do not propagate.
  const auto own = tmpfs_.empty() ? pending_.end() : pending_.find(tmpfs_.front());
  const int place = own != pending_.end() ? own->second.tree.fd.get() : rootfs_.fd();
  if (own == pending_.end()) make_slave(rootfs_.fd());
  Tree tree = mounts_->file(text.after, label_, place);
  pending_[file.path] = {.tree = std::move(tree), .target = {.fd = std::move(target)}};
  attach(file.path);
  notes_.push_back(info("mounted a loader file of our own over " + file.path.str()));
}

void LinuxKernel::update(const LoaderFile& file, LoaderUpdate way, const LoaderText& text,
                         LoaderNeed need) {
  if (text.before == text.after) return;
  if (way == LoaderUpdate::rename) {
    if (auto replacement = write_beside(writer_, file, text.after, undo_)) {
      replacements_.push_back(*std::move(replacement));
      return;
    }
  }
  const std::string why = way == LoaderUpdate::rename ? errno_text(errno) : "a volume";
  const bool may_make =
      way == LoaderUpdate::cover && file.directory && !file.directory->obstacle() && !file.named;
  if (file.seen || may_make) return cover(file, text);
  if (need == LoaderNeed::none) return;
  if (need == LoaderNeed::the_drivers) {
    throw Error(Code::loader_cache_failed,
                "tell the container's loader of the driver's libraries: " + file.path.str() +
                    " is no file that could be mounted over, and none can be made (" + why + ")",
                "run ldconfig for what is mounted at " + file.path.parent().str() +
                    ", so that the file is there, or do not mount a volume over it");
  }
  notes_.push_back(warning(file.path.str() + " stays as it is (" + why +
                           "): programs find libraries in the loader's default directories"));
}

void LinuxKernel::update_loader_cache(const std::vector<LoaderEntry>& entries,
                                      const std::vector<LoaderEntry>& stale, bool cover) {
  if (!stale.empty()) uncover_loader_cache(stale);
  const LoaderFile& file = loader_files_.at(kLoaderCache);
  const LoaderUpdate way = way_to_update(file, cover);
  const bool is_any_private =
      std::any_of(entries.begin(), entries.end(),
                  [&](const LoaderEntry& entry) { return is_private(entry.path); });
  const bool is_musl = loader_files_.size() > 1;  // it has a path file as well
  const LoaderNeed need = is_musl          ? LoaderNeed::none
                          : is_any_private ? LoaderNeed::the_drivers
                                           : LoaderNeed::unusual;
  update(file, way, new_loader_cache(file, way, entries, stale, notes_), need);
}

void LinuxKernel::update_loader_path(const LoaderPath& path, bool cover) {
  const LoaderFile& file = loader_files_.at(path.file);
  const LoaderUpdate way = way_to_update(file, cover);
  const bool is_any_private =
      std::any_of(path.directories.begin(), path.directories.end(),
                  [&](const ContainerPath& directory) { return is_private(directory); });
  update(file, way, new_loader_path(file, way, path.directories, notes_),
         is_any_private ? LoaderNeed::the_drivers : LoaderNeed::unusual);
}

void LinuxKernel::replace_files() {
  for (auto& let_go : put_in_place(replacements_, writer_, undo_)) {
    on_commit_.push_back(std::move(let_go));
  }
}

}  // namespace nvhook
