// SPDX-License-Identifier: Apache-2.0
// The interface for mounts that are made where no other process sees them, and attached by
// descriptor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// A mount made for the container: the descriptor of its root, and its mount ID, 0 if not asked
/// yet.
struct Tree {
  UniqueFd fd = UniqueFd();
  std::uint64_t id = 0;
};

/// Two implementations: detached (open_tree) and staged (mount(2)). prepare() is called in the
/// host's mount namespace, then enter() in the container's, then the rest.
class Mounts {
 public:
  Mounts() = default;
  virtual ~Mounts() = default;
  Mounts(const Mounts&) = delete;
  Mounts& operator=(const Mounts&) = delete;
  Mounts(Mounts&&) = delete;
  Mounts& operator=(Mounts&&) = delete;

  /// Prepares the tree of `mount`; `source` is its opened, unchecked source. Checks it here, on the
  /// object that is mounted: throws what require_source() throws.
  [[nodiscard]] virtual Tree prepare(const BindMount& mount, UniqueFd source) = 0;
  [[nodiscard]] virtual Tree prepare(const TmpfsMount& mount) = 0;
  virtual void enter() = 0;
  /// Returns the tree of what prepare() returned. It was never visible without its attributes.
  [[nodiscard]] virtual Tree tree_of(const BindMount& mount, Tree prepared) = 0;
  [[nodiscard]] virtual Tree tree_of(const TmpfsMount& mount, Tree prepared) = 0;
  /// Returns a read-only tree that shows only a file with `content`, which has no other name. For a
  /// moment something is attached over `place`, a directory of the container's mount namespace.
  /// Throws Error(mount_failed).
  [[nodiscard]] virtual Tree file(const std::string& content, const std::string& label,
                                  int place) = 0;
  /// Returns another tree that shows what `tree` shows; empty, with errno, on failure.
  [[nodiscard]] virtual UniqueFd copy(int tree) = 0;
  /// Attaches `tree` at `target`; returns false, with errno, on failure.
  [[nodiscard]] virtual bool attach(int tree, int target) noexcept = 0;
  /// Makes the mount at `root` MS_SLAVE so that events do not propagate to the host; returns false,
  /// with errno, on failure.
  [[nodiscard]] virtual bool make_slave(int root) noexcept = 0;
  /// Discards all trees that were not attached.
  virtual void leave() noexcept = 0;

  /// Unmounts a tree that was attached.
  static void detach(int tree) noexcept;
};

/// `uid` and `gid` will own what is made. Chooses by what this kernel supports
/// (is_mount_api_refused).
[[nodiscard]] std::unique_ptr<Mounts> make_mounts(uid_t uid, gid_t gid);

/// Detached trees: open_tree, fsopen, mount_setattr, move_mount (Linux 5.12).
[[nodiscard]] std::unique_ptr<Mounts> make_detached_mounts(uid_t uid, gid_t gid);

/// Trees on a private tmpfs that covers the root directory: mount(2), only between descriptors.
[[nodiscard]] std::unique_ptr<Mounts> make_staged_mounts(uid_t uid, gid_t gid);

}  // namespace nvhook
