// SPDX-License-Identifier: Apache-2.0
// Paths on the host and paths in the container are different types, so that one cannot be used as
// the other.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <utility>

namespace nvhook {

/// An absolute path below some root. It is only a name: files are opened by src/os and the folders
/// above it.
template <typename Side>
class RootedPath {
 public:
  RootedPath() = default;
  explicit RootedPath(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] const std::string& str() const noexcept { return path_; }
  [[nodiscard]] bool empty() const noexcept { return path_.empty(); }

  /// The part after the last slash.
  [[nodiscard]] std::string filename() const { return path_.substr(path_.rfind('/') + 1); }

  /// The part before the last slash; "/" for a path directly below the root.
  [[nodiscard]] RootedPath parent() const {
    const auto slash = path_.rfind('/');
    return RootedPath(slash == 0 || slash == std::string::npos ? "/" : path_.substr(0, slash));
  }

  friend RootedPath operator/(const RootedPath& base, std::string_view name) {
    std::string joined = base.path_;
    if (joined.empty() || joined.back() != '/') joined += '/';
    return RootedPath(joined.append(name));
  }
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 in a defaulted <=> for ours
  friend auto operator<=>(const RootedPath&, const RootedPath&) = default;
  friend bool operator==(const RootedPath&, const RootedPath&) = default;

 private:
  std::string path_ = {};
};

struct HostSide {};
struct ContainerSide {};

/// A path on the host. The code that uses it says below which root it is (see HostFile).
using HostPath = RootedPath<HostSide>;
/// A path below the container's root file system.
using ContainerPath = RootedPath<ContainerSide>;

/// The roots below which host files are found.
enum class HostRoot {
  system,  ///< "/": /proc, /sys, /dev and other files of the system
  driver,  ///< `[nvidia-container-cli] root`: where the driver's user-space files are installed
};

/// A file on the host: a path below one of its roots.
struct HostFile {
  HostRoot root = HostRoot::system;
  HostPath path = {};

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 in a defaulted <=> for ours
  friend auto operator<=>(const HostFile&, const HostFile&) = default;
  friend bool operator==(const HostFile&, const HostFile&) = default;
};

}  // namespace nvhook
