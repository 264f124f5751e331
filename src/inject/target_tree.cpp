// SPDX-License-Identifier: Apache-2.0
// Files are made with O_EXCL first, because most images do not have them.
#include "inject/target_tree.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "os/file_status.hpp"
#include "os/read_link.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr int kMaxLinks = 40;  // the kernel's limit
constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;

/// Opens an object directly in `parent`, never through a link.
UniqueFd open_entry(int parent, const std::string& name, int flags) {
  return sys::open_beneath(parent, name.c_str(), static_cast<std::uint64_t>(flags | O_NOFOLLOW),
                           RESOLVE_BENEATH);
}

/// Whether `name` in `parent` is the object that `made` is open on.
bool is_same_object(int parent, const std::string& name, int made) noexcept {
  struct stat there {};
  struct stat own {};
  return ::fstatat(parent, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstat(made, &own) == 0 && is_same_file(there, own);
}

/// Returns the target of the link at `path`, which must dangle, or it would have been opened.
ContainerPath follow(int parent, const ContainerPath& path, int depth) {
  const auto target = read_link_at(parent, path.filename().c_str());
  if (depth >= kMaxLinks) errno = ELOOP;
  if (!target || depth >= kMaxLinks) throw_target_error(path, "follow");
  return target->front() == '/' ? ContainerPath(*target) : path.parent() / *target;
}

}  // namespace

void throw_target_error(const ContainerPath& path, const std::string& action) {
  const std::string what = action + " `" + path.str() + "` in the container";
  if (errno == EROFS) {
    throw_errno(Code::target_read_only, what,
                "do not mount " + path.parent().str() +
                    " read-only into the container, or mount a writable copy");
  }
  if (errno == EOVERFLOW) {
    throw_errno(Code::target_unusable, what,
                "give the container the user namespace that its idmapped root file system is for: "
                "its root has no owner there");
  }
  throw_errno(Code::target_unusable, what,
              "look at what the image has at " + path.str() + " and at its parent directories");
}

void TargetTree::fail(const ContainerPath& path, const std::string& action) const {
  if (errno != ENOTDIR) throw_target_error(path, action);
  // Find the lowest directory that can be opened; what is in it may be a link to a file.
  ContainerPath obstacle = path;
  UniqueFd above;
  while (!above && obstacle.str() != "/") {
    above = rootfs_.open(obstacle.parent().str(), O_PATH);
    if (!above || !status_of(above.get()).is_directory()) obstacle = obstacle.parent();
  }
  throw Error(Code::target_unusable,
              action + " `" + path.str() + "` in the container: `" + obstacle.str() +
                  "` is not a directory",
              "look at what the image has at " + obstacle.str());
}

const LayerDirectory& TargetTree::directory(const ContainerPath& path) {
  const auto kept = directories_.find(path);
  if (kept != directories_.end()) return kept->second;
  return directories_.emplace(path, layer_.look_at(make_directory(path, 0))).first->second;
}

MountTarget TargetTree::directory_target(const ContainerPath& path) {
  return {.fd = make_directory(path, 0)};
}

MountTarget TargetTree::file_target(const ContainerPath& path) { return make_file(path, 0); }

SharedFd TargetTree::make_directory(const ContainerPath& path, int depth) {
  UniqueFd found = rootfs_.open(path.str(), O_PATH | O_DIRECTORY);
  if (found) return share(std::move(found));
  if (errno != ENOENT || path.str() == "/") {
    fail(path, "open directory");
  }
  if (depth >= kMaxLinks) {
    errno = ELOOP;
    throw_target_error(path, "open directory");
  }
  const std::string name = path.filename();
  // The text of a link may end in a slash or contain a dot.
  if (name.empty() || name == ".") return make_directory(path.parent(), depth + 1);
  const auto known = directories_.find(path.parent());
  const LayerDirectory parent = known != directories_.end()
                                    ? known->second
                                    : layer_.look_at(make_directory(path.parent(), depth + 1));
  const bool made = writer_.make_directory(parent, path, kDirectoryMode);
  if (!made && errno == EEXIST) {
    return make_directory(follow(parent.fd(), path, depth), depth + 1);
  }
  if (!made) throw_target_error(path, "create directory");
  SharedFd directory = share(open_entry(parent.fd(), name, O_PATH | O_DIRECTORY));
  if (!*directory) {
    const int error = errno;
    // Without a descriptor it could not be undone later.
    LayerWriter::remove_entry(parent, name, AT_REMOVEDIR);
    errno = error;
    throw_target_error(path, "open directory");
  }
  push_removal(parent, name, directory, AT_REMOVEDIR);
  return directory;
}

/// Returns what the image has at `path`; null if nothing.
SharedFd TargetTree::find_file(const ContainerPath& path) {
  UniqueFd found = rootfs_.open(path.str(), O_PATH);
  if (!found && errno == ENOENT) return nullptr;
  if (!found) fail(path, "open");
  if (status_of(found.get()).is_directory()) {
    errno = EISDIR;
    throw_target_error(path, "mount over");
  }
  return share(std::move(found));
}

/// Most images have no file there, so try to make it first: that never opens an existing link or
/// device. In a directory that is not the container's own, only existing files can be mounted over.
MountTarget TargetTree::make_file(const ContainerPath& path, int depth) {
  const LayerDirectory& parent = directory(path.parent());
  const std::string name = path.filename();
  if (parent.obstacle()) {
    if (SharedFd found = find_file(path)) return {.fd = std::move(found)};
    if (!read_link_at(parent.fd(), name.c_str())) LayerWriter::require_own(parent, path);
    return make_file(follow(parent.fd(), path, depth), depth + 1);
  }
  UniqueFd made = writer_.make_file(parent, path, kFileMode);
  if (!made) {
    const int error = errno;
    if (SharedFd found = find_file(path)) return {.fd = std::move(found)};
    errno = error;
    if (error != EEXIST) throw_target_error(path, "create");
    return make_file(follow(parent.fd(), path, depth), depth + 1);
  }
  SharedFd file = share(std::move(made));
  push_removal(parent, name, file, 0);
  return {.fd = std::move(file), .directory = parent.shared()};
}

void TargetTree::push_link_removal(const ContainerPath& link, const std::string& target) {
  undo_.push([parent = directory(link.parent()), name = link.filename(), target] {
    if (read_link_at(parent.fd(), name.c_str()) == target) LayerWriter::remove_entry(parent, name);
  });
}

/// Removes only the object that we made, because another one may have taken the name meanwhile.
void TargetTree::push_removal(const LayerDirectory& parent, const std::string& name,
                              const SharedFd& made, int flags) {
  undo_.push([parent, name, made, flags] {
    if (is_same_object(parent.fd(), name, made->get())) {
      LayerWriter::remove_entry(parent, name, flags);
    }
  });
}

}  // namespace nvhook
