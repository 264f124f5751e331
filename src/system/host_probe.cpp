// SPDX-License-Identifier: Apache-2.0
// Reads the host: kernel driver, GPUs, driver files, device nodes.
#include "system/host_probe.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "core/proc_text.hpp"
#include "core/text.hpp"
#include "system/device_probe.hpp"
#include "system/driver_files.hpp"
#include "system/kernel_modules.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxProcText = 1UL << 20U;
const std::string kProcDriver = "/proc/driver/nvidia";

bool exists(const RootDir& root, const std::string& path) {
  return static_cast<bool>(root.open(path, O_PATH));
}

/// NVIDIA's systems on a chip: their driver is a list of files in the distribution (behaviour.md
/// §5.12).
bool is_tegra(const RootDir& system) {
  const auto family = system.read("/sys/devices/soc0/family", 64);
  return (family && trim(*family) == "Tegra") || exists(system, "/etc/nv_tegra_release");
}

/// Why there is no driver, told from facts.
Error driver_not_loaded(const RootDir& system) {
  const std::string what = "driver not loaded: `/proc/driver/nvidia/version` does not exist";
  if (is_tegra(system)) {
    return Error(
        Code::driver_not_loaded,
        what + "; this is a Tegra system, whose integrated GPU this hook does not serve",
        "sudo nvidia-ctk cdi generate --mode=csv --output=/etc/cdi/nvidia.yaml, then start "
        "the container with --device nvidia.com/gpu=all");
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

/// In PCI order, which is NVML's. An excluded GPU does not count there; one that is lost does, so
/// that it keeps its index though nobody can have it.
std::vector<Gpu> read_gpus(const RootDir& system, Notes& notes) {
  std::vector<std::pair<PciAddress, std::string>> addresses;
  for (const std::string& pci : system.list(kProcDriver + "/gpus")) {
    if (const auto address = parse_pci_address(pci)) addresses.emplace_back(*address, pci);
  }
  std::sort(addresses.begin(), addresses.end());
  std::vector<Gpu> gpus;
  unsigned index = 0;
  for (const auto& [address, pci] : addresses) {
    const auto text = system.read(kProcDriver + "/gpus/" + pci + "/information", kMaxProcText);
    auto gpu = text ? parse_gpu_information(*text, pci) : std::nullopt;
    if (!gpu) {
      notes.push_back(warning("GPU " + std::to_string(index++) + " at " + pci +
                              " left out: its information cannot be read"));
    } else if (gpu->excluded) {
      notes.push_back(info("GPU at " + pci + " left out: excluded by the driver"));
    } else {
      gpu->index = index++;
      gpus.push_back(*std::move(gpu));
    }
  }
  return gpus;
}

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

/// Directories that the kernel loads firmware from, in its order (drivers/base/firmware_loader).
std::vector<std::string> firmware_directories(const RootDir& system) {
  const auto text = [&](const std::string& path) {
    return std::string(trim(system.read(path, kMaxProcText).value_or("")));
  };
  std::vector<std::string> directories;
  const std::string custom = text("/sys/module/firmware_class/parameters/path");
  if (custom.starts_with('/')) directories.push_back(custom);
  const std::string release = text("/proc/sys/kernel/osrelease");
  for (const char* base : {"/lib/firmware/updates", "/lib/firmware"}) {
    if (!release.empty()) directories.push_back(std::string(base) + "/" + release);
    directories.emplace_back(base);
  }
  return directories;
}

void read_files(const HostView& host, const Request& request, Inventory& inventory) {
  DriverFileQuery query{.loader_cache = host.loader_cache,
                        .mps_pipe_directory = host.mps_pipe_directory,
                        .search_path = host.library_search_path,
                        .driver = inventory.driver,
                        .any_version = inventory.is_wsl,
                        .wanted = request.capabilities};
  if (inventory.is_wsl) {
    query.search_path.emplace_back("/usr/lib/wsl/lib");
  } else {
    query.firmware_directories = firmware_directories(host.system);
  }
  inventory.files = find_driver_files(host.driver, query, inventory.notes);
}

}  // namespace

Inventory probe_host(const HostView& host, const Request& request) {
  Inventory inventory;
  const RootDir& system = host.system;
  inventory.is_wsl = !exists(system, kProcDriver + "/version") && exists(system, "/dev/dxg");
  if (!inventory.is_wsl) {
    inventory.driver = read_driver_version(system);
    inventory.cuda = cuda_version_of(inventory.driver);
    inventory.gpus = read_gpus(system, inventory.notes);
    read_proc_texts(system, inventory);
  }
  read_devices(host, request, inventory);
  read_files(host, request, inventory);
  return inventory;
}

}  // namespace nvhook
