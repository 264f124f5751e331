// SPDX-License-Identifier: Apache-2.0
// Everything is opened with RESOLVE_IN_ROOT; errors that hide an object throw.
#include "os/root_dir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "os/errno_error.hpp"
#include "os/files.hpp"
#include "os/own_procfs.hpp"
#include "os/read_link.hpp"
#include "os/syscalls.hpp"

namespace nvhook {
namespace {

constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

/// The code for a failing disk, which belongs to the image or to the host.
Code code_of(FileOwner owner) noexcept {
  return owner == FileOwner::image ? Code::target_unusable : Code::internal;
}

/// Returns the path that our procfs has for `fd`; empty if it has none.
std::string link_of(int fd) {
  std::string path = path_in_procfs(fd);
  if (path.empty()) require_answer("read link", name_in_procfs(fd), Code::internal);
  return path;
}

}  // namespace

RootDir RootDir::recording(std::vector<Lookup>& lookups) const {
  RootDir same(UniqueFd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 3)), owner_);
  same.lookups_ = &lookups;
  return same;
}

UniqueFd RootDir::open(const std::string& path, int flags) const {
  if (lookups_ != nullptr) lookups_->push_back({path, (flags & O_PATH) == 0});
  UniqueFd fd =
      sys::open_beneath(fd_.get(), path.c_str(), static_cast<std::uint64_t>(flags), kInRoot);
  if (!fd) require_answer("open", path, code_of(owner_));
  return fd;
}

std::string RootDir::path_of(int fd) const {
  const std::string root = link_of(fd_.get());
  std::string path = link_of(fd);
  if (root == "/" || path.empty()) return path;
  if (path.size() <= root.size() || !path.starts_with(root) || path[root.size()] != '/') return {};
  return path.substr(root.size());
}

std::optional<std::string> RootDir::read_link(const std::string& path) const {
  const UniqueFd link = open(path, O_PATH | O_NOFOLLOW);
  return link ? read_link_at(link.get(), "") : std::nullopt;
}

/// In an image there may be anything, and opening a device has effects. This opens the very object
/// that was looked at: a running container may put another one under its name.
UniqueFd RootDir::open_regular(const std::string& path) const {
  const UniqueFd found = open(path, O_PATH);
  if (!found || !status_of(found.get()).is_regular()) return UniqueFd();
  UniqueFd file = open_to_read(found.get());
  if (!file) require_answer("open", path, code_of(owner_));
  return file;
}

std::optional<std::string> RootDir::read(const std::string& path, std::size_t limit) const {
  auto file = read_file(path, limit);
  return file ? std::optional(std::move(file->text)) : std::nullopt;
}

std::optional<RootDir::File> RootDir::read_file(const std::string& path, std::size_t limit) const {
  const UniqueFd file = owner_ == FileOwner::image ? open_regular(path)
                                                   : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return std::nullopt;
  const FileStatus status = status_of(file.get());
  if (!status.is_regular()) return std::nullopt;
  auto text = read_all(file.get(), limit);
  if (!text && errno != EIO) require_answer("read", path, code_of(owner_));
  if (!text) return std::nullopt;
  return File{.status = status, .text = *std::move(text)};
}

std::vector<std::string> RootDir::list(const std::string& path,
                                       const std::function<bool(std::string_view)>& keep) const {
  UniqueFd directory = open(path, O_RDONLY | O_DIRECTORY);
  std::vector<std::string> names;
  if (!directory) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), &::closedir);
  if (stream) static_cast<void>(directory.release());
  if (!stream) throw_errno(Code::internal, "list `" + path + "`");
  errno = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != ".." && (!keep || keep(name))) names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) require_answer("list", path, code_of(owner_));
  std::sort(names.begin(), names.end());
  return names;
}

bool RootDir::is_empty_directory(const std::string& path) const {
  UniqueFd directory = open(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), &::closedir);
  if (!stream) return false;
  static_cast<void>(directory.release());
  // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != "..") return false;
  }
  return true;
}

std::optional<RootDir> open_root(const std::string& path, FileOwner owner) noexcept {
  static_cast<void>(own_procfs());
  UniqueFd fd = sys::open_beneath(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY, 0);
  if (!fd) return std::nullopt;
  return RootDir(std::move(fd), owner);
}

}  // namespace nvhook
