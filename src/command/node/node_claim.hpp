// SPDX-License-Identifier: Apache-2.0
// Whose a node is: one installer changes it at a time, and one owner keeps it.
//
// In the directory of state are `lock`, held while something is changed; `alive`, held (shared) by
// each installer as long as it lives; and the record. The kernel lets go of both when a process
// ends, however it ends.
#pragma once

#include <functional>
#include <string>

#include "command/node/node_files.hpp"
#include "command/node/node_record.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// Waits a moment; returns true if the wait for the lock is to be given up.
using GiveUp = std::function<bool()>;

class NodeClaim {
 public:
  /// `directory` is that of the state, below `root`.
  NodeClaim(const RootDir& root, std::string directory)
      : root_(root), directory_(std::move(directory)) {}

  /// Takes the lock, and reads the record. Returns false if `give_up` says so before. Throws
  /// Error(node_not_writable), and what parse_node_record throws.
  [[nodiscard]] bool lock(const GiveUp& give_up);
  void unlock() noexcept { lock_ = UniqueFd(); }

  // With the lock held:

  /// Makes this process an installer of `owner`, who takes the place of an owner that is dead.
  /// Throws Error(node_taken) if another owner is alive.
  void claim(const std::string& owner);
  /// Whether no installer is alive.
  [[nodiscard]] bool is_free();
  [[nodiscard]] NodeRecord& record() noexcept { return record_; }
  /// Writes the record. Throws Error(node_not_writable).
  void save() const;
  /// Removes the record, and the directory of state with it.
  void forget();

  /// How often an installer had begun when this one did.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

 private:
  [[nodiscard]] bool try_lock();

  const RootDir& root_;
  std::string directory_;
  UniqueFd lock_ = UniqueFd();
  UniqueFd alive_ = UniqueFd();
  NodeRecord record_ = {};
  std::uint64_t generation_ = 0;
};

}  // namespace nvhook
