// SPDX-License-Identifier: Apache-2.0
// A container's root file system as the planning stages see it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "os/root_dir.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// Made by an OwnLayer or a SpecLayer, which must outlive it.
struct ImageView {
  /// Null if the root file system is not known: it counts as empty.
  const RootDir* rootfs = nullptr;
  /// Returns why nothing may be made in a directory of the container; nullopt if the directory is
  /// the container's own. May be null: then everything is the container's own.
  std::function<std::optional<std::string>(const ContainerPath& directory)> obstacle_at = {};
};

}  // namespace nvhook
