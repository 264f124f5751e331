// SPDX-License-Identifier: Apache-2.0
// Reads GPUs and driver files from the cache if that still holds, device nodes always from /dev.
#include "host/host_probe.hpp"

#include <fcntl.h>
#include <sys/utsname.h>

#include <algorithm>
#include <ctime>
#include <optional>

#include "host/cache/host_cache.hpp"
#include "host/driver/driver_files.hpp"
#include "host/driver/driver_search.hpp"
#include "host/facts/proc_text.hpp"
#include "host/nodes/device_probe.hpp"
#include "host/nodes/kernel_modules.hpp"
#include "text/error.hpp"
#include "text/pci_address.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxProcText = 1UL << 20U;
const std::string kProcDriver = "/proc/driver/nvidia";

bool exists(const RootDir& root, const std::string& path) {
  return static_cast<bool>(root.open(path, O_PATH));
}

/// Since JetPack 5 a Tegra's own driver has a version file; its GPU is in no list for all that.
Error tegra_is_not_served(bool is_loaded) {
  return Error(
      Code::driver_not_loaded,
      std::string(is_loaded ? "no GPU: the driver lists none"
                            : "driver not loaded: `/proc/driver/nvidia/version` does not "
                              "exist") +
          "; this is a Jetson or another Tegra system, whose integrated GPU this hook does "
          "not serve",
      "sudo nvidia-ctk cdi generate --mode=csv --output=/etc/cdi/nvidia.yaml, then start "
      "the container with --device nvidia.com/gpu=all");
}

/// Says why there is no driver, from what else the host has.
Error driver_not_loaded(const RootDir& system) {
  const std::string what = "driver not loaded: `/proc/driver/nvidia/version` does not exist";
  if (is_tegra(system)) return tegra_is_not_served(false);
  if (is_wsl_kernel(system)) {
    return Error(Code::driver_not_loaded, "driver not loaded: this is WSL, and has no `/dev/dxg`",
                 "install NVIDIA's driver in Windows, never in the distribution; then, in Windows, "
                 "`wsl --update`, `wsl --set-version DISTRIBUTION 2` and `wsl --shutdown`");
  }
  if (exists(system, "/sys/module/nouveau")) {
    return Error(Code::driver_not_loaded, what + "; the nouveau driver is loaded instead",
                 "blacklist nouveau, rebuild the initramfs and reboot");
  }
  if (!has_nvidia_pci_device(system)) {
    return Error(
        Code::driver_not_loaded, what + " and there is no NVIDIA device on the PCI bus",
        "use a machine with a GPU; a container without NVIDIA_VISIBLE_DEVICES starts here, too");
  }
  return Error(Code::driver_not_loaded, what + ", though an NVIDIA device is on the PCI bus",
               "sudo modprobe nvidia; if that fails, dmesg says why (module not built for this "
               "kernel, secure boot)");
}

/// The version in /proc/driver/nvidia/version.
Version driver_version(const RootDir& system, const std::string& text) {
  if (auto version = parse_driver_version(text)) return *std::move(version);
  if (is_tegra(system)) throw tegra_is_not_served(true);
  const std::string build(find_build_version(text));
  if (!build.empty()) {
    throw Error(Code::driver_not_loaded,
                "the kernel module is a private build, `" + build +
                    "` (/proc/driver/nvidia/version): only a released version, which has numbers "
                    "and dots alone, tells which libraries belong to it",
                "install a released driver, kernel module and libraries of one version");
  }
  const std::string line(trim(text.substr(0, text.find('\n'))));
  throw Error(Code::driver_not_loaded,
              "no driver version in the first line of `/proc/driver/nvidia/version`, which is `" +
                  line + "`",
              "load NVIDIA's kernel module; that line then is `NVRM version: … Kernel Module …` "
              "with its version");
}

struct GpuListing {
  std::vector<Gpu> gpus = {};
  /// False if a later reading could find more: a lost GPU, or a UUID, which the driver does not
  /// know until it has opened the GPU.
  bool is_final = true;
};

/// Lists the GPUs in PCI order, which is NVML's. An excluded GPU has no index there. A lost one
/// does, so it is counted, though no container can have it. Throws Error(driver_not_loaded) on a
/// Tegra without a GPU in the list.
GpuListing read_gpus(const RootDir& system, Notes& notes) {
  std::vector<std::pair<PciAddress, std::string>> addresses;
  for (const std::string& pci : system.list(kProcDriver + "/gpus")) {
    if (const auto address = parse_pci_address(pci)) addresses.emplace_back(*address, pci);
  }
  if (addresses.empty() && is_tegra(system)) throw tegra_is_not_served(true);
  std::sort(addresses.begin(), addresses.end());
  GpuListing listing;
  unsigned index = 0;
  for (const auto& [address, pci] : addresses) {
    const auto text = system.read(kProcDriver + "/gpus/" + pci + "/information", kMaxProcText);
    auto gpu = text ? parse_gpu_information(*text, pci) : std::nullopt;
    if (!gpu) {
      listing.is_final = false;
      notes.push_back(warning("GPU " + std::to_string(index++) + " at " + pci +
                              " left out: its information cannot be read"));
    } else if (gpu->excluded) {
      notes.push_back(info("GPU at " + pci + " left out: excluded by the driver"));
    } else {
      gpu->index = index++;
      listing.is_final = listing.is_final && !gpu->uuid.empty();
      listing.gpus.push_back(*std::move(gpu));
    }
  }
  return listing;
}

/// Returns the content of the file `version`, if there is one.
std::optional<std::string> read_proc_texts(const RootDir& system,
                                           std::vector<Inventory::ProcText>& texts) {
  std::optional<std::string> version;
  for (const char* name : {"params", "registry", "version"}) {
    auto file = system.read_file(kProcDriver + "/" + name, kMaxProcText);
    if (!file) continue;
    texts.push_back({.name = name, .text = file->text, .mode = file->status.mode & 0777U});
    if (texts.back().name == "version") version = std::move(file->text);
  }
  return version;
}

std::string kernel_release() {
  utsname names{};
  return ::uname(&names) == 0 ? std::string(static_cast<const char*>(names.release))
                              : std::string();
}

/// Directories that the kernel loads firmware from, in its order (drivers/base/firmware_loader).
std::vector<std::string> firmware_directories(const RootDir& system) {
  const auto text = [&](const std::string& path) {
    return std::string(trim(system.read(path, kMaxProcText).value_or("")));
  };
  std::vector<std::string> directories;
  const std::string custom = text("/sys/module/firmware_class/parameters/path");
  if (custom.starts_with('/')) directories.push_back(custom);
  const std::string release = kernel_release();
  for (const char* base : {"/lib/firmware/updates", "/lib/firmware"}) {
    if (!release.empty()) directories.push_back(std::string(base) + "/" + release);
    directories.emplace_back(base);
  }
  return directories;
}

DriverFileQuery file_query(const HostView& host, const Request& request,
                           const Inventory& inventory) {
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
  return query;
}

struct HostReading {
  CachedHost cached = {};
  /// True if a later reading would give the same.
  bool is_final = false;
  std::vector<Lookup> system_lookups = {};
  std::vector<Lookup> driver_lookups = {};
};

HostReading read_once(const HostView& host, const DriverFileQuery& query) {
  HostReading reading;
  CachedHost& cached = reading.cached;
  if (!query.any_version) {
    GpuListing listing = read_gpus(host.system.recording(reading.system_lookups), cached.notes);
    cached.gpus = std::move(listing.gpus);
    reading.is_final = listing.is_final;
  }
  cached.files =
      find_driver_files(host.driver.recording(reading.driver_lookups), query, cached.notes);
  return reading;
}

/// Reads GPUs and driver files from the host. Keeps the result in the cache only if a second
/// reading gives the same, so that one failed call is not believed by all later containers.
CachedHost read_anew(const HostView& host, const DriverFileQuery& query, const HostCache* cache,
                     Notes& notes) {
  const std::time_t started = std::time(nullptr);
  HostReading reading = read_once(host, query);
  if (cache == nullptr || !reading.is_final) return std::move(reading.cached);
  if (const HostReading again = read_once(host, query); again.cached == reading.cached) {
    cache->keep(again.cached, again.system_lookups, again.driver_lookups, started, notes);
  }
  return std::move(reading.cached);
}

/// What the driver files depend on besides the files of the host; a part of the cache's key.
std::string question_of(const DriverFileQuery& query) {
  return "driver " + query.driver.str() + " cache " + query.loader_cache + " search " +
         join(query.search_path, ":") + " firmware " + join(query.firmware_directories, ":");
}

void read_gpus_and_files(const HostView& host, const Request& request, Inventory& inventory) {
  const DriverFileQuery query = file_query(host, request, inventory);
  Notes& notes = inventory.notes;
  const auto cache = host.cache_directory.empty() || inventory.is_wsl
                         ? std::nullopt
                         : HostCache::at({.directory = host.cache_directory,
                                          .file = "host." + to_string(query.wanted),
                                          .question = question_of(query)},
                                         {host.system, host.driver}, notes);
  auto kept = cache ? cache->recall(notes) : std::nullopt;
  CachedHost cached =
      kept ? *std::move(kept) : read_anew(host, query, cache ? &*cache : nullptr, notes);
  notes.insert(notes.end(), cached.notes.begin(), cached.notes.end());
  inventory.gpus = std::move(cached.gpus);
  inventory.files = std::move(cached.files);
  // After the firmware, as in the order of the component table.
  const auto place = std::find_if(inventory.files.begin(), inventory.files.end(), [](auto& file) {
    return file.kind == ComponentKind::data_file || file.kind == ComponentKind::xorg_module;
  });
  const std::vector<DriverFile> endpoints = find_endpoints(host.driver, query, notes);
  inventory.files.insert(place, endpoints.begin(), endpoints.end());
}

/// Finds out which driver is loaded. Throws Error(driver_not_loaded) if there is none.
Inventory find_driver(const RootDir& system) {
  Inventory inventory;
  if (const auto version = read_proc_texts(system, inventory.proc_texts)) {
    inventory.driver = driver_version(system, *version);
    inventory.cuda = cuda_version_of(inventory.driver);
  } else if (exists(system, "/dev/dxg")) {
    inventory.is_wsl = true;
  } else {
    throw driver_not_loaded(system);
  }
  return inventory;
}

/// On WSL2 /dev/dxg is there whatever GPU Windows has.
void require_windows_driver(const Inventory& inventory) {
  const Component* library = find_component(ComponentKind::library, "libnvidia-ml.so");
  if (std::any_of(inventory.files.begin(), inventory.files.end(),
                  [&](const DriverFile& file) { return file.component == library; })) {
    return;
  }
  throw Error(Code::driver_files_missing,
              "no `libnvidia-ml.so.1` below `/usr/lib/wsl`: Windows, whose driver WSL2 uses, has "
              "none of NVIDIA's",
              "install NVIDIA's driver in Windows, then `wsl --shutdown`");
}

}  // namespace

// The driver of a Tegra is a list of files in the distribution (docs/behaviour.md §5.12).
bool is_tegra(const RootDir& system) {
  const auto contains = [&](const char* path, std::string_view words) {
    return system.read(path, 4096).value_or("").find(words) != std::string::npos;
  };
  return (contains("/sys/devices/soc0/family", "Tegra") ||
          exists(system, "/etc/nv_tegra_release") ||
          contains("/proc/device-tree/compatible", "nvidia,tegra")) &&
         !has_nvidia_pci_device(system, kPciDisplay);
}

bool is_wsl_kernel(const RootDir& system) {
  constexpr std::string_view kVendor = "icrosoft";  // WSL 1 writes it with a capital
  return system.read("/proc/sys/kernel/osrelease", 256).value_or("").find(kVendor) !=
         std::string::npos;
}

Inventory probe_kernel_driver(const HostView& host, const Request& request) {
  Inventory inventory = find_driver(host.system);
  if (!inventory.is_wsl) inventory.gpus = read_gpus(host.system, inventory.notes).gpus;
  read_devices(host, request, inventory);
  return inventory;
}

Inventory probe_host(const HostView& host, const Request& request) {
  Inventory inventory = find_driver(host.system);
  read_gpus_and_files(host, request, inventory);
  if (inventory.is_wsl) require_windows_driver(inventory);
  read_devices(host, request, inventory);
  return inventory;
}

}  // namespace nvhook
