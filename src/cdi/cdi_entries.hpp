// SPDX-License-Identifier: Apache-2.0
// Which device of which file a CDI name means, as engines decide it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cdi/cdi_spec.hpp"

namespace nvhook {

/// A file in one of the directories of specifications.
struct CdiFile {
  std::string path = {};
  /// Of its directory: what a later directory says counts more.
  unsigned priority = 0;
  std::optional<CdiSpec> spec = {};  ///< absent if engines cannot read it
  std::string error = {};            ///< then: why

  friend bool operator==(const CdiFile&, const CdiFile&) = default;
};

enum class CdiEntryState {
  usable,
  hidden,    ///< a file in a later directory has the name, and counts
  conflict,  ///< another file in the same directory has it: engines refuse the name
};

/// A qualified name in one file.
struct CdiEntry {
  std::string name = {};  ///< `nvidia.com/gpu=0`
  std::string file = {};
  CdiEntryState state = CdiEntryState::usable;
  std::string other_file = {};  ///< that hides it or is in conflict with it

  friend bool operator==(const CdiEntry&, const CdiEntry&) = default;
};

/// In the order of the files and of the devices in them.
[[nodiscard]] std::vector<CdiEntry> cdi_entries(const std::vector<CdiFile>& files);

}  // namespace nvhook
