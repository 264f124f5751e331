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
  present,   ///< it was there, or another process (udev) was faster; left as it is
  made,      ///< nothing was there
  replaced,  ///< a device of another number, or an empty file, was there
};

/// Makes `file` below `dev`, and its directory (0755, root) if that is missing. The node appears in
/// one step, with its owner and mode. Throws Error(device_node_missing) if that fails or if others
/// than root can write the directory, and Error(device_node_wrong) if something else is there that
/// must not be replaced.
[[nodiscard]] MakeResult make_device_file(const RootDir& dev, const DeviceFile& file);

/// Makes the link /dev/char/<major>:<minor>, by which systemd knows devices, to `file` if there is
/// none. Throws Error(device_node_missing).
void link_device_number(const RootDir& dev, const DeviceFile& file);

}  // namespace nvhook
