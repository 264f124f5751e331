// SPDX-License-Identifier: Apache-2.0
// Opens each component with O_PATH and keeps the descriptors of the directories above it.
#include "os/path_walk.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/file_status.hpp"
#include "os/mount_id.hpp"
#include "os/read_link.hpp"

namespace nvhook {
namespace {

constexpr int kMaxLinks = 40;               // as in the kernel
constexpr ino_t kProcfsRoot = 1;            // inode number of the top directory of a procfs
constexpr unsigned long kNoLinks = 0x2000;  // ST_NOSYMFOLLOW, missing in glibc
constexpr mode_t kAnybodysDirectory = S_ISVTX | S_IWOTH;

UniqueFd fail(int error) noexcept {
  errno = error;
  return UniqueFd();
}

UniqueFd look_up(int directory, const std::string& name, int more = 0) noexcept {
  return UniqueFd(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC | more));
}

bool is_on_procfs(int fd) noexcept {
  struct statfs filesystem {};
  return ::fstatfs(fd, &filesystem) == 0 && filesystem.f_type == PROC_SUPER_MAGIC;
}

/// Links of procfs may lead to objects that have no path. Those in its top directory (`self`,
/// `mounts`, `net`) are ordinary links.
bool is_magic(int link, int directory) noexcept {
  if (!is_on_procfs(link)) return false;
  struct stat status {};
  const bool in_top =
      ::fstat(directory, &status) == 0 && status.st_ino == kProcfsRoot && is_on_procfs(directory);
  return !in_top;
}

/// As the kernel's fs.protected_symlinks: in a sticky directory that everybody can write to (/tmp),
/// a link is followed only if it belongs to us or to the directory's owner.
bool belongs_to_other_user(const struct stat& link, int directory) noexcept {
  struct stat parent {};
  if (link.st_uid == ::geteuid() || ::fstat(directory, &parent) != 0) return false;
  return (parent.st_mode & kAnybodysDirectory) == kAnybodysDirectory &&
         parent.st_uid != link.st_uid;
}

class Walk {
 public:
  Walk(int directory, std::uint64_t flags, std::uint64_t resolve, mode_t mode) noexcept
      : base_(directory),
        flags_(static_cast<int>(flags)),
        resolve_(resolve),
        mode_(mode),
        mount_(has(RESOLVE_NO_XDEV) ? mount_id_of(directory) : 0) {}

  UniqueFd open(const char* path) {
    if (std::string_view(path).size() >= PATH_MAX) return fail(ENAMETOOLONG);
    if (!go_to(path)) return UniqueFd();
    if (*path == '\0') return fail(ENOENT);
    while (!rest_.empty()) {
      take_component();
      if (name_ == "..") {
        if (!go_up()) return UniqueFd();
      } else if (name_ != ".") {
        if (is_last_) {
          UniqueFd opened = open_last();
          if (opened || errno != 0) return opened;  // otherwise a link was followed
        } else if (!go_down()) {
          return UniqueFd();
        }
      }
    }
    return UniqueFd(::openat(here(), ".", flags_ | O_CLOEXEC, mode_));
  }

 private:
  [[nodiscard]] bool has(std::uint64_t restriction) const noexcept {
    return (resolve_ & restriction) != 0;
  }
  [[nodiscard]] int here() const noexcept { return way_.empty() ? base_ : way_.back().get(); }
  [[nodiscard]] bool is_reachable(int fd) const noexcept {
    if (!has(RESOLVE_NO_XDEV) || (mount_ != 0 && mount_id_of(fd) == mount_)) return true;
    errno = EXDEV;
    return false;
  }

  void take_component() {
    const std::size_t end = std::min(rest_.find('/'), rest_.size());
    name_ = rest_.substr(0, end);
    const std::size_t next = rest_.find_first_not_of('/', end);
    is_last_ = next == std::string::npos;
    // `name/` must be a directory, and a link there is followed whatever the flags are.
    if (is_last_ && end < rest_.size()) must_be_directory_ = true;
    rest_.erase(0, std::min(next, rest_.size()));
  }

  /// Starts to walk `path`, from the root if it is absolute.
  bool go_to(const std::string& path) {
    rest_ = path.substr(std::min(path.find_first_not_of('/'), path.size()));
    if (path.empty() || path.front() != '/') return true;
    if (has(RESOLVE_BENEATH)) {
      errno = EXDEV;
      return false;
    }
    way_.clear();
    if (has(RESOLVE_IN_ROOT)) return true;
    top_ = UniqueFd(::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    base_ = top_.get();
    return top_ && is_reachable(base_);
  }

  bool go_up() {
    // As the kernel does, check that this directory may be searched.
    if (!look_up(here(), ".", O_DIRECTORY)) return false;
    if (!way_.empty()) {
      way_.pop_back();
      return true;
    }
    if (has(RESOLVE_IN_ROOT)) return true;
    if (has(RESOLVE_BENEATH)) {
      errno = EXDEV;
      return false;
    }
    top_ = look_up(base_, "..", O_DIRECTORY);
    base_ = top_.get();
    return top_ && is_reachable(base_);
  }

  bool go_down() {
    UniqueFd next = look_up(here(), name_, O_DIRECTORY);
    if (!next && errno == ENOTDIR) {
      const UniqueFd other = look_up(here(), name_);
      struct stat status {};
      if (!other || ::fstat(other.get(), &status) != 0) return false;
      if (S_ISLNK(status.st_mode)) return is_reachable(other.get()) && follow(other.get(), status);
      errno = S_ISDIR(status.st_mode) ? EAGAIN : ENOTDIR;
      return false;
    }
    if (!next || !is_reachable(next.get())) return false;
    way_.push_back(std::move(next));
    return true;
  }

  /// Puts the text of the link before the rest of the path.
  bool follow(int link, const struct stat& status) {
    struct statvfs filesystem {};
    const bool is_refused = has(RESOLVE_NO_SYMLINKS) || ++links_ > kMaxLinks ||
                            ::fstatvfs(link, &filesystem) != 0 ||
                            (filesystem.f_flag & kNoLinks) != 0;
    errno = ELOOP;
    if (is_refused) return false;
    if (is_magic(link, here())) {
      if (!has(RESOLVE_NO_MAGICLINKS)) errno = EXDEV;
      return false;
    }
    errno = EACCES;
    if (is_last_ && belongs_to_other_user(status, here())) return false;
    const auto text = read_link_at(link, "");
    return text && go_to(rest_.empty() ? *text : *text + "/" + rest_);
  }

  /// Returns an empty descriptor with errno 0 if the last component is a link, which was followed.
  UniqueFd open_last() {
    if ((flags_ & O_CREAT) != 0 && must_be_directory_) return fail(EISDIR);
    if ((flags_ & O_CREAT) != 0 && (flags_ & O_EXCL) != 0) return open_name();
    UniqueFd object = look_up(here(), name_);
    if (!object && errno == ENOENT && (flags_ & O_CREAT) != 0) return create();
    struct stat status {};
    if (!object || ::fstat(object.get(), &status) != 0) return UniqueFd();
    const bool wants_directory = must_be_directory_ || (flags_ & O_DIRECTORY) != 0;
    const bool follows = must_be_directory_ || (flags_ & O_NOFOLLOW) == 0;
    if (!is_reachable(object.get())) return UniqueFd();
    if (S_ISLNK(status.st_mode) && follows) {
      if (follow(object.get(), status)) errno = 0;
      return UniqueFd();
    }
    if (wants_directory && !S_ISDIR(status.st_mode)) return fail(ENOTDIR);
    if ((flags_ & O_PATH) != 0) return object;
    if (S_ISLNK(status.st_mode)) return fail(ELOOP);
    return open_same(status);
  }

  /// Opens the object that was looked at, and fails if another one has its name by now.
  UniqueFd open_same(const struct stat& wanted) {
    UniqueFd opened = open_name();
    if (!opened) return errno == ELOOP ? fail(EAGAIN) : UniqueFd();
    struct stat status {};
    const bool is_same = ::fstat(opened.get(), &status) == 0 && is_same_file(status, wanted);
    return is_same && is_reachable(opened.get()) ? std::move(opened) : fail(EAGAIN);
  }

  UniqueFd create() {
    flags_ |= O_EXCL;
    UniqueFd created = open_name();
    flags_ &= ~O_EXCL;
    return created || errno != EEXIST ? std::move(created) : fail(EAGAIN);
  }

  [[nodiscard]] UniqueFd open_name() const {
    return UniqueFd(::openat(here(), name_.c_str(), flags_ | O_NOFOLLOW | O_CLOEXEC, mode_));
  }

  int base_;  // where the walk starts; the root, if it is restricted to one
  int flags_;
  std::uint64_t resolve_;
  mode_t mode_;
  std::uint64_t mount_;
  UniqueFd top_ = UniqueFd();       // owns `base_` if it is not the caller's
  std::vector<UniqueFd> way_ = {};  // the directories from `base_` to here
  std::string rest_ = {};           // the path after `name_`
  std::string name_ = {};
  bool is_last_ = false;
  bool must_be_directory_ = false;
  int links_ = 0;
};

}  // namespace

UniqueFd walk_path(int directory, const char* path, std::uint64_t flags, std::uint64_t resolve,
                   mode_t mode) noexcept {
  // Without restrictions the kernel's own walk is enough.
  if (resolve == 0) {
    return UniqueFd(::openat(directory, path, static_cast<int>(flags) | O_CLOEXEC, mode));
  }
  return Walk(directory, flags, resolve, mode).open(path);
}

}  // namespace nvhook
