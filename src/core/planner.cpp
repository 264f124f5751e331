// SPDX-License-Identifier: Apache-2.0
// Request + Inventory + ContainerFacts → Plan.
#include "core/planner.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/gpu_selection.hpp"
#include "core/proc_text.hpp"

namespace nvhook {
namespace {

// The reference's mount flags (behaviour.md §7.4). Read-only on a device node protects the node,
// not the device.
constexpr MountAttributes kFile{};
constexpr MountAttributes kEndpoint{.read_only = false, .no_dev = true, .no_exec = true};
constexpr MountAttributes kDevice{.read_only = true, .no_dev = false, .no_exec = true};
constexpr MountAttributes kProcEntry{.read_only = true, .no_dev = true, .no_exec = true};

constexpr std::string_view kProcDriver = "/proc/driver/nvidia";
constexpr std::string_view kProfileDirectory = "/etc/nvidia/nvidia-application-profiles-rc.d";

class Planner {
 public:
  Planner(const Request& request, const Inventory& inventory, const ContainerFacts& container,
          const Config& config)
      : request_(request),
        inventory_(inventory),
        container_(container),
        config_(config),
        gpus_(select_gpus(request.devices, inventory.gpus)) {}

  Plan make() {
    plan_.notes = inventory_.notes;
    plan_proc_driver();
    plan_application_profile();
    for (const DriverFile& file : inventory_.files) plan_file(file);
    plan_control_devices();
    for (const Gpu& gpu : gpus_) plan_gpu(gpu);
    if (request_.mig_config || request_.mig_monitor) plan_mig_administration();
    if (config_.no_cgroups) {
      plan_.notes.push_back(info("device cgroup left alone: no-cgroups is set"));
      plan_.device_rules.clear();
    }
    return std::move(plan_);
  }

 private:
  // ---- files of the driver

  void plan_file(const DriverFile& file) {
    const Component& component = *file.component;
    if (!component.capabilities.empty() &&
        !component.capabilities.intersects(request_.capabilities)) {
      return;
    }
    if (file.abi == Abi::compat32 && !request_.capabilities.contains(Capability::compat32)) return;
    switch (file.kind) {
      case ComponentKind::library:
        plan_library(file);
        break;
      case ComponentKind::binary:
        bind(file, ContainerPath("/usr/bin") / component.name, SourceType::regular, kFile);
        break;
      case ComponentKind::firmware:
        // The path by which the kernel's documents know it, whatever /lib is on the host.
        bind(file,
             ContainerPath("/lib/firmware/nvidia") / inventory_.driver.str() / file.path.filename(),
             SourceType::regular, kFile);
        break;
      case ComponentKind::ipc_socket:
        bind(file, ContainerPath(file.path.str()), SourceType::socket, kEndpoint);
        break;
      case ComponentKind::ipc_directory:
        bind(file, ContainerPath(file.path.str()), SourceType::directory, kEndpoint);
        break;
    }
  }

  void plan_library(const DriverFile& file) {
    const bool native = file.abi == Abi::native;
    const ContainerPath& directory =
        native ? container_.library_directory : container_.library32_directory;
    const std::string name = file.path.filename();
    if (!bind(file, directory / name, SourceType::regular, kFile)) return;

    const std::string soname = file.soname.empty() ? name : file.soname;
    if (soname != name) {
      link(directory / soname, name, true, "SONAME of " + name);
    }
    for (const ComponentLink& extra : component_links()) {
      if (extra.library != file.component->name || extra.name == soname) continue;
      const std::string target(extra.target.empty() ? std::string_view(name) : extra.target);
      link(directory / extra.name, target, false, "link of the driver's installer");
    }
    plan_.loader_entries.push_back({.soname = soname, .path = directory / soname, .abi = file.abi});
  }

  /// False if something else goes to that target already.
  bool bind(const DriverFile& file, ContainerPath target, SourceType type,
            MountAttributes attributes) {
    const bool endpoint = type == SourceType::socket || type == SourceType::directory;
    return bind({.source = {.root = HostRoot::driver, .path = file.path},
                 .type = type,
                 .target = std::move(target),
                 .attributes = attributes,
                 .optional = endpoint,
                 .reason = reason_of(*file.component)});
  }

  bool bind(BindMount mount) {
    if (!targets_.insert(mount.target).second) {
      plan_.notes.push_back(
          info("left out " + mount.source.path.str() + ": " + mount.target.str() + " is taken"));
      return false;
    }
    plan_.mounts.push_back(std::move(mount));
    return true;
  }

  void link(ContainerPath path, std::string target, bool replace, std::string reason) {
    plan_.symlinks.push_back({.link = std::move(path),
                              .target = std::move(target),
                              .replace = replace,
                              .reason = std::move(reason)});
  }

  [[nodiscard]] std::string reason_of(const Component& component) const {
    const std::string purpose(component.purpose);
    if (component.capabilities.empty()) return "every request: " + purpose;
    return "capability " + to_string(component.capabilities & request_.capabilities) + ": " +
           purpose;
  }

  // ---- devices

  void plan_control_devices() {
    plan_device(DeviceRole::control, "control device of every request");
    if (request_.capabilities.intersects({Capability::compute, Capability::video})) {
      plan_device(DeviceRole::uvm, "capability compute: unified memory");
    }
    if (request_.capabilities.contains(Capability::display)) {
      plan_device(DeviceRole::modeset, "capability display: mode setting");
    }
  }

  void plan_device(DeviceRole role, const std::string& reason) {
    bool found = false;
    for (const DeviceNode& node : inventory_.nodes) {
      if (node.role != role) continue;
      found = true;
      plan_node(node, reason);
    }
    if (found) return;
    if (role == DeviceRole::control) {
      throw missing_node("/dev/nvidiactl");
    }
    // A headless server without these modules still serves everything that does not use them.
    plan_.notes.push_back(
        warning(std::string("missing device ") +
                (role == DeviceRole::uvm ? "/dev/nvidia-uvm" : "/dev/nvidia-modeset") + "; " +
                reason + " will not work"));
  }

  void plan_node(const DeviceNode& node, const std::string& reason) {
    bind({.source = node.file,
          .type = SourceType::character_device,
          .device = node.number,
          .target = ContainerPath(node.file.path.str()),
          .attributes = kDevice,
          .reason = reason});
    plan_.device_rules.push_back({.device = node.number, .reason = reason});
  }

  void plan_gpu(const Gpu& gpu) {
    const auto node = std::find_if(
        inventory_.nodes.begin(), inventory_.nodes.end(), [&](const DeviceNode& candidate) {
          return candidate.role == DeviceRole::gpu && candidate.gpu_minor == gpu.minor;
        });
    if (node == inventory_.nodes.end()) {
      throw missing_node("/dev/nvidia" + std::to_string(gpu.minor));
    }
    const std::string reason =
        request_.devices_source + ": GPU " + std::to_string(gpu.index) + " (" + gpu.uuid + ")";
    plan_node(*node, reason);
    bind_proc("gpus/" + gpu.pci, reason);
  }

  static Error missing_node(const std::string& path) {
    return Error(
        Code::device_node_missing, "missing device node `" + path + "`",
        "run `nvidia-modprobe -u -c0` on the host, or nvidia-smi once as root, and check that "
        "udev or nvidia-persistenced makes the nodes at boot");
  }

  // ---- /proc/driver/nvidia

  /// Covers the host's view: only the selected GPUs, and no permission to change device files.
  void plan_proc_driver() {
    TmpfsMount tmpfs{.target = ContainerPath(std::string(kProcDriver)),
                     .on_procfs = true,
                     .reason = "only the selected GPUs, ModifyDeviceFiles: 0"};
    for (const Inventory::ProcText& text : inventory_.proc_texts) {
      const bool is_params = text.name == "params";
      tmpfs.entries.push_back(
          {.path = text.name,
           .content = is_params ? forbid_device_file_changes(text.text) : text.text,
           .mode = text.mode});
    }
    if (!gpus_.empty()) tmpfs.entries.push_back({.path = "gpus", .directory = true, .mode = 0555});
    for (const Gpu& gpu : gpus_) {
      tmpfs.entries.push_back({.path = "gpus/" + gpu.pci, .directory = true, .mode = 0555});
    }
    if (shows_mig_capabilities()) {
      tmpfs.entries.push_back({.path = "capabilities", .directory = true, .mode = 0555});
    }
    plan_.tmpfs.push_back(std::move(tmpfs));
  }

  void bind_proc(const std::string& below, const std::string& reason) {
    const std::string path = std::string(kProcDriver) + "/" + below;
    bind({.source = {.root = HostRoot::system, .path = HostPath(path)},
          .type = SourceType::directory,
          .target = ContainerPath(path),
          .attributes = kProcEntry,
          .reason = reason});
  }

  // ---- application profile (behaviour.md §5.14): EGL sees the selected GPUs only

  void plan_application_profile() {
    if (!request_.capabilities.intersects({Capability::graphics, Capability::display})) return;
    TmpfsMount tmpfs{.target = ContainerPath(std::string(kProfileDirectory)),
                     .reason = "capability graphics: EGL sees the selected GPUs only"};
    if (!gpus_.empty()) {
      tmpfs.entries.push_back(
          {.path = "10-container.conf", .content = application_profile(), .mode = 0555});
    }
    plan_.tmpfs.push_back(std::move(tmpfs));
  }

  [[nodiscard]] std::string application_profile() const {
    std::uint64_t mask = 0;
    for (const Gpu& gpu : gpus_) {
      if (gpu.minor < 64) mask |= std::uint64_t{1} << gpu.minor;
    }
    std::string hex;
    for (std::uint64_t rest = mask; rest != 0; rest >>= 4U) {
      hex.insert(hex.begin(), "0123456789abcdef"[rest & 0xfU]);
    }
    return R"({"profiles": [{"name": "_container_", "settings": ["EGLVisibleDGPUDevices", 0x)" +
           hex + R"(]}], "rules": [{"pattern": [], "profile": "_container_"}]})" + "\n";
  }

  // ---- MIG administration (behaviour.md §6.4)

  [[nodiscard]] bool shows_mig_capabilities() const {
    return (request_.mig_config || request_.mig_monitor) && inventory_.has_mig_capabilities &&
           !gpus_.empty();
  }

  void plan_mig_administration() {
    if (!shows_mig_capabilities()) {
      plan_.notes.push_back(info("no MIG capabilities on this host: nothing to administer"));
      return;
    }
    const std::string reason =
        request_.mig_config ? "NVIDIA_MIG_CONFIG_DEVICES" : "NVIDIA_MIG_MONITOR_DEVICES";
    bind_proc("capabilities", reason);
    if (!inventory_.nvidia_caps_major) return;
    bind({.source = {.root = HostRoot::system, .path = HostPath("/dev/nvidia-caps")},
          .type = SourceType::directory,
          .target = ContainerPath("/dev/nvidia-caps"),
          .attributes = kDevice,
          .reason = reason});
    for (const MigCapability& capability : inventory_.mig_capabilities) {
      if (!may_use(capability)) continue;
      plan_.device_rules.push_back(
          {.device = {*inventory_.nvidia_caps_major, capability.minor}, .reason = reason});
    }
  }

  [[nodiscard]] bool may_use(const MigCapability& capability) const {
    switch (capability.role) {
      case MigCapability::Role::config:
        return request_.mig_config;
      case MigCapability::Role::monitor:
        return request_.mig_monitor;
      case MigCapability::Role::instance:
        return std::any_of(gpus_.begin(), gpus_.end(),
                           [&](const Gpu& gpu) { return gpu.minor == capability.gpu_minor; });
    }
    return false;
  }

  const Request& request_;
  const Inventory& inventory_;
  const ContainerFacts& container_;
  const Config& config_;
  std::vector<Gpu> gpus_;
  Plan plan_ = {};
  std::set<ContainerPath> targets_ = {};
};

}  // namespace

Plan make_plan(const Request& request, const Inventory& inventory, const ContainerFacts& container,
               const Config& config) {
  return Planner(request, inventory, container, config).make();
}

}  // namespace nvhook
