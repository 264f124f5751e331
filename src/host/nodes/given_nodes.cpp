// SPDX-License-Identifier: Apache-2.0
// Decides by the kernel's namespaces and mounts, which nothing in an image can pretend.
#include "host/nodes/given_nodes.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstdint>

#include "formats/mountinfo.hpp"
#include "os/container_namespaces.hpp"
#include "os/file_status.hpp"
#include "os/files.hpp"
#include "os/mount_id.hpp"
#include "os/mount_root.hpp"
#include "os/own_procfs.hpp"
#include "os/syscalls.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxMountinfo = 64UL << 20U;

bool is_own_root(const RootDir& system) {
  const auto root = open_root("/");
  return root && is_same_file(root->fd(), system.fd());
}

bool has_mounted_node(const RootDir& system) {
  const auto names =
      system.list("/dev", [](std::string_view name) { return name.starts_with("nvidia"); });
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const UniqueFd node = system.open("/dev/" + name, O_PATH | O_NOFOLLOW);
    return node && status_of(node.get()).is_character_device() && is_mount_root(node.get(), system);
  });
}

/// Runtimes mount a tmpfs on /dev; on a host the kernel's own devtmpfs is there.
bool has_dev_of_a_runtime(const RootDir& system) {
  const UniqueFd dev = system.open("/dev", O_PATH | O_DIRECTORY);
  const std::uint64_t id = dev ? mount_id_of(dev.get()) : 0;
  const UniqueFd file = sys::open_beneath(own_procfs(), "self/mountinfo", O_RDONLY, 0);
  const auto text = file ? read_all(file.get(), kMaxMountinfo) : std::nullopt;
  if (id == 0 || !text) return false;
  for (const std::string_view line : split(*text, '\n')) {
    const auto mount = parse_mountinfo_line(line);
    if (mount && mount->id == id) return mount->point == "/dev" && mount->type == "tmpfs";
  }
  return false;
}

bool has_node(const Inventory& inventory, const Gpu& gpu) {
  return std::any_of(inventory.nodes.begin(), inventory.nodes.end(), [&](const DeviceNode& node) {
    return node.role == DeviceRole::gpu && node.gpu_minor == gpu.minor;
  });
}

/// Whether the GPU of `device` is there, and every node that opens the device.
bool has_nodes(const Inventory& inventory, const MigDevice& device) {
  const bool has_gpu = std::any_of(inventory.gpus.begin(), inventory.gpus.end(),
                                   [&](const Gpu& gpu) { return gpu.minor == device.gpu_minor; });
  if (!inventory.nvidia_caps_major) return has_gpu;
  return has_gpu &&
         std::none_of(inventory.mig_capabilities.begin(), inventory.mig_capabilities.end(),
                      [&](const MigCapability& capability) {
                        return opens(capability, device) &&
                               std::none_of(inventory.nodes.begin(), inventory.nodes.end(),
                                            [&](const DeviceNode& node) {
                                              return node.role == DeviceRole::mig &&
                                                     node.number.minor == capability.minor;
                                            });
                      });
}

}  // namespace

bool are_nodes_given(const HostView& host) {
  return is_own_root(host.system) &&
         (is_in_container() || has_mounted_node(host.system) || has_dev_of_a_runtime(host.system));
}

void leave_out_withheld(Inventory& inventory) {
  inventory.nodes_are_given = true;
  std::vector<std::string> withheld;
  for (const Gpu& gpu : inventory.gpus) {
    if (!has_node(inventory, gpu)) withheld.push_back(std::to_string(gpu.index));
  }
  if (withheld.size() == inventory.gpus.size()) return;
  std::erase_if(inventory.gpus, [&](const Gpu& gpu) { return !has_node(inventory, gpu); });
  const std::size_t before = inventory.mig_devices.size();
  std::erase_if(inventory.mig_devices,
                [&](const MigDevice& device) { return !has_nodes(inventory, device); });
  if (!withheld.empty()) {
    inventory.notes.push_back(info("GPU " + join(withheld, ", ") +
                                   " left out: this is a container, which was not given " +
                                   (withheld.size() == 1 ? "its node" : "their nodes")));
  }
  if (const std::size_t lost = before - inventory.mig_devices.size(); lost > 0) {
    inventory.notes.push_back(info(std::to_string(lost) +
                                   " MIG devices left out: this is a container, which was not "
                                   "given their nodes"));
  }
}

}  // namespace nvhook
