// SPDX-License-Identifier: Apache-2.0
// Makes one character device node in the host's /dev.
#pragma once

#include <string>

#include "host/facts/inventory.hpp"
#include "host/facts/proc_text.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

struct DeviceFile {
  std::string path = {};  ///< below /dev: `nvidia0`, `nvidia-caps/nvidia-cap1`
  DeviceNumber number = {};
  DeviceFileSettings settings = {};  ///< owner and mode

  friend bool operator==(const DeviceFile&, const DeviceFile&) = default;
};

enum class MakeResult {
  present,   ///< it was there, or somebody else (udev) was faster; left as it is
  made,      ///< nothing was there
  replaced,  ///< a device of another number, or an empty file, was there
};

/// Makes `file` below `dev`, with a directory (0755, root) if it needs one. It appears with its
/// owner and mode, in one step. Throws Error(device_node_missing) if that fails or others than root
/// can write the directory, and Error(device_node_wrong) if what is there is neither the right
/// device nor safe to replace.
[[nodiscard]] MakeResult make_device_file(const RootDir& dev, const DeviceFile& file);

/// Makes /dev/char/<major>:<minor>, by which systemd knows devices, a link to `file` if there is
/// none. Throws Error(device_node_missing).
void link_device_number(const RootDir& dev, const DeviceFile& file);

}  // namespace nvhook
