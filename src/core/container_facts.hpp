// SPDX-License-Identifier: Apache-2.0
// Facts about the container's root file system that decide where things go.
#pragma once

#include "core/paths.hpp"

namespace nvhook {

struct ContainerFacts {
  /// Where injected libraries go: the distribution's own library directory (behaviour.md §7.3).
  ContainerPath library_directory = {};
  ContainerPath library32_directory = {};

  friend bool operator==(const ContainerFacts&, const ContainerFacts&) = default;
};

}  // namespace nvhook
