// SPDX-License-Identifier: Apache-2.0
// A directory that is the root of everything below it: neither a link nor `..` leads out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/file_status.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// Whose the files below a root are: the host's, or the image's, which are hostile.
enum class FileOwner { host, image };

/// A path that was opened below a root, and whether its content was to be read.
struct Lookup {
  std::string path = {};
  bool to_read = false;
};

/// A root directory. Paths given to its functions are absolute or relative to it. All links, also
/// absolute ones and those with `..`, are followed inside it (openat2 RESOLVE_IN_ROOT); magic links
/// of /proc are never followed (RESOLVE_NO_MAGICLINKS).
class RootDir {
 public:
  explicit RootDir(UniqueFd directory, FileOwner owner = FileOwner::host) noexcept
      : fd_(std::move(directory)), owner_(owner) {}

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// Returns the same directory; the paths opened through it are appended to `lookups`, which must
  /// outlive it.
  [[nodiscard]] RootDir recording(std::vector<Lookup>& lookups) const;

  /// Opens `path` with O_CLOEXEC | `flags`. Returns an empty descriptor with errno if it does not
  /// exist or may not be opened. Throws Error if that cannot be found out (no memory, a failing
  /// disk): otherwise an existing file would pass for absent, and the container would silently lack
  /// it.
  [[nodiscard]] UniqueFd open(const std::string& path, int flags) const;

  /// Returns the path of `fd`, an object below this root, as seen from this root; empty if it is
  /// not below.
  [[nodiscard]] std::string path_of(int fd) const;

  /// Returns the text of the symbolic link at `path`, also of a link of procfs, without following
  /// it; nullopt if there is no link or its text is too long. Throws as open() does.
  [[nodiscard]] std::optional<std::string> read_link(const std::string& path) const;

  /// Reads a regular file of up to `limit` bytes. Returns nullopt if it is absent, not regular or
  /// larger, or if its file system cannot read it (EIO: procfs returns it for a GPU that fell off
  /// the bus). Throws as open() does.
  [[nodiscard]] std::optional<std::string> read(const std::string& path, std::size_t limit) const;

  struct File {
    FileStatus status = {};
    std::string text = {};
  };
  /// As read(), with the status of the file.
  [[nodiscard]] std::optional<File> read_file(const std::string& path, std::size_t limit) const;

  /// Returns the names in a directory for which `keep` returns true, sorted, without `.` and `..`;
  /// empty if there is no such directory. Throws as open() does.
  [[nodiscard]] std::vector<std::string> list(
      const std::string& path, const std::function<bool(std::string_view)>& keep = {}) const;

  /// Whether `path` is an empty directory. Reads no more than the first names.
  [[nodiscard]] bool is_empty_directory(const std::string& path) const;

 private:
  [[nodiscard]] UniqueFd open_regular(const std::string& path) const;

  UniqueFd fd_;
  FileOwner owner_;
  std::vector<Lookup>* lookups_ = nullptr;
};

/// Opens the directory at `path` on the host as a root; nullopt, with errno, if it cannot be
/// opened.
[[nodiscard]] std::optional<RootDir> open_root(const std::string& path,
                                               FileOwner owner = FileOwner::host) noexcept;

}  // namespace nvhook
