// SPDX-License-Identifier: Apache-2.0
// The container's root file system as the place where targets are found or made.
#include "system/target_tree.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "core/error.hpp"
#include "system/syscalls.hpp"

namespace nvhook {
namespace {

constexpr int kMaxLinks = 40;  // as many as the kernel follows
constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;

/// An object directly in `parent`, never through a link.
UniqueFd open_entry(int parent, const std::string& name, int flags, mode_t mode = 0) {
  return sys::open_beneath(parent, name.c_str(), static_cast<std::uint64_t>(flags | O_NOFOLLOW),
                           RESOLVE_BENEATH, mode);
}

/// Which object has the name `name` in `parent`; nothing if that cannot be told.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const Identity&) const = default;
};
std::optional<Identity> identity_of(int parent, const std::string& name) {
  struct stat status {};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return Identity{.device = status.st_dev, .inode = status.st_ino};
}

/// Where the link at `path` leads; the link is known to dangle, or it would have been opened.
ContainerPath follow(int parent, const ContainerPath& path, int depth) {
  std::array<char, 4096> text{};
  const ssize_t length = ::readlinkat(parent, path.filename().c_str(), text.data(), text.size());
  if (depth >= kMaxLinks) errno = ELOOP;
  if (length <= 0 || static_cast<std::size_t>(length) == text.size() || depth >= kMaxLinks) {
    throw_target_error(path, "follow");
  }
  const std::string target(text.data(), static_cast<std::size_t>(length));
  return target.front() == '/' ? ContainerPath(target) : path.parent() / target;
}

}  // namespace

FileIdentity::FileIdentity(uid_t uid, gid_t gid) noexcept : changed_(uid != 0 || gid != 0) {
  if (!changed_) return;
  // The group first: without uid 0 it could not be changed.
  ::setfsgid(gid);
  ::setfsuid(uid);
}

FileIdentity::~FileIdentity() {
  if (!changed_) return;
  ::setfsuid(0);
  ::setfsgid(0);
}

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
  // The lowest that can be opened, or what is in it: a link may lead to what is no directory.
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

int TargetTree::directory(const ContainerPath& path) { return kept_directory(path)->get(); }

std::shared_ptr<UniqueFd> TargetTree::kept_directory(const ContainerPath& path) {
  auto& kept = directories_[path];
  if (!kept) kept = std::make_shared<UniqueFd>(make_directory(path, 0));
  return kept;
}

UniqueFd TargetTree::directory_target(const ContainerPath& path) { return make_directory(path, 0); }

UniqueFd TargetTree::file_target(const ContainerPath& path) { return make_file(path, 0); }

UniqueFd TargetTree::make_directory(const ContainerPath& path, int depth) {
  UniqueFd found = rootfs_.open(path.str(), O_PATH | O_DIRECTORY);
  if (found) return found;
  if (errno != ENOENT || path.str() == "/") {
    fail(path, "open directory");
  }
  if (depth >= kMaxLinks) {
    errno = ELOOP;
    throw_target_error(path, "open directory");
  }
  const std::string name = path.filename();
  // What a link says may end in a slash, or have a dot in it.
  if (name.empty() || name == ".") return make_directory(path.parent(), depth + 1);
  const auto parent = std::make_shared<UniqueFd>(make_directory(path.parent(), depth + 1));
  const int made = [&] {
    const FileIdentity identity(uid_, gid_);
    return ::mkdirat(parent->get(), name.c_str(), kDirectoryMode);
  }();
  if (made != 0 && errno == EEXIST) {
    return make_directory(follow(parent->get(), path, depth), depth + 1);
  }
  if (made != 0) throw_target_error(path, "create directory");
  push_removal(parent, name, true);
  UniqueFd directory = open_entry(parent->get(), name, O_PATH | O_DIRECTORY);
  if (!directory) throw_target_error(path, "open directory");
  return directory;
}

UniqueFd TargetTree::make_file(const ContainerPath& path, int depth) {
  UniqueFd found = rootfs_.open(path.str(), O_PATH);
  if (!found && errno != ENOENT) fail(path, "open");
  if (found && !status_of(found.get()).is_directory()) return found;
  if (found) {
    errno = EISDIR;
    throw_target_error(path, "mount over");
  }
  const auto parent = kept_directory(path.parent());
  const std::string name = path.filename();
  UniqueFd file = [&] {
    const FileIdentity identity(uid_, gid_);
    return open_entry(parent->get(), name, O_RDONLY | O_CREAT | O_EXCL, kFileMode);
  }();
  if (!file && errno == EEXIST) {
    return make_file(follow(parent->get(), path, depth), depth + 1);
  }
  if (!file) throw_target_error(path, "create");
  push_removal(parent, name, false);
  return file;
}

void TargetTree::push_link_removal(const ContainerPath& link) {
  push_removal(kept_directory(link.parent()), link.filename(), false);
}

void TargetTree::push_removal(const std::shared_ptr<UniqueFd>& parent, const std::string& name,
                              bool is_directory) {
  const std::optional<Identity> made = identity_of(parent->get(), name);
  undo_.push([parent, name, made, is_directory] {
    // Somebody else's object may have taken the name meanwhile.
    if (made && identity_of(parent->get(), name) != made) return;
    ::unlinkat(parent->get(), name.c_str(), is_directory ? AT_REMOVEDIR : 0);
  });
}

}  // namespace nvhook
