// SPDX-License-Identifier: Apache-2.0
// A directory that is the root of everything below it: no link and no `..` leads out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/file_status.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// Who may have made what is below a root: programs of the host, or the image.
enum class FileOwner { host, image };

/// A path that was opened below a root, and whether to read what is in it.
struct Lookup {
  std::string path = {};
  bool to_read = false;
};

/// A root directory. Paths given to its functions are absolute or relative to it; all links, also
/// absolute ones and those with `..`, are followed inside it (openat2 RESOLVE_IN_ROOT), and links
/// of /proc (RESOLVE_NO_MAGICLINKS) never.
class RootDir {
 public:
  explicit RootDir(UniqueFd directory, FileOwner owner = FileOwner::host) noexcept
      : fd_(std::move(directory)), owner_(owner) {}

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// The same directory; the paths that it is asked for are appended to `lookups`, which must
  /// outlive it.
  [[nodiscard]] RootDir recording(std::vector<Lookup>& lookups) const;

  /// Opens `path` with O_CLOEXEC | `flags`; empty with errno if it is not there or may not be
  /// opened. Throws Error where that cannot be told (no memory, a bad disk): what is
  /// there would pass for absent, and the container would lack it without a word.
  [[nodiscard]] UniqueFd open(const std::string& path, int flags) const;

  /// The path of `fd`, an object below this root, as seen from this root; empty if it is not below.
  [[nodiscard]] std::string path_of(int fd) const;

  /// The text of the symbolic link at `path`, also of one of procfs, which is not followed; nothing
  /// if there is none or it is longer than a path may be. Throws as open() does.
  [[nodiscard]] std::optional<std::string> read_link(const std::string& path) const;

  /// Up to `limit` bytes of a regular file. Nothing if it is absent, is no regular file, is larger
  /// or its file system cannot read it (EIO: what procfs says of a GPU that fell off the bus).
  /// Throws as open() does.
  [[nodiscard]] std::optional<std::string> read(const std::string& path, std::size_t limit) const;

  struct File {
    FileStatus status = {};
    std::string text = {};
  };
  /// The same, with its status.
  [[nodiscard]] std::optional<File> read_file(const std::string& path, std::size_t limit) const;

  /// The names in a directory that `keep` keeps, sorted, without `.` and `..`; empty if there is no
  /// such directory. Throws as open() does.
  [[nodiscard]] std::vector<std::string> list(
      const std::string& path, const std::function<bool(std::string_view)>& keep = {}) const;

  /// Whether there is a directory with nothing in it. Looks at no more than its first names.
  [[nodiscard]] bool is_empty_directory(const std::string& path) const;

 private:
  [[nodiscard]] UniqueFd open_regular(const std::string& path) const;

  UniqueFd fd_;
  FileOwner owner_;
  std::vector<Lookup>* lookups_ = nullptr;
};

/// The directory at `path` on the host as a root; nothing, with errno, if it cannot be opened.
[[nodiscard]] std::optional<RootDir> open_root(const std::string& path,
                                               FileOwner owner = FileOwner::host) noexcept;

}  // namespace nvhook
