// SPDX-License-Identifier: Apache-2.0
// A node is looked up below the driver root first, then below the host's root.
#include "host/nodes/device_probe.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "host/facts/proc_text.hpp"
#include "host/nodes/device_needs.hpp"
#include "host/nodes/given_nodes.hpp"
#include "os/device_number.hpp"
#include "os/user_namespace.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// What the kernel shows for an ID that a user namespace does not have (fs.overflowgid).
constexpr unsigned kOverflowId = 65534;
constexpr std::size_t kMaxProcText = 1UL << 20U;
const std::string kCapabilities = "/proc/driver/nvidia/capabilities";
const std::string kByPath = "/dev/dri/by-path";

/// A device node that was found, with its status.
struct FoundNode {
  HostFile file = {};
  FileStatus status = {};
};

/// Finds nodes below the driver root's own /dev (a driver container), else below the host's /dev.
class NodeFinder {
 public:
  explicit NodeFinder(const HostView& host) : host_(host) {}

  std::optional<FoundNode> find(const std::string& path) {
    const HostPath file(path);
    for (const HostRoot root : {HostRoot::driver, HostRoot::system}) {
      const int directory = directory_of(root, file.parent().str());
      const auto status = directory < 0 ? std::nullopt : status_in(directory, file.filename());
      if (status) return FoundNode{.file = {.root = root, .path = file}, .status = *status};
    }
    return std::nullopt;
  }

 private:
  /// Returns -1 if there is none.
  int directory_of(HostRoot root, const std::string& path) {
    const RootDir& top = root == HostRoot::driver ? host_.driver : host_.system;
    const auto [known, is_new] = directories_.try_emplace({root, path});
    if (is_new) known->second = top.open(path, O_PATH | O_DIRECTORY);
    return known->second.get();
  }

  const HostView& host_;
  std::map<std::pair<HostRoot, std::string>, UniqueFd> directories_ = {};
};

class DeviceReader {
 public:
  DeviceReader(const HostView& host, const Request& request, Inventory& inventory)
      : host_(host),
        request_(request),
        inventory_(inventory),
        nodes_(host),
        devices_(host.system.read("/proc/devices", kMaxProcText).value_or("")) {}

  void read() {
    if (inventory_.is_wsl) {
      add_as_it_is(DeviceRole::dxg, "/dev/dxg");
      return;
    }
    read_gpu_nodes();
    read_mig();
    read_imex_channels();
    if (request_.capabilities.intersects({Capability::graphics, Capability::display})) {
      for (const Gpu& gpu : inventory_.gpus) read_drm(gpu);
    }
    read_features();
  }

 private:
  void read_gpu_nodes() {
    const unsigned major = find_driver_major(devices_);
    add(DeviceRole::control, "/dev/nvidiactl", DeviceNumber{major, kControlMinor});
    const auto uvm = find_character_major(devices_, "nvidia-uvm");
    add_numbered(DeviceRole::uvm, "/dev/nvidia-uvm", uvm, 0);
    add_numbered(DeviceRole::uvm, "/dev/nvidia-uvm-tools", uvm, 1);
    add(DeviceRole::modeset, "/dev/nvidia-modeset", DeviceNumber{major, kModesetMinor});
    for (const Gpu& gpu : inventory_.gpus) {
      add(DeviceRole::gpu, "/dev/nvidia" + std::to_string(gpu.minor),
          DeviceNumber{major, gpu.minor}, gpu.minor);
    }
  }

  void add(DeviceRole role, const std::string& path, DeviceNumber number, unsigned gpu_minor = 0) {
    const auto node = nodes_.find(path);
    if (!node) return;
    const DeviceNumber found{node->status.device_major, node->status.device_minor};
    const bool is_device = node->status.is_character_device();
    DeviceNode& added =
        inventory_.nodes.emplace_back(DeviceNode{.role = role,
                                                 .file = node->file,
                                                 .number = number,
                                                 .gpu_minor = gpu_minor,
                                                 .is_stale = is_device && found != number});
    if (is_device) set_access(added, node->status);
  }

  static void set_access(DeviceNode& node, const FileStatus& status) {
    constexpr unsigned kPermissions = 0777;
    node.mode = status.mode & kPermissions;
    node.owner = status.owner;
    node.group = status.group;
    if (status.group == kOverflowId && in_user_namespace()) node.group.reset();
  }

  /// Adds a node of a class whose major number is assigned when its module is loaded. If
  /// /proc/devices does not list the class, the number is that of the node itself.
  void add_numbered(DeviceRole role, const std::string& path, std::optional<unsigned> major,
                    unsigned minor) {
    if (major) {
      add(role, path, DeviceNumber{*major, minor});
    } else {
      add_as_it_is(role, path);
    }
  }

  void add_as_it_is(DeviceRole role, const std::string& path) {
    const auto node = nodes_.find(path);
    if (!node || !node->status.is_character_device()) return;
    DeviceNode& added = inventory_.nodes.emplace_back(
        DeviceNode{.role = role,
                   .file = node->file,
                   .number = {node->status.device_major, node->status.device_minor}});
    set_access(added, node->status);
  }

  // ---- MIG

  void read_mig() {
    const RootDir& system = host_.system;
    inventory_.has_mig_capabilities = static_cast<bool>(system.open(kCapabilities, O_PATH));
    if (!inventory_.has_mig_capabilities) return;
    inventory_.nvidia_caps_major = find_character_major(devices_, "nvidia-caps");
    read_mig_devices();
    const bool wants_nodes =
        request_.mig_config || request_.mig_monitor || !inventory_.mig_devices.empty();
    if (!wants_nodes) return;
    if (const auto text = system.read("/proc/driver/nvidia-caps/mig-minors", kMaxProcText)) {
      inventory_.mig_capabilities = parse_mig_minors(*text);
    } else {
      read_capability_files();
    }
    add_mig_nodes();
  }

  /// Each instance that exists has a directory: gpu0/mig/gi1/ci0.
  void read_mig_devices() {
    for (const auto& [gpu, gpu_name] : numbered_entries(kCapabilities, "gpu")) {
      const std::string mig = kCapabilities + "/" + gpu_name + "/mig";
      for (const auto& [instance, instance_name] : numbered_entries(mig, "gi")) {
        for (const auto& [compute, compute_name] :
             numbered_entries(mig + "/" + instance_name, "ci")) {
          inventory_.mig_devices.push_back(
              {.gpu_minor = gpu, .gpu_instance = instance, .compute_instance = compute});
        }
      }
    }
  }

  [[nodiscard]] std::vector<std::pair<unsigned, std::string>> numbered_entries(
      const std::string& directory, std::string_view prefix) const {
    std::vector<std::pair<unsigned, std::string>> entries;
    for (const std::string& name : host_.system.list(directory)) {
      if (const auto number = parse_numbered(name, prefix)) entries.emplace_back(*number, name);
    }
    std::sort(entries.begin(), entries.end());
    return entries;
  }

  /// Without the table of minors, reads the minor from each capability file.
  void read_capability_files() {
    using Role = MigCapability::Role;
    add_capability({.role = Role::config}, "/mig/config");
    add_capability({.role = Role::monitor}, "/mig/monitor");
    std::optional<std::pair<unsigned, unsigned>> last;
    for (const MigDevice& device : inventory_.mig_devices) {
      const std::string instance = "/gpu" + std::to_string(device.gpu_minor) + "/mig/gi" +
                                   std::to_string(device.gpu_instance);
      MigCapability capability{.role = Role::instance,
                               .gpu_minor = device.gpu_minor,
                               .gpu_instance = device.gpu_instance};
      const std::pair key{device.gpu_minor, device.gpu_instance};
      if (last != key) add_capability(capability, instance + "/access");
      last = key;
      capability.compute_instance = device.compute_instance;
      add_capability(capability,
                     instance + "/ci" + std::to_string(device.compute_instance) + "/access");
    }
  }

  void add_capability(MigCapability capability, const std::string& path) {
    const auto text = host_.system.read(kCapabilities + path, kMaxProcText);
    const auto minor = text ? parse_device_file_minor(*text) : std::nullopt;
    if (!minor) return;
    capability.minor = *minor;
    inventory_.mig_capabilities.push_back(capability);
  }

  void add_mig_nodes() {
    if (!inventory_.nvidia_caps_major) return;
    for (const MigCapability& capability : inventory_.mig_capabilities) {
      if (!exists(capability)) continue;
      add(DeviceRole::mig, "/dev/nvidia-caps/nvidia-cap" + std::to_string(capability.minor),
          DeviceNumber{*inventory_.nvidia_caps_major, capability.minor}, capability.gpu_minor);
    }
  }

  /// Whether the instance exists; the table of minors lists all instances that are possible.
  [[nodiscard]] bool exists(const MigCapability& capability) const {
    if (capability.role == MigCapability::Role::config) return request_.mig_config;
    if (capability.role == MigCapability::Role::monitor) return request_.mig_monitor;
    return std::any_of(inventory_.mig_devices.begin(), inventory_.mig_devices.end(),
                       [&](const MigDevice& device) { return opens(capability, device); });
  }

  // ---- optional devices

  void read_imex_channels() {
    std::set<unsigned> channels(request_.imex_channels.begin(), request_.imex_channels.end());
    if (request_.all_imex_channels) {
      for (const auto& [channel, name] :
           numbered_entries("/dev/nvidia-caps-imex-channels", "channel")) {
        channels.insert(channel);
      }
    }
    if (channels.empty()) return;
    const auto major = find_character_major(devices_, "nvidia-caps-imex-channels");
    for (const unsigned channel : channels) {
      add_numbered(DeviceRole::imex,
                   "/dev/nvidia-caps-imex-channels/channel" + std::to_string(channel), major,
                   channel);
    }
  }

  /// Adds the DRM nodes of one GPU, from /sys/bus/pci/devices/0000:3b:00.0/drm/card1.
  void read_drm(const Gpu& gpu) {
    const std::string directory = "/sys/bus/pci/devices/" + gpu.pci + "/drm";
    for (const std::string& name : host_.system.list(directory)) {
      if (!name.starts_with("card") && !name.starts_with("renderD")) continue;
      const auto number = parse_device_number(
          host_.system.read(directory + "/" + name + "/dev", kMaxProcText).value_or(""));
      if (number) add(DeviceRole::drm, "/dev/dri/" + name, *number, gpu.minor);
    }
    const std::string prefix = "pci-" + gpu.pci + "-";
    for (const std::string& name : host_.system.list(kByPath)) {
      if (!name.starts_with(prefix)) continue;
      const std::string path = kByPath + "/" + name;
      auto target = host_.system.read_link(path);
      if (target && target->starts_with("../") && target->find('/', 3) == std::string::npos) {
        inventory_.device_links.push_back(
            {.path = path, .target = *std::move(target), .gpu_minor = gpu.minor});
      }
    }
  }

  void read_features() {
    if (request_.features.gds) add_matching(DeviceRole::gds, "/dev", "nvidia-fs");
    if (request_.features.mofed) {
      add_matching(DeviceRole::mofed, "/dev/infiniband", "uverbs");
      add_as_it_is(DeviceRole::mofed, "/dev/infiniband/rdma_cm");
    }
    if (request_.features.gdrcopy) add_as_it_is(DeviceRole::gdrcopy, "/dev/gdrdrv");
    if (request_.features.nvswitch) add_matching(DeviceRole::nvswitch, "/dev", "nvidia-nvswitch");
  }

  void add_matching(DeviceRole role, const std::string& directory, std::string_view prefix) {
    const auto names = host_.system.list(
        directory, [&](std::string_view name) { return name.starts_with(prefix); });
    for (const std::string& name : names) add_as_it_is(role, directory + "/" + name);
  }

  const HostView& host_;
  const Request& request_;
  Inventory& inventory_;
  NodeFinder nodes_;
  std::string devices_;
};

}  // namespace

void read_devices(const HostView& host, const Request& request, Inventory& inventory) {
  DeviceReader(host, request, inventory).read();
  if (lacks_devices(request, inventory) && are_nodes_given(host)) leave_out_withheld(inventory);
}

}  // namespace nvhook
