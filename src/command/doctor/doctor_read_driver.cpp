// SPDX-License-Identifier: Apache-2.0
// Reads GPUs, kernel module, device nodes, libraries and loader cache.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "command/doctor/doctor_read.hpp"
#include "formats/ld_cache.hpp"
#include "host/facts/component.hpp"
#include "host/facts/host_view.hpp"
#include "host/host_probe.hpp"
#include "host/nodes/kernel_modules.hpp"
#include "os/device_number.hpp"
#include "os/own_procfs.hpp"
#include "os/user_namespace.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

const std::string kPciDevices = "/sys/bus/pci/devices/";
constexpr std::size_t kMaxSysfsText = 64;
constexpr std::size_t kMaxLoaderCache = std::size_t{64} << 20U;

Request everything() { return {.devices = AllDevices{}, .capabilities = CapabilitySet::all()}; }

std::vector<PciGpu> read_pci_gpus(const RootDir& system) {
  std::vector<PciGpu> gpus;
  for (const std::string& address : system.list(kPciDevices)) {
    const std::string directory = kPciDevices + address;
    const auto text = [&](const char* name) {
      return system.read(directory + name, kMaxSysfsText).value_or("");
    };
    if (trim(text("/vendor")) != "0x10de" || !text("/class").starts_with(kPciDisplay)) continue;
    const std::string driver = system.read_link(directory + "/driver").value_or("");
    gpus.push_back({.address = address, .driver = driver.substr(driver.rfind('/') + 1)});
  }
  return gpus;
}

/// Returns the nodes that every GPU container gets, and those of the existing MIG devices.
std::vector<NodeReport> wanted_nodes(const Inventory& inventory, const std::string& devices) {
  const unsigned major = find_driver_major(devices);
  std::vector<NodeReport> nodes;
  nodes.push_back({.path = "/dev/nvidiactl", .number = {major, kControlMinor}});
  for (const Gpu& gpu : inventory.gpus) {
    nodes.push_back({.path = "/dev/nvidia" + std::to_string(gpu.minor),
                     .role = DeviceRole::gpu,
                     .number = {major, gpu.minor}});
  }
  if (const auto uvm = find_character_major(devices, "nvidia-uvm")) {
    nodes.push_back({.path = "/dev/nvidia-uvm", .role = DeviceRole::uvm, .number = {*uvm, 0}});
    nodes.push_back(
        {.path = "/dev/nvidia-uvm-tools", .role = DeviceRole::uvm, .number = {*uvm, 1}});
  }
  for (const MigCapability& capability : inventory.mig_capabilities) {
    const bool is_wanted =
        std::any_of(inventory.mig_devices.begin(), inventory.mig_devices.end(),
                    [&](const MigDevice& device) { return opens(capability, device); });
    if (!is_wanted || !inventory.nvidia_caps_major) continue;
    nodes.push_back({.path = "/dev/nvidia-caps/nvidia-cap" + std::to_string(capability.minor),
                     .role = DeviceRole::mig,
                     .number = {*inventory.nvidia_caps_major, capability.minor}});
  }
  return nodes;
}

/// Looks at the node that the hook would use: in the driver root's own /dev if it exists there,
/// else in /dev.
void look_at_node(const RootDir& system, const RootDir& driver_root, NodeReport& node) {
  for (const RootDir* root : {&driver_root, &system}) {
    const UniqueFd fd = root->open(node.path, O_PATH | O_NOFOLLOW);
    if (!fd) continue;
    const FileStatus status = status_of(fd.get());
    const DeviceNumber found{status.device_major, status.device_minor};
    node.is_there = true;
    node.is_stale = !status.is_character_device() || found != node.number;
    node.is_empty_file = status.is_regular() && status.size == 0;
    node.owner = status.owner;
    node.group = status.group;
    node.mode = status.mode;
    node.is_usable =
        ::faccessat(own_procfs(), name_in_procfs(fd.get()).c_str(), R_OK | W_OK, 0) == 0;
    const std::string link = "/dev/char/" + to_string(node.number);
    node.is_linked = root->read_link(link).has_value();
    return;
  }
}

bool is_unsafe(const RootDir& root, const DriverFile& file) {
  const UniqueFd fd = root.open(file.path.str(), O_PATH | O_NOFOLLOW);
  if (!fd) return false;
  const FileStatus status = status_of(fd.get());
  return status.is_regular() && !is_only_roots(status.owner, status.mode);
}

/// ldconfig puts only existing files from the loader's directories into the cache. Entries that
/// break this rule are reported.
void read_foreign_entries(const RootDir& root, const std::vector<LdCacheEntry>& entries,
                          LibrariesReport& report) {
  const std::vector<std::string> directories = loader_directories(root);
  for (const LdCacheEntry& entry : entries) {
    const bool is_told = std::any_of(
        directories.begin(), directories.end(),
        [&](const std::string& directory) { return entry.path.starts_with(directory + "/"); });
    const std::string line = entry.name + " => " + entry.path;
    if (!is_told || entry.path.find("/../") != std::string::npos) {
      report.foreign.push_back(line);
    } else if (find_component(ComponentKind::library, library_base_name(entry.name)) != nullptr &&
               !is_there(root, entry.path)) {
      report.gone.push_back(line);
    }
  }
}

void read_loader_cache(const RootDir& root, LibrariesReport& report) {
  const auto bytes = root.read(report.cache, kMaxLoaderCache);
  const auto entries = bytes ? parse_ld_cache(*bytes) : std::nullopt;
  report.has_cache = entries.has_value();
  if (!entries) return;
  for (const char* name : {"libcuda.so.1", "libnvidia-ml.so.1"}) {
    const bool is_known =
        std::any_of(entries->begin(), entries->end(), [&](const LdCacheEntry& entry) {
          return entry.name == name && entry.flags == native_library_flags() &&
                 is_there(root, entry.path);
        });
    if (!is_known) report.not_in_cache.emplace_back(name);
  }
  read_foreign_entries(root, *entries, report);
}

}  // namespace

DriverReport read_driver(const RootDir& system, const RootDir& driver_root) {
  const HostView host{.system = system, .driver = driver_root};
  DriverReport report{.is_tegra = is_tegra(system), .pci_gpus = read_pci_gpus(system)};
  try {
    const Inventory inventory = probe_kernel_driver(host, everything());
    report.is_wsl = inventory.is_wsl;
    if (inventory.is_wsl) return report;
    report.version = inventory.driver.str();
    report.gpus = inventory.gpus;
    for (const Note& note : inventory.notes) {
      const bool is_lost = note.level == Note::Level::warning;
      (is_lost ? report.lost_gpus : report.gpus_left_out).push_back(note.text);
    }
    report.nodes_are_given = inventory.nodes_are_given || in_user_namespace();
    const std::string devices = system.read("/proc/devices", kMaxSettings).value_or("");
    report.has_uvm = find_character_major(devices, "nvidia-uvm").has_value();
    report.node_settings = parse_device_file_settings(
        system.read("/proc/driver/nvidia/params", kMaxSettings).value_or(""));
    report.nodes = wanted_nodes(inventory, devices);
  } catch (const Error& error) {
    if (error.code() != Code::driver_not_loaded) throw;
    if (is_wsl_kernel(system)) {
      report.no_dxg = fault_of(error);
    } else if (is_there(system, "/proc/driver/nvidia/version")) {
      report.odd_version = fault_of(error);
    }
  }
  for (NodeReport& node : report.nodes) look_at_node(system, driver_root, node);
  return report;
}

LibrariesReport read_libraries(const RootDir& system, const RootDir& driver_root,
                               const Config& config) {
  LibrariesReport report{.cache = config.loader_cache};
  read_loader_cache(driver_root, report);
  report.mps = mps_fault(driver_root, config.mps_pipe_directory);
  try {
    const Inventory inventory = probe_host({.system = system,
                                            .driver = driver_root,
                                            .loader_cache = config.loader_cache,
                                            .mps_pipe_directory = config.mps_pipe_directory,
                                            .library_search_path = config.library_search_path},
                                           everything());
    report.damaged = find_damaged_libraries(driver_root, inventory.files, inventory.driver.str());
    for (const DriverFile& file : inventory.files) {
      if (!in_user_namespace() && is_unsafe(driver_root, file)) {
        report.unsafe.push_back(file.path.str());
      }
      if (file.kind != ComponentKind::library || file.abi != Abi::native) continue;
      ++report.libraries;
      if (file.component->name == "libcuda.so") report.cuda = file.path.str();
      if (file.component->name == "libnvidia-ml.so") report.management = file.path.str();
    }
  } catch (const Error& error) {
    if (error.code() == Code::driver_version_mismatch) {
      report.mismatch = fault_of(error);
    } else if (error.code() == Code::driver_files_missing) {
      report.missing = fault_of(error);
    } else {
      throw;
    }
  }
  return report;
}

}  // namespace nvhook
