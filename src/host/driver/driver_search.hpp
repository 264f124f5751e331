// SPDX-License-Identifier: Apache-2.0
// Which driver files are searched, and where.
#pragma once

#include <string>
#include <vector>

#include "config/capability.hpp"
#include "text/version.hpp"

namespace nvhook {

struct DriverFileQuery {
  std::string loader_cache = "/etc/ld.so.cache";
  std::string mps_pipe_directory = "/tmp/nvidia-mps";
  /// Library directories to search beside those that are found otherwise.
  std::vector<std::string> search_path = {};
  /// Directories that the kernel loads firmware from, first come first served.
  std::vector<std::string> firmware_directories = {};
  Version driver = {};
  /// WSL2, where files have versions of their own and Windows' driver store is searched.
  bool any_version = false;
  /// Files of other capabilities are not looked for; libnvidia-ml always is, as proof of an
  /// installed driver.
  CapabilitySet wanted = {};
};

}  // namespace nvhook
