// SPDX-License-Identifier: Apache-2.0
// Walks the path with openat, one component at a time, and judges each mount and owner on the way.
#include "os/public_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "os/file_status.hpp"
#include "os/files.hpp"
#include "os/mount_id.hpp"
#include "os/own_procfs.hpp"
#include "os/read_link.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr int kMaxHostLinks = 40;  // as in the kernel
constexpr std::size_t kMaxMountinfo = std::size_t{16} << 20U;
/// File systems that the kernel serves itself.
constexpr std::array<std::string_view, 13> kLocal{"ext2",     "ext3",   "ext4",   "xfs", "btrfs",
                                                  "bcachefs", "f2fs",   "jfs",    "zfs", "tmpfs",
                                                  "ramfs",    "rootfs", "overlay"};

/// Not by statfs, because that asks the file system.
std::string type_of_mount(std::uint64_t id) {
  const UniqueFd file(::openat(own_procfs(), "self/mountinfo", O_RDONLY | O_CLOEXEC));
  const std::string text = file ? read_all(file.get(), kMaxMountinfo).value_or("") : "";
  const std::string start = std::to_string(id) + " ";
  for (const std::string_view line : split(text, '\n')) {
    const auto end = line.find(" - ");
    if (!line.starts_with(start) || end == std::string_view::npos) continue;
    const std::string_view rest = line.substr(end + 3);
    return std::string(rest.substr(0, rest.find(' ')));
  }
  return {};
}

class PlaceWalk {
 public:
  PlaceWalk(const RootDir& root, MadeBy made_by) : root_(root), made_by_(made_by) {
    const auto top = find_status(root.fd());
    // Root, except in a copy of a host's tree that belongs to a user, and in a user namespace.
    top_owner_ = top ? top->owner : 0;
  }

  PlaceView to(const std::string& path) {
    push(path);
    while (!names_.empty()) {
      const std::string name = std::move(names_.front());
      names_.pop_front();
      if (name == ".") continue;
      if (name == "..") {
        if (!way_.empty()) way_.pop_back();
        continue;
      }
      if (!step(name)) return {.why_not = std::move(why_not_)};
    }
    if (way_.empty()) return {};
    return {.fd = std::move(way_.back()), .status = status_};
  }

 private:
  [[nodiscard]] int here() const noexcept { return way_.empty() ? root_.fd() : way_.back().get(); }

  void push(const std::string& path) {
    const auto pieces = split_list(path, '/');
    names_.insert(names_.begin(), pieces.begin(), pieces.end());
  }

  /// Returns false, with the reason in `why_not_`.
  bool refuse(const std::string& why) {
    why_not_ = why;
    return false;
  }

  /// Returns false if the path ends here. If the next component may not be used, the reason is in
  /// `why_not_`.
  bool step(const std::string& name) {
    // One name without following a link: openat2 adds nothing, and its replacement (walk_path) asks
    // the file system.
    UniqueFd next(::openat(here(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next && (errno == ENOENT || errno == ENOTDIR)) return false;
    if (!next) return refuse("`" + name + "` cannot be opened: " + errno_text(errno));
    if (!is_local(next.get(), name)) return false;
    const auto status = find_status(next.get());
    if (!status) return refuse("`" + name + "` cannot be looked at: " + errno_text(errno));
    if (made_by_ == MadeBy::root && !is_made_by_root(*status, name)) return false;
    if (status->is_symlink() && !names_.empty()) return follow(next.get(), name);
    status_ = *status;
    way_.push_back(std::move(next));
    return true;
  }

  /// Mounts on the top directories (/run, /tmp, /var) belong to the system: nobody else can mount
  /// there. So the mount table is not read for the usual places.
  bool is_local(int fd, const std::string& name) {
    if (way_.empty()) return true;
    const std::uint64_t id = mount_id_of(fd);
    if (id != 0 && id == mount_id_of(here())) return true;
    const std::string type = id == 0 ? "" : type_of_mount(id);
    if (std::find(kLocal.begin(), kLocal.end(), type) != kLocal.end()) return true;
    return refuse("`" + name + "` is a mount of a file system that " +
                  (type.empty() ? "is not known" : "others may serve: " + type));
  }

  /// In a user namespace all unmapped users look the same, the host's root and any other.
  bool is_made_by_root(const FileStatus& status, const std::string& name) {
    const bool is_last = names_.empty();
    const bool is_roots =
        status.owner == 0 || (status.owner == top_owner_ && !(is_last && in_user_namespace()));
    if (!is_roots) {
      return refuse("`" + name + "` belongs to user " + std::to_string(status.owner) +
                    ", not to root");
    }
    if (!status.is_directory() || !is_writable_by_others(status.mode)) return true;
    if (!is_last && (status.mode & S_ISVTX) != 0) return true;
    return refuse("others than root can write `" + name + "`");
  }

  bool follow(int link, const std::string& name) {
    const auto target = read_link_at(link, "");
    if (!target || ++links_ > kMaxHostLinks) {
      return refuse("the link `" + name + "` cannot be followed");
    }
    if (target->front() == '/') way_.clear();
    push(*target);
    return true;
  }

  const RootDir& root_;
  MadeBy made_by_;
  unsigned top_owner_ = 0;
  std::vector<UniqueFd> way_ = {};  // the directories from the root to here
  std::deque<std::string> names_ = {};
  FileStatus status_ = {};
  std::string why_not_ = {};
  int links_ = 0;
};

}  // namespace

PlaceView look_at_place(const RootDir& root, const std::string& path, MadeBy made_by) {
  return PlaceWalk(root, made_by).to(path);
}

}  // namespace nvhook
