// SPDX-License-Identifier: Apache-2.0
// How the planning stages see a container's root file system.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "os/root_dir.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// Refers to the OwnLayer or SpecLayer that made it, which must outlive it.
struct ImageView {
  /// Null if the root file system is not known: it counts as empty.
  const RootDir* rootfs = nullptr;
  /// Why nothing may be made in a directory of the container; nullopt if the directory is the
  /// container's own. Null: everything is the container's own.
  std::function<std::optional<std::string>(const ContainerPath& directory)> obstacle_at = {};
};

}  // namespace nvhook
