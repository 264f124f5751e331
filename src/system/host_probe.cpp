// SPDX-License-Identifier: Apache-2.0
// Reads the host: kernel driver, GPUs, driver files, device nodes.
#include "system/host_probe.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "core/proc_text.hpp"
#include "core/text.hpp"
#include "system/driver_files.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxProcText = 1UL << 20U;
constexpr unsigned kNvidiaMajor = 195;  // assigned to NVIDIA in the kernel's devices.txt
constexpr unsigned kControlMinor = 255;
constexpr unsigned kModesetMinor = 254;
const std::string kProcDriver = "/proc/driver/nvidia";

bool exists(const RootDir& root, const std::string& path) {
  return static_cast<bool>(root.open(path, O_PATH));
}

bool has_nvidia_pci_device(const RootDir& system) {
  const auto devices = system.list("/sys/bus/pci/devices");
  return std::any_of(devices.begin(), devices.end(), [&](const std::string& device) {
    const auto vendor = system.read("/sys/bus/pci/devices/" + device + "/vendor", 64);
    return vendor && trim(*vendor) == "0x10de";
  });
}

/// Why there is no driver, told from facts.
Error driver_not_loaded(const RootDir& system) {
  const std::string what = "driver not loaded: `/proc/driver/nvidia/version` does not exist";
  if (exists(system, "/dev/dxg")) {
    return Error(Code::driver_not_loaded, what + "; this is WSL2, which is not supported yet",
                 "use a CDI specification made by nvidia-ctk on this machine");
  }
  if (exists(system, "/sys/module/nouveau")) {
    return Error(Code::driver_not_loaded, what + "; the nouveau driver is loaded instead",
                 "blacklist nouveau, rebuild the initramfs and reboot");
  }
  if (!has_nvidia_pci_device(system)) {
    return Error(Code::driver_not_loaded, what + " and there is no NVIDIA device on the PCI bus",
                 "run this container on a machine with a GPU, or without NVIDIA_VISIBLE_DEVICES");
  }
  return Error(Code::driver_not_loaded, what + ", though an NVIDIA device is on the PCI bus",
               "sudo modprobe nvidia; if that fails, dmesg says why (module not built for this "
               "kernel, secure boot)");
}

Version read_driver_version(const RootDir& system) {
  const auto text = system.read(kProcDriver + "/version", kMaxProcText);
  if (!text) throw driver_not_loaded(system);
  auto version = parse_driver_version(*text);
  if (!version) {
    throw Error(Code::driver_not_loaded,
                "no version in `/proc/driver/nvidia/version`: `" + *text + "`",
                "reload the nvidia kernel module");
  }
  return *std::move(version);
}

std::vector<Gpu> read_gpus(const RootDir& system, Notes& notes) {
  std::vector<Gpu> gpus;
  for (const std::string& pci : system.list(kProcDriver + "/gpus")) {
    const auto text = system.read(kProcDriver + "/gpus/" + pci + "/information", kMaxProcText);
    auto gpu = text ? parse_gpu_information(*text, pci) : std::nullopt;
    if (!gpu || !parse_pci_address(pci)) {
      notes.push_back(warning("GPU at " + pci + " left out: its information cannot be read"));
    } else if (gpu->excluded) {
      notes.push_back(info("GPU at " + pci + " left out: excluded by the driver"));
    } else {
      gpus.push_back(*std::move(gpu));
    }
  }
  std::sort(gpus.begin(), gpus.end(), [](const Gpu& a, const Gpu& b) {
    return parse_pci_address(a.pci) < parse_pci_address(b.pci);
  });
  for (unsigned index = 0; index < gpus.size(); ++index) gpus[index].index = index;
  return gpus;
}

/// A device node as the host has it: below the driver root's own /dev if that has it (a driver
/// container), else /dev.
struct FoundNode {
  HostFile file = {};
  FileStatus status = {};
};
std::optional<FoundNode> find_node(const HostView& host, const std::string& path) {
  for (const HostRoot root : {HostRoot::driver, HostRoot::system}) {
    const RootDir& directory = root == HostRoot::driver ? host.driver : host.system;
    const UniqueFd fd = directory.open(path, O_PATH | O_NOFOLLOW);
    if (!fd) continue;
    return FoundNode{.file = {.root = root, .path = HostPath(path)}, .status = status_of(fd.get())};
  }
  return std::nullopt;
}

class NodeReader {
 public:
  NodeReader(const HostView& host, std::string_view devices, Inventory& inventory)
      : host_(host), devices_(devices), inventory_(inventory) {}

  void read() {
    // The class was called nvidia-frontend before 550.
    unsigned major = kNvidiaMajor;
    for (const std::string_view name : {"nvidia", "nvidia-frontend"}) {
      if (const auto found = find_character_major(devices_, name)) major = *found;
    }
    add(DeviceRole::control, "/dev/nvidiactl", DeviceNumber{major, kControlMinor});
    const auto uvm = find_character_major(devices_, "nvidia-uvm");
    add_uvm("/dev/nvidia-uvm", uvm, 0);
    add_uvm("/dev/nvidia-uvm-tools", uvm, 1);
    add(DeviceRole::modeset, "/dev/nvidia-modeset", DeviceNumber{major, kModesetMinor});
    for (const Gpu& gpu : inventory_.gpus) {
      add(DeviceRole::gpu, "/dev/nvidia" + std::to_string(gpu.minor),
          DeviceNumber{major, gpu.minor}, gpu.minor);
    }
  }

 private:
  void add(DeviceRole role, const std::string& path, DeviceNumber number, unsigned gpu_minor = 0) {
    const auto node = find_node(host_, path);
    if (!node) return;
    inventory_.nodes.push_back(
        {.role = role, .file = node->file, .number = number, .gpu_minor = gpu_minor});
  }

  /// The major of nvidia-uvm is assigned when it is loaded; where /proc/devices does not list it
  /// the node itself tells.
  void add_uvm(const std::string& path, std::optional<unsigned> major, unsigned minor) {
    const auto node = find_node(host_, path);
    if (!node || (!major && !node->status.is_character_device())) return;
    const DeviceNumber number =
        major ? DeviceNumber{*major, minor}
              : DeviceNumber{node->status.device_major, node->status.device_minor};
    inventory_.nodes.push_back({.role = DeviceRole::uvm, .file = node->file, .number = number});
  }

  const HostView& host_;
  std::string_view devices_;
  Inventory& inventory_;
};

void read_proc_texts(const RootDir& system, Inventory& inventory) {
  for (const char* name : {"params", "registry", "version"}) {
    const std::string path = kProcDriver + "/" + name;
    const UniqueFd fd = system.open(path, O_PATH);
    if (!fd) continue;
    const unsigned mode = status_of(fd.get()).mode & 0777U;
    if (auto text = system.read(path, kMaxProcText)) {
      inventory.proc_texts.push_back({.name = name, .text = *std::move(text), .mode = mode});
    }
  }
}

void read_mig(const RootDir& system, std::string_view devices, Inventory& inventory) {
  inventory.has_mig_capabilities = exists(system, kProcDriver + "/capabilities");
  if (!inventory.has_mig_capabilities) return;
  inventory.nvidia_caps_major = find_character_major(devices, "nvidia-caps");
  if (const auto text = system.read("/proc/driver/nvidia-caps/mig-minors", kMaxProcText)) {
    inventory.mig_capabilities = parse_mig_minors(*text);
    return;
  }
  for (const auto& [role, name] : {std::pair{MigCapability::Role::config, "config"},
                                   std::pair{MigCapability::Role::monitor, "monitor"}}) {
    const auto text = system.read(kProcDriver + "/capabilities/mig/" + name, kMaxProcText);
    const auto minor = text ? parse_device_file_minor(*text) : std::nullopt;
    if (minor) inventory.mig_capabilities.push_back({.role = role, .minor = *minor});
  }
}

}  // namespace

Inventory probe_host(const HostView& host, CapabilitySet wanted) {
  Inventory inventory;
  inventory.driver = read_driver_version(host.system);
  inventory.cuda = cuda_version_of(inventory.driver);
  inventory.gpus = read_gpus(host.system, inventory.notes);
  const std::string devices = host.system.read("/proc/devices", kMaxProcText).value_or("");
  NodeReader(host, devices, inventory).read();
  read_proc_texts(host.system, inventory);
  read_mig(host.system, devices, inventory);
  inventory.files = find_driver_files(host.driver,
                                      {.loader_cache = host.loader_cache,
                                       .mps_pipe_directory = host.mps_pipe_directory,
                                       .driver = inventory.driver,
                                       .wanted = wanted},
                                      inventory.notes);
  return inventory;
}

}  // namespace nvhook
