// SPDX-License-Identifier: Apache-2.0
// Nodes that every request needs are an error if missing; optional ones are a warning.
#include "plan/device_plan.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "host/facts/proc_text.hpp"
#include "host/nodes/device_needs.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

const std::string kProcDriver = "/proc/driver/nvidia";
constexpr std::string_view kProfileDirectory = "/etc/nvidia/nvidia-application-profiles-rc.d";

/// `; nodes are there of GPU 1`, if some have one: the host may be a container that looks like a
/// host.
std::string gpus_with_nodes(const Inventory& inventory) {
  std::vector<std::string> names;
  for (const Gpu& gpu : inventory.gpus) {
    const bool has_node =
        std::any_of(inventory.nodes.begin(), inventory.nodes.end(), [&](const DeviceNode& node) {
          return node.role == DeviceRole::gpu && node.gpu_minor == gpu.minor;
        });
    if (has_node) names.push_back(std::to_string(gpu.index));
  }
  return names.empty() ? "" : "; nodes are there of GPU " + join(names, ", ");
}

Error missing_node(const std::string& path, const Inventory& inventory) {
  const std::string what = "missing device node `" + path + "`";
  if (inventory.nodes_are_given) return Error(Code::device_node_missing, what, kGiveNodes);
  const std::string those_there = gpus_with_nodes(inventory);
  const std::string or_ask = those_there.empty() ? "" : "; in a container, ask for what it has";
  return Error(Code::device_node_missing, what + those_there,
               "run `oci-nvidia-hook create-device-nodes` on the host, as root; at boot "
               "oci-nvidia-devices.service does" +
                   or_ask);
}

bool administers_mig(const PlanInput& input) {
  return input.request.mig_config || input.request.mig_monitor;
}

bool shows_mig_capabilities(const PlanInput& input) {
  return administers_mig(input) && input.inventory.has_mig_capabilities &&
         !input.selected.gpus.empty();
}

/// The two files below /proc/driver/nvidia that a process opens to use the device.
std::vector<std::string> access_files(const MigDevice& device) {
  const std::string instance = "capabilities/gpu" + std::to_string(device.gpu_minor) + "/mig/gi" +
                               std::to_string(device.gpu_instance);
  return {instance + "/access",
          instance + "/ci" + std::to_string(device.compute_instance) + "/access"};
}

// ---- views

/// Directories with their parents, and files, each once.
class TmpfsTree {
 public:
  void directory(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash != std::string::npos) directory(path.substr(0, slash));
    entries_.try_emplace(path, TmpfsEntry{.path = path, .directory = true, .mode = 0555});
  }
  void file(const std::string& path) {
    directory(path.substr(0, path.rfind('/')));
    entries_.try_emplace(path, TmpfsEntry{.path = path});
  }
  void move_to(std::vector<TmpfsEntry>& entries) {
    for (auto& [path, entry] : entries_) entries.push_back(std::move(entry));
  }

 private:
  std::map<std::string, TmpfsEntry> entries_ = {};  // a directory sorts before its entries
};

/// Hides the host's view: shows only the selected GPUs, and forbids changes of device files.
void plan_proc_driver(const PlanInput& input, PlanBuilder& plan) {
  TmpfsMount tmpfs{.target = ContainerPath(kProcDriver),
                   .on_procfs = true,
                   .label = input.container.mount_label,
                   .reason = "only the selected GPUs, ModifyDeviceFiles: 0"};
  for (const Inventory::ProcText& text : input.inventory.proc_texts) {
    const bool is_params = text.name == "params";
    tmpfs.entries.push_back(
        {.path = text.name,
         .content = is_params ? forbid_device_file_changes(text.text) : text.text,
         .mode = text.mode});
  }
  TmpfsTree tree;
  for (const Gpu& gpu : input.selected.gpus) tree.directory("gpus/" + gpu.pci);
  if (shows_mig_capabilities(input)) {
    tree.directory("capabilities");
  } else if (!administers_mig(input)) {
    for (const MigDevice& device : input.selected.mig_devices) {
      for (const std::string& file : access_files(device)) tree.file(file);
    }
  }
  tree.move_to(tmpfs.entries);
  plan.tmpfs(std::move(tmpfs));
}

std::vector<unsigned> minors_of(const std::vector<Gpu>& gpus) {
  std::vector<unsigned> minors;
  minors.reserve(gpus.size());
  for (const Gpu& gpu : gpus) minors.push_back(gpu.minor);
  return minors;
}

/// Makes EGL see the selected GPUs only (docs/behaviour.md §5.14).
void plan_application_profile(const PlanInput& input, PlanBuilder& plan) {
  if (!input.request.capabilities.intersects({Capability::graphics, Capability::display})) return;
  TmpfsMount tmpfs{.target = ContainerPath(std::string(kProfileDirectory)),
                   .label = input.container.mount_label,
                   .optional = true,
                   .reason = "capability graphics: EGL sees the selected GPUs only"};
  if (!input.selected.gpus.empty()) {
    tmpfs.entries.push_back({.path = "10-container.conf",
                             .content = application_profile(minors_of(input.selected.gpus)),
                             .mode = 0555});
  }
  plan.tmpfs(std::move(tmpfs));
}

void show_gpu(const Gpu& gpu, const std::string& reason, PlanBuilder& plan) {
  plan.proc(SourceType::directory, kProcDriver + "/gpus/" + gpu.pci, reason);
}

void show_mig_device(const MigDevice& device, const std::string& reason, PlanBuilder& plan) {
  for (const std::string& file : access_files(device)) {
    const std::string path = kProcDriver + "/" + file;
    if (plan.has_target(ContainerPath(path))) continue;  // two devices in one GPU instance
    plan.proc(SourceType::regular, path, reason);
  }
}

void show_mig_capabilities(const std::string& reason, PlanBuilder& plan) {
  plan.proc(SourceType::directory, kProcDriver + "/capabilities", reason);
}

// ---- nodes

class DevicePlanner {
 public:
  DevicePlanner(const PlanInput& input, PlanBuilder& plan)
      : input_(input), request_(input.request), inventory_(input.inventory), plan_(plan) {}

  void make() {
    if (inventory_.is_wsl) {
      require(DeviceRole::dxg, "/dev/dxg", "WSL2: the host's GPUs, all of them");
      return;
    }
    plan_control_devices();
    for (const Gpu& gpu : input_.selected.gpus) plan_gpu(gpu);
    if (administers_mig(input_)) {
      plan_mig_administration();
    } else {
      for (const MigDevice& device : input_.selected.mig_devices) plan_mig_device(device);
    }
    plan_imex_channels();
    plan_features();
  }

 private:
  /// Returns the number of nodes with that role.
  std::size_t plan_role(DeviceRole role, const std::string& reason) {
    std::size_t count = 0;
    for (const DeviceNode& node : inventory_.nodes) {
      if (node.role != role) continue;
      plan_.node(node, reason);
      ++count;
    }
    return count;
  }

  void require(DeviceRole role, const std::string& path, const std::string& reason) {
    if (plan_role(role, reason) == 0) throw missing_node(path, inventory_);
  }

  /// Plans nodes that many containers do not need: a headless server has no modeset node. `path`
  /// may end with `*`.
  void want(DeviceRole role, const std::string& path, const std::string& reason) {
    plan_role(role, reason);
    const std::string_view known = std::string_view(path).substr(0, path.find('*'));
    const auto is_there = [&](const DeviceNode& node) {
      const std::string& name = node.file.path.str();
      return node.role == role && (known == path ? name == path : name.starts_with(known));
    };
    if (std::any_of(inventory_.nodes.begin(), inventory_.nodes.end(), is_there)) return;
    plan_.note(warning("missing device " + path + "; " + reason + " will not work"));
  }

  void plan_control_devices() {
    require(DeviceRole::control, "/dev/nvidiactl", "control device of every request");
    if (request_.capabilities.intersects({Capability::compute, Capability::video})) {
      want(DeviceRole::uvm, "/dev/nvidia-uvm", "capability compute: unified memory");
    }
    if (request_.capabilities.contains(Capability::display)) {
      want(DeviceRole::modeset, "/dev/nvidia-modeset", "capability display: mode setting");
    }
  }

  void plan_gpu(const Gpu& gpu) {
    const auto node = std::find_if(
        inventory_.nodes.begin(), inventory_.nodes.end(), [&](const DeviceNode& candidate) {
          return candidate.role == DeviceRole::gpu && candidate.gpu_minor == gpu.minor;
        });
    if (node == inventory_.nodes.end()) {
      throw missing_node("/dev/nvidia" + std::to_string(gpu.minor), inventory_);
    }
    const std::string name = "GPU " + std::to_string(gpu.index) + " (" + gpu.uuid + ")";
    const std::string reason = request_.devices_source + ": " + name;
    plan_.node(*node, reason);
    show_gpu(gpu, reason, plan_);
    // Of MIG devices the profiles decide.
    if (administers_mig(input_) || !is_for_mig(input_.selected, gpu)) {
      plan_drm(gpu.minor, "capability graphics: " + name);
    }
  }

  void plan_drm(unsigned gpu_minor, const std::string& reason) {
    if (!request_.capabilities.intersects({Capability::graphics, Capability::display})) return;
    for (const DeviceNode& node : inventory_.nodes) {
      if (node.role != DeviceRole::drm || node.gpu_minor != gpu_minor) continue;
      if (!plan_.has_target(ContainerPath(node.file.path.str()))) plan_.node(node, reason);
    }
    for (const DeviceLink& link : inventory_.device_links) {
      if (link.gpu_minor != gpu_minor) continue;
      plan_.link({.link = ContainerPath(link.path),
                  .target = link.target,
                  .optional = true,
                  .reason = reason});
    }
  }

  // ---- MIG (docs/behaviour.md §6.4)

  void plan_mig_device(const MigDevice& device) {
    const std::string reason = request_.devices_source + ": MIG device " + to_string(device);
    show_mig_device(device, reason, plan_);
    if (has_graphics(device)) {
      plan_drm(device.gpu_minor, "capability graphics: MIG device " + to_string(device));
    }
    if (!inventory_.nvidia_caps_major) return;
    for (const MigCapability& capability : inventory_.mig_capabilities) {
      if (opens(capability, device)) plan_mig_node(capability, reason);
    }
  }

  void plan_mig_node(const MigCapability& capability, const std::string& reason) {
    const auto node = std::find_if(
        inventory_.nodes.begin(), inventory_.nodes.end(), [&](const DeviceNode& candidate) {
          return candidate.role == DeviceRole::mig && candidate.number.minor == capability.minor;
        });
    if (node == inventory_.nodes.end()) {
      throw Error(Code::device_node_missing,
                  "missing device node `/dev/nvidia-caps/nvidia-cap" +
                      std::to_string(capability.minor) + "`, which " + reason + " needs",
                  inventory_.nodes_are_given
                      ? kGiveNodes
                      : "run `nvidia-smi -L` once as root on the host, which makes it");
    }
    if (!plan_.has_target(ContainerPath(node->file.path.str()))) plan_.node(*node, reason);
  }

  void plan_mig_administration() {
    if (!shows_mig_capabilities(input_)) {
      plan_.note(info("no MIG capabilities on this host: nothing to administer"));
      return;
    }
    const std::string reason =
        request_.mig_config ? "NVIDIA_MIG_CONFIG_DEVICES" : "NVIDIA_MIG_MONITOR_DEVICES";
    show_mig_capabilities(reason, plan_);
    if (!inventory_.nvidia_caps_major) return;
    plan_.bind({.source = {.root = HostRoot::system, .path = HostPath("/dev/nvidia-caps")},
                .type = SourceType::directory,
                .target = ContainerPath("/dev/nvidia-caps"),
                .attributes = kDeviceMount,
                .reason = reason});
    for (const MigCapability& capability : inventory_.mig_capabilities) {
      if (may_use(capability)) {
        plan_.allow({*inventory_.nvidia_caps_major, capability.minor}, reason);
      }
    }
  }

  [[nodiscard]] bool may_use(const MigCapability& capability) const {
    switch (capability.role) {
      case MigCapability::Role::config:
        return request_.mig_config;
      case MigCapability::Role::monitor:
        return request_.mig_monitor;
      case MigCapability::Role::instance:
        return std::any_of(input_.selected.gpus.begin(), input_.selected.gpus.end(),
                           [&](const Gpu& gpu) { return gpu.minor == capability.gpu_minor; });
    }
    return false;
  }

  // ---- other requests

  void plan_imex_channels() {
    if (request_.all_imex_channels) {
      want(DeviceRole::imex, "/dev/nvidia-caps-imex-channels/channel*",
           "nvidia.com/imex-channel=all");
    }
    for (const unsigned channel : request_.imex_channels) {
      const auto node = std::find_if(
          inventory_.nodes.begin(), inventory_.nodes.end(), [&](const DeviceNode& candidate) {
            return candidate.role == DeviceRole::imex && candidate.number.minor == channel;
          });
      const std::string name = "channel" + std::to_string(channel);
      if (node == inventory_.nodes.end()) {
        throw Error(Code::device_node_missing,
                    "missing device /dev/nvidia-caps-imex-channels/" + name,
                    inventory_.nodes_are_given
                        ? kGiveNodes
                        : "make it on the host: the module nvidia must be loaded with IMEX support "
                          "and `nvidia-modprobe -i " +
                              std::to_string(channel) + "` makes the node");
      }
      if (!request_.all_imex_channels) plan_.node(*node, "NVIDIA_IMEX_CHANNELS: " + name);
    }
  }

  void plan_features() {
    const Features& features = request_.features;
    if (features.gds) plan_gds();
    if (features.mofed) {
      want(DeviceRole::mofed, "/dev/infiniband/uverbs*", "NVIDIA_MOFED: GPUDirect RDMA");
    }
    if (features.gdrcopy) want(DeviceRole::gdrcopy, "/dev/gdrdrv", "NVIDIA_GDRCOPY: GDRCopy");
    if (features.nvswitch) {
      want(DeviceRole::nvswitch, "/dev/nvidia-nvswitchctl", "NVIDIA_NVSWITCH: NVSwitch management");
    }
  }

  void plan_gds() {
    const std::string reason = "NVIDIA_GDS: GPUDirect Storage";
    if (plan_role(DeviceRole::gds, reason) == 0) {
      plan_.note(warning("missing device /dev/nvidia-fs*; " + reason + " will not work"));
      return;
    }
    for (const auto& [path, type] : {std::pair{"/run/udev", SourceType::directory},
                                     std::pair{"/etc/cufile.json", SourceType::regular}}) {
      plan_.bind({.source = {.root = HostRoot::system, .path = HostPath(path)},
                  .type = type,
                  .target = ContainerPath(path),
                  .attributes = kFileMount,
                  .optional = true,
                  .reason = reason});
    }
  }

  const PlanInput& input_;
  const Request& request_;
  const Inventory& inventory_;
  PlanBuilder& plan_;
};

}  // namespace

std::string application_profile(const std::vector<unsigned>& minors) {
  std::uint64_t mask = 0;
  for (const unsigned minor : minors) {
    if (minor < 64) mask |= std::uint64_t{1} << minor;
  }
  return R"({"profiles": [{"name": "_container_", "settings": ["EGLVisibleDGPUDevices", 0x)" +
         to_hexadecimal(mask) + R"(]}], "rules": [{"pattern": [], "profile": "_container_"}]})" +
         "\n";
}

void plan_views(const PlanInput& input, PlanBuilder& plan) {
  if (input.inventory.is_wsl) return;
  plan_proc_driver(input, plan);
  plan_application_profile(input, plan);
}

void plan_proc_view(const PlanInput& input, PlanBuilder& plan) {
  const std::string& reason = input.request.devices_source;
  plan_proc_driver(input, plan);
  for (const Gpu& gpu : input.selected.gpus) show_gpu(gpu, reason, plan);
  if (shows_mig_capabilities(input)) return show_mig_capabilities(reason, plan);
  for (const MigDevice& device : input.selected.mig_devices) show_mig_device(device, reason, plan);
}

void plan_devices(const PlanInput& input, PlanBuilder& plan) { DevicePlanner(input, plan).make(); }

}  // namespace nvhook
