// SPDX-License-Identifier: Apache-2.0
// What the search for driver files is given.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/capability.hpp"
#include "text/version.hpp"

namespace nvhook {

struct DriverFileQuery {
  std::string loader_cache = "/etc/ld.so.cache";
  std::string mps_pipe_directory = "/tmp/nvidia-mps";
  /// Library directories to search in addition.
  std::vector<std::string> search_path = {};
  /// Directories that the kernel loads firmware from; the first match counts.
  std::vector<std::string> firmware_directories = {};
  Version driver = {};
  /// True on WSL2, where files have their own versions and Windows' driver store is searched.
  bool any_version = false;
  /// Files of other capabilities are not searched, except libnvidia-ml, which proves that a driver
  /// is installed.
  CapabilitySet wanted = {};
};

/// Returns the name of a component with `$VERSION` replaced by the driver's version.
[[nodiscard]] inline std::string with_version(std::string_view name, const Version& driver) {
  constexpr std::string_view kVariable = "$VERSION";
  std::string text(name);
  if (const auto at = text.find(kVariable); at != std::string::npos) {
    text.replace(at, kVariable.size(), driver.str());
  }
  return text;
}

}  // namespace nvhook
