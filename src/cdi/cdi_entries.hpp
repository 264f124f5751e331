// SPDX-License-Identifier: Apache-2.0
// Decides which device of which file a CDI name means, as engines do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cdi/cdi_spec.hpp"

namespace nvhook {

/// A file in one of the directories for specifications.
struct CdiFile {
  std::string path = {};
  /// Of its directory; a later directory has a higher priority.
  unsigned priority = 0;
  std::optional<CdiSpec> spec = {};  ///< absent if engines cannot read it
  std::string error = {};            ///< why `spec` is absent

  friend bool operator==(const CdiFile&, const CdiFile&) = default;
};

enum class CdiEntryState {
  usable,
  hidden,    ///< a file in a later directory has the same name and takes precedence
  conflict,  ///< another file in the same directory has the same name; engines refuse the name
};

/// A qualified name in one file.
struct CdiEntry {
  std::string name = {};  ///< `nvidia.com/gpu=0`
  std::string file = {};
  CdiEntryState state = CdiEntryState::usable;
  std::string other_file = {};  ///< the file that hides it or conflicts with it

  friend bool operator==(const CdiEntry&, const CdiEntry&) = default;
};

/// Returns the entries in the order of the files and of the devices in them.
[[nodiscard]] std::vector<CdiEntry> cdi_entries(const std::vector<CdiFile>& files);

}  // namespace nvhook
