// SPDX-License-Identifier: Apache-2.0
// Mounts that are made where nobody sees them, and attached by descriptor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// A mount made for the container: the descriptor of its root, and its id, 0 if nobody has asked.
struct Tree {
  UniqueFd fd = UniqueFd();
  std::uint64_t id = 0;
};

/// Two ways to the same. prepare() is called in the host's mount namespace, then enter() in the
/// container's, then the rest.
class Mounts {
 public:
  Mounts() = default;
  virtual ~Mounts() = default;
  Mounts(const Mounts&) = delete;
  Mounts& operator=(const Mounts&) = delete;
  Mounts(Mounts&&) = delete;
  Mounts& operator=(Mounts&&) = delete;

  /// What is to become the tree of `mount`, whose opened, unchecked source is `source`. It is
  /// checked here, on what is mounted then: throws as require_source() does.
  [[nodiscard]] virtual Tree prepare(const BindMount& mount, UniqueFd source) = 0;
  [[nodiscard]] virtual Tree prepare(const TmpfsMount& mount) = 0;
  virtual void enter() = 0;
  /// The tree, of what prepare() returned. Nobody has seen it without its attributes.
  [[nodiscard]] virtual Tree tree_of(const BindMount& mount, Tree prepared) = 0;
  [[nodiscard]] virtual Tree tree_of(const TmpfsMount& mount, Tree prepared) = 0;
  /// A read-only tree that shows nothing but a file with `content`, which nobody else has a name
  /// for. For a moment something is attached over `place`, a directory of the container's mount
  /// namespace. Throws Error(mount_failed).
  [[nodiscard]] virtual Tree file(const std::string& content, const std::string& label,
                                  int place) = 0;
  /// Another tree that shows what `tree` shows; empty with errno.
  [[nodiscard]] virtual UniqueFd copy(int tree) = 0;
  /// Puts `tree` over `target`; false with errno.
  [[nodiscard]] virtual bool attach(int tree, int target) noexcept = 0;
  /// Lets nothing out of the mount whose root is `root`; false with errno.
  [[nodiscard]] virtual bool make_slave(int root) noexcept = 0;
  /// Nothing is left but what was attached.
  virtual void leave() noexcept = 0;

  /// Takes away a tree that was attached.
  static void detach(int tree) noexcept;
};

/// `uid` and `gid` own what is made. The way is chosen by what this kernel has
/// (is_mount_api_refused).
[[nodiscard]] std::unique_ptr<Mounts> make_mounts(uid_t uid, gid_t gid);

/// Trees that are attached nowhere: open_tree, fsopen, mount_setattr, move_mount (Linux 5.12).
[[nodiscard]] std::unique_ptr<Mounts> make_detached_mounts(uid_t uid, gid_t gid);

/// Trees on a tmpfs of our own that hides itself: mount(2), only ever between descriptors.
[[nodiscard]] std::unique_ptr<Mounts> make_staged_mounts(uid_t uid, gid_t gid);

}  // namespace nvhook
