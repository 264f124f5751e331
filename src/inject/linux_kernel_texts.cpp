// SPDX-License-Identifier: Apache-2.0
// The functions of LinuxKernel for texts, for links in the place of files, and for modes.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "inject/linux_kernel.hpp"
#include "os/file_status.hpp"
#include "os/mount_root.hpp"
#include "os/own_procfs.hpp"
#include "os/syscalls.hpp"
#include "os/temporary_name.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr mode_t kPermissions = 07777;

Note left_out(const ContainerPath& path, const std::string& why) {
  return warning("left out " + path.str() + ": " + why);
}

}  // namespace

void LinuxKernel::resolve(const TextFile& text) {
  text_files_[text.path] = find_loader_file(rootfs_, tree_, text.path);
}

void LinuxKernel::create(const TextFile& text) {
  const LoaderFile& file = text_files_.at(text.path);
  if (!file.directory || file.directory->obstacle()) {
    notes_.push_back(left_out(text.path, "its directory is not the container's own"));
  } else if (file.is_mount) {
    notes_.push_back(left_out(text.path, "something is mounted over it"));
  } else if (text_of(file, text.text.size()) != text.text) {
    if (auto replacement = write_beside(writer_, file, text.text, undo_)) {
      replacements_.push_back(*std::move(replacement));
    } else {
      notes_.push_back(left_out(text.path, errno_text(errno)));
    }
  }
}

/// The link is renamed over the file together with the other new files, so that the file can come
/// back. Returns false for what is no file, and for a file that is a mount: both stay.
bool LinuxKernel::replace_file(const LayerDirectory& directory, const std::string& name,
                               const Symlink& symlink) {
  const UniqueFd old = sys::open_beneath(directory.fd(), name.c_str(), O_PATH | O_NOFOLLOW,
                                         RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (!old || status_of(old.get()).is_directory() || is_mount_root(old.get(), rootfs_))
    return false;
  auto temporary = make_under_temporary_name(name, [&](const char* one) {
    return writer_.make_link(directory, symlink.link.parent() / one, symlink.target);
  });
  if (!temporary) throw_target_error(symlink.link, "replace by a link");
  undo_.push(
      [directory, temporary = *temporary] { LayerWriter::remove_entry(directory, temporary); });
  replacements_.push_back(
      {.directory = directory, .path = symlink.link, .temporary = *std::move(temporary)});
  notes_.push_back(info("replaced the file " + symlink.link.str() + " by a link"));
  return true;
}

/// A mode belongs to the file, not to its name, so the file itself must be the container's own.
void LinuxKernel::set(const ModeChange& change) {
  UniqueFd found = rootfs_.open(change.path.str(), O_PATH);
  if (!found) {
    notes_.push_back(left_out(change.path, errno_text(errno)));
    return;
  }
  const SharedFd seen = share(std::move(found));
  const FileStatus status = status_of(seen->get());
  if (!status.is_directory() && !status.is_regular()) {
    notes_.push_back(left_out(change.path, "it is no file or directory"));
    return;
  }
  if (const auto& obstacle = layer_.look_at(seen).obstacle()) {
    notes_.push_back(left_out(change.path, "it " + *obstacle));
    return;
  }
  const mode_t before = status.mode & kPermissions;
  if (before == change.mode) return;
  const SharedFd opened = share(open_to_read(seen->get()));
  if (!*opened || ::fchmod(opened->get(), change.mode) != 0) {
    notes_.push_back(left_out(change.path, errno_text(errno)));
    return;
  }
  undo_.push([opened, before] { static_cast<void>(::fchmod(opened->get(), before)); });
}

}  // namespace nvhook
