// SPDX-License-Identifier: Apache-2.0
// What `apply` may do to the world, in the phases that its safety depends on (design §3).
#pragma once

#include <vector>

#include "plan/plan.hpp"

namespace nvhook {

/// One container, about to be changed. The calls must come in the order of their declaration. Each
/// takes full effect or throws; `roll_back` then takes back what the calls before it did, and
/// nothing else.
class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  Kernel(Kernel&&) = delete;
  Kernel& operator=(Kernel&&) = delete;
  virtual ~Kernel() = default;

  // In the host's mount namespace.
  /// Opens the source, verifies it on the descriptor, clones it and gives the clone its attributes.
  virtual void prepare(const BindMount& mount) = 0;
  /// Makes ready what covers a file of the image that has the name of such a link, if there is one.
  virtual void prepare(const Symlink& symlink) = 0;
  /// Makes the tmpfs and fills it, attached nowhere.
  virtual void prepare(const TmpfsMount& mount) = 0;
  /// Finds and opens the container's device cgroup and makes ready what grants `rules`.
  virtual void prepare(const std::vector<DeviceRule>& rules) = 0;

  /// Makes ready what tells systemd of `rules`, which the runtime grants.
  virtual void prepare_systemd_rules(const std::vector<DeviceRule>& rules) = 0;

  // In the container's.
  virtual void enter() = 0;
  /// Finds the target below the root file system and makes it if it is missing. All targets come
  /// before any attach.
  virtual void resolve(const TmpfsMount& mount) = 0;
  virtual void resolve(const BindMount& mount) = 0;
  /// Finds the directories that links and the loader cache go to.
  virtual void resolve(const Symlink& symlink) = 0;
  virtual void resolve(const std::vector<LoaderEntry>& entries) = 0;
  virtual void resolve(const LoaderPath& path) = 0;
  virtual void attach(const TmpfsMount& mount) = 0;
  virtual void attach(const BindMount& mount) = 0;
  virtual void create(const Symlink& symlink) = 0;
  /// Writes what the loader's files are to become, beside them; or mounts it over them, if `cover`
  /// says so or they lie where nothing may be written.
  virtual void update_loader_cache(const std::vector<LoaderEntry>& entries, bool cover) = 0;
  virtual void update_loader_path(const LoaderPath& path, bool cover) = 0;
  /// Each target shows its source.
  virtual void verify() = 0;
  /// Grants the prepared rules, and tells systemd: after everything else succeeded.
  virtual void allow_devices() = 0;
  /// Gives what was written beside the loader's files their names. Last of all, because a file that
  /// lost its name cannot have it back unless another one is made for it: on an overlay that is a
  /// copy, which is written to the disk.
  virtual void replace_loader_files() = 0;

  /// Nothing can fail any more: lets go of what roll_back would have needed.
  virtual void commit() noexcept = 0;
  virtual void roll_back() noexcept = 0;
};

}  // namespace nvhook
