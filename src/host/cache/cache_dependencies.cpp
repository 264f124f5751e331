// SPDX-License-Identifier: Apache-2.0
// Paths are walked name by name, because every directory on the way is a dependency.
#include "host/cache/cache_dependencies.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <set>
#include <utility>

#include "os/read_link.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr int kMaxLinks = 40;  // the kernel's limit
// Seconds. The coarsest clock of a file system has ticks of two seconds (FAT).
constexpr std::time_t kSettled = 2;

/// Calls fstatat for `path`, which contains no link; `/` is the root.
bool status_at(const RootDir& directory, const std::string& path, struct stat& status) noexcept {
  const char* const name = path.size() <= 1 ? "." : path.c_str() + 1;
  return ::fstatat(directory.fd(), name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/// The link count of a directory; 0 for files, where a second name does not matter.
std::uint64_t links_of(const struct stat& status) noexcept {
  return S_ISDIR(status.st_mode) ? status.st_nlink : 0;
}

CacheDependency dependency_of(const RootDir& directory, HostRoot root, const std::string& path) {
  CacheDependency dependency{.file = {.root = root, .path = HostPath(path)}};
  struct stat status {};
  if (!status_at(directory, path, status)) return dependency;
  dependency.exists = true;
  dependency.device = status.st_dev;
  dependency.inode = status.st_ino;
  dependency.links = links_of(status);
  dependency.changed_seconds = status.st_ctim.tv_sec;
  dependency.changed_nanoseconds = status.st_ctim.tv_nsec;
  return dependency;
}

class Walker {
 public:
  Walker(const RootDir& directory, std::set<std::string>& paths)
      : directory_(directory), paths_(paths) {}

  void walk(const Lookup& lookup) {
    at_ = "/";
    links_ = 0;
    names_.clear();
    push(lookup.path);
    while (!names_.empty()) {
      const std::string name = std::move(names_.front());
      names_.pop_front();
      if (!step(name, lookup.to_read)) return;
    }
    paths_.insert(at_);  // the root itself, or the directory that `..` leads to
  }

  /// Whether a link could not be read, so that the dependencies are incomplete.
  [[nodiscard]] bool is_lost() const { return is_lost_; }

 private:
  void push(const std::string& path) {
    const auto pieces = split_list(path, '/');
    names_.insert(names_.begin(), pieces.begin(), pieces.end());
  }

  /// Returns false at the end of the path.
  bool step(const std::string& name, bool to_read) {
    if (name == ".") return true;
    if (name == "..") {
      const std::size_t slash = at_.rfind('/');
      at_ = slash == 0 ? "/" : at_.substr(0, slash);
      return true;
    }
    const std::string entry = (at_ == "/" ? "" : at_) + "/" + name;
    struct stat status {};
    if (!status_at(directory_, entry, status)) {
      // A missing directory is a dependency itself, because its parent (/opt, /run) changes often.
      // For a missing file its directory is the dependency, which many files share.
      paths_.insert(names_.empty() ? at_ : entry);
      return false;
    }
    if (S_ISLNK(status.st_mode)) return follow(entry);
    if (names_.empty()) {
      if (S_ISDIR(status.st_mode) || to_read) {
        paths_.insert(entry);
      } else {
        paths_.insert(at_);
      }
      return false;
    }
    at_ = entry;
    return true;
  }

  bool follow(const std::string& link) {
    paths_.insert(at_);
    const auto target = read_link_at(directory_.fd(), link.c_str() + 1);
    if (!target) {
      is_lost_ = true;
      return false;
    }
    if (++links_ > kMaxLinks) return false;
    if (target->front() == '/') at_ = "/";
    push(*target);
    return true;
  }

  const RootDir& directory_;
  std::set<std::string>& paths_;
  std::string at_ = {};
  std::deque<std::string> names_ = {};
  int links_ = 0;
  bool is_lost_ = false;
};

}  // namespace

std::optional<std::vector<CacheDependency>> dependencies_of(const std::vector<Lookup>& lookups,
                                                            const RootDir& directory,
                                                            HostRoot root) {
  std::set<std::string> paths;
  std::set<std::pair<std::string, bool>> walked;
  Walker walker(directory, paths);
  for (const Lookup& lookup : lookups) {
    if (walked.emplace(lookup.path, lookup.to_read).second) walker.walk(lookup);
  }
  if (walker.is_lost()) return std::nullopt;
  // A missing name in a directory that is a dependency needs no entry: to create it changes the
  // directory.
  const std::set<std::string> named = paths;
  const auto is_told_above = [&](const std::string& path) {
    struct stat status {};
    return named.contains(HostPath(path).parent().str()) && !status_at(directory, path, status);
  };
  std::erase_if(paths, is_told_above);
  std::vector<CacheDependency> dependencies;
  dependencies.reserve(paths.size());
  for (const std::string& path : paths)
    dependencies.push_back(dependency_of(directory, root, path));
  return dependencies;
}

bool is_unchanged(const CacheDependency& dependency, const RootDir& directory) {
  struct stat status {};
  if (!status_at(directory, dependency.file.path.str(), status)) return !dependency.exists;
  return dependency.exists && status.st_dev == dependency.device &&
         status.st_ino == dependency.inode && links_of(status) == dependency.links &&
         status.st_ctim.tv_sec == dependency.changed_seconds &&
         status.st_ctim.tv_nsec == dependency.changed_nanoseconds;
}

bool is_settled(const CacheDependency& dependency, std::time_t started) {
  return !dependency.exists || dependency.changed_seconds + kSettled < started;
}

}  // namespace nvhook
