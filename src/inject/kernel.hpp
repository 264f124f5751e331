// SPDX-License-Identifier: Apache-2.0
// The interface through which `apply` changes a container, in the order that its safety depends on
// (docs/architecture.md).
#pragma once

#include <vector>

#include "plan/plan.hpp"

namespace nvhook {

/// One container that is to be changed. The functions must be called in the order of their
/// declaration. Each takes full effect or throws; `roll_back` then undoes what the earlier calls
/// did, and nothing else.
class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  Kernel(Kernel&&) = delete;
  Kernel& operator=(Kernel&&) = delete;
  virtual ~Kernel() = default;

  // In the host's mount namespace.
  /// Opens the source, checks it on the descriptor, clones it and sets the attributes of the clone.
  virtual void prepare(const BindMount& mount) = 0;
  /// If the image has a file with the name of this link, prepares the mount that covers it.
  virtual void prepare(const Symlink& symlink) = 0;
  /// Makes and fills the tmpfs, attached nowhere.
  virtual void prepare(const TmpfsMount& mount) = 0;
  /// Prepares what denies `rules`; of what was granted before, `kept` stay.
  virtual void prepare_withdrawal(const std::vector<DeviceRule>& rules,
                                  const std::vector<DeviceRule>& kept) = 0;
  /// Finds and opens the container's device cgroup and prepares what grants `rules`.
  virtual void prepare(const std::vector<DeviceRule>& rules) = 0;

  /// Prepares the DeviceAllow= for `rules`, which the runtime grants, but systemd may not know.
  virtual void prepare_systemd_rules(const std::vector<DeviceRule>& rules) = 0;

  // In the container's mount namespace.
  virtual void enter() = 0;
  /// Finds the target below the root file system and makes it if it is missing. All targets are
  /// resolved before any attach.
  virtual void resolve(const TmpfsMount& mount) = 0;
  virtual void resolve(const BindMount& mount) = 0;
  /// Finds the directories of links, of texts and of the loader's files.
  virtual void resolve(const Symlink& symlink) = 0;
  virtual void resolve(const TextFile& text) = 0;
  virtual void resolve(const std::vector<LoaderEntry>& entries) = 0;
  virtual void resolve(const LoaderPath& path) = 0;
  /// Denies the devices of prepare_withdrawal().
  virtual void withdraw_devices() = 0;
  virtual void take_away(const Removal& removal) = 0;
  virtual void attach(const TmpfsMount& mount) = 0;
  virtual void attach(const BindMount& mount) = 0;
  virtual void create(const Symlink& symlink) = 0;
  virtual void create(const TextFile& text) = 0;
  virtual void set(const ModeChange& change) = 0;
  /// Writes the new content of the loader's file, with `entries` and without `stale`, beside it; or
  /// mounts it over the file, if `cover` is set or nothing may be written there.
  virtual void update_loader_cache(const std::vector<LoaderEntry>& entries,
                                   const std::vector<LoaderEntry>& stale, bool cover) = 0;
  /// Writes the loader cache without `entries`.
  virtual void shrink_loader_cache(const std::vector<LoaderEntry>& entries) = 0;
  virtual void update_loader_path(const LoaderPath& path, bool cover) = 0;
  /// Checks that each target shows its source.
  virtual void verify() = 0;
  /// Grants the prepared rules, and sends them to systemd; only after everything else succeeded.
  virtual void allow_devices() = 0;
  /// Renames new files into place: ld.so.cache, musl's path file, texts, and links that take the
  /// place of a file. Last, because a replaced file can only come back if it was kept under a
  /// second name, and on an overlay that is a copy, which is written to the disk.
  virtual void replace_files() = 0;

  /// Nothing can fail any more: releases what roll_back would have needed.
  virtual void commit() noexcept = 0;
  virtual void roll_back() noexcept = 0;
};

}  // namespace nvhook
