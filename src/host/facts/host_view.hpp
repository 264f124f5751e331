// SPDX-License-Identifier: Apache-2.0
// The directories through which a host is read.
#pragma once

#include <string>
#include <vector>

#include "os/root_dir.hpp"

namespace nvhook {

struct HostView {
  const RootDir& system;                               ///< "/": /proc, /sys, /dev
  const RootDir& driver;                               ///< the driver root
  std::string loader_cache = "/etc/ld.so.cache";       ///< below the driver root
  std::string mps_pipe_directory = "/tmp/nvidia-mps";  ///< below the driver root
  /// Library directories to search first, below the driver root.
  std::vector<std::string> library_search_path = {};
  /// Directory of the cache of GPUs and driver files (host/cache). If empty, the cache is neither
  /// read nor written.
  std::string cache_directory = {};
};

}  // namespace nvhook
