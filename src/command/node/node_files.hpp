// SPDX-License-Identifier: Apache-2.0
// Makes and removes files of a node, so that a run that is killed at any moment can be mended.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

class NodeFiles {
 public:
  /// Called with the path of a directory that is about to be made.
  using BeforeMaking = std::function<void(const std::string& path)>;

  /// All paths are below `root`, the node's; links are followed inside it.
  NodeFiles(const RootDir& root, BeforeMaking before_making)
      : root_(root), before_making_(std::move(before_making)) {}

  [[nodiscard]] const RootDir& root() const noexcept { return root_; }

  /// Opens the directory at the absolute `path`, and makes what is missing of it (0755). Throws
  /// Error(node_not_writable), also if others than root can write in it.
  [[nodiscard]] UniqueFd directory(const std::string& path) const;
  /// Replaces the file at `path` with `bytes`, atomically; one that has them already stays. Removes
  /// what runs that were killed left beside it. Throws Error(node_not_writable).
  void put(const std::string& path, std::string_view bytes, mode_t mode) const;
  /// The same for a symbolic link.
  void put_link(const std::string& path, const std::string& target) const;
  /// Removes the file at `path`, if it is there, and what runs that were killed left beside it.
  /// Throws Error(node_not_writable).
  void take_away(const std::string& path) const;
  /// Removes what runs that were killed left beside the file at `path`.
  void remove_leftovers(const std::string& path) const;
  /// Removes the directories from the last to the first, as far as they are empty.
  void remove_empty(const std::vector<std::string>& directories) const;

 private:
  const RootDir& root_;
  BeforeMaking before_making_;
};

}  // namespace nvhook
