// SPDX-License-Identifier: Apache-2.0
// The numbers of nodes come from /proc/devices and the driver's files, never by counting.
#include "host/nodes/device_nodes.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "host/facts/proc_text.hpp"
#include "host/nodes/device_file.hpp"
#include "host/nodes/device_needs.hpp"
#include "host/nodes/given_nodes.hpp"
#include "host/nodes/kernel_modules.hpp"
#include "os/device_number.hpp"
#include "os/file_status.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxFactText = 1UL << 20U;
const std::string kProcDriver = "/proc/driver/nvidia/";
constexpr const char* kByHand = "run `oci-nvidia-hook create-device-nodes` on the host, as root";

/// In the form of errors, because create-device-nodes prints it as one.
Note advised(const std::string& what, const std::string& remedy) {
  return warning(what + ". Try: " + remedy);
}

bool exists(const RootDir& root, const std::string& path) {
  return static_cast<bool>(root.open(path, O_PATH));
}

std::string read_text(const RootDir& root, const std::string& path) {
  return root.read(path, kMaxFactText).value_or("");
}

// ---- modules

struct Module {
  const char* name;
  bool (*is_loaded)(const RootDir& system);
};

constexpr Module kDriver{
    "nvidia", [](const RootDir& system) { return exists(system, kProcDriver + "version"); }};
constexpr Module kUvm{
    "nvidia-uvm", [](const RootDir& system) {
      return find_character_major(read_text(system, "/proc/devices"), "nvidia-uvm").has_value();
    }};
constexpr Module kModeset{"nvidia-modeset", [](const RootDir& system) {
                            return exists(system, "/sys/module/nvidia_modeset");
                          }};

class ModuleLoader {
 public:
  ModuleLoader(const HostView& host, const ProvisionOptions& options, Notes& notes)
      : host_(host), options_(options), notes_(notes) {}

  void load_driver() {
    if (kDriver.is_loaded(host_.system) || has_nvidia_pci_device(host_.system, kPciDisplay)) {
      load(kDriver);
    } else {
      notes_.push_back(info("kernel module nvidia not loaded: no NVIDIA GPU is on the PCI bus"));
    }
  }

  void load(const Module& module) {
    if (module.is_loaded(host_.system)) return;
    const std::string name = module.name;
    if (!is_same_file(host_.system.fd(), host_.driver.fd())) {
      notes_.push_back(advised("kernel module " + name + " not loaded: the driver root is not `/`",
                               "start what provides that directory (the driver container), which "
                               "loads it"));
      return;
    }
    if (options_.only_tell) {
      notes_.push_back(info("would load kernel module " + name));
      return;
    }
    auto why = load_module(host_.system, name, options_.module_deadline);
    if (!why && !module.is_loaded(host_.system)) why = "modprobe ended well, but it is not there";
    notes_.push_back(why ? advised("kernel module " + name + " not loaded: " + *why,
                                   "run `modprobe " + name + "` on the host, and see dmesg")
                         : info("kernel module " + name + " loaded"));
  }

 private:
  const HostView& host_;
  const ProvisionOptions& options_;
  Notes& notes_;
};

// ---- nodes

/// Opens the /dev in which nodes are made; nullopt, with errno, if there is none.
std::optional<RootDir> open_dev(const HostView& host, const RootDir* nodes_root) {
  const RootDir& found = exists(host.driver, "/dev/nvidiactl") ? host.driver : host.system;
  const RootDir& root = nodes_root == nullptr ? found : *nodes_root;
  UniqueFd dev = root.open("/dev", O_PATH | O_DIRECTORY);
  if (!dev) return std::nullopt;
  return RootDir(std::move(dev));
}

class NodeMaker {
 public:
  NodeMaker(const RootDir& system, const RootDir& dev, const ProvisionOptions& options,
            Notes& notes)
      : system_(system),
        dev_(dev),
        options_(options),
        notes_(notes),
        devices_(read_text(system, "/proc/devices")) {}

  /// Makes the nodes that /proc/driver/nvidia/params describes, and those of nvidia-uvm, which no
  /// file describes: NVIDIA's toolkit gives them the defaults.
  void make_driver_nodes() {
    const DeviceFileSettings settings =
        parse_device_file_settings(read_text(system_, kProcDriver + "params"));
    if (!settings.modify) {
      notes_.push_back(
          info("device nodes left alone: so says ModifyDeviceFiles in /proc/driver/nvidia/params"));
      return;
    }
    const unsigned major = find_driver_major(devices_);
    make("nvidiactl", {major, kControlMinor}, settings);
    make_gpus(major, settings);
    if (kModeset.is_loaded(system_)) make("nvidia-modeset", {major, kModesetMinor}, settings);
    if (const auto uvm = find_character_major(devices_, "nvidia-uvm")) {
      make("nvidia-uvm", {*uvm, 0}, {});
      make("nvidia-uvm-tools", {*uvm, 1}, {});
    }
  }

  /// Makes one node for each file `access`, `config` and `monitor` of
  /// /proc/driver/nvidia/capabilities. These have the same minor numbers as nvidia-caps/mig-minors,
  /// but only of instances that exist.
  void make_mig_capabilities() {
    const auto major = find_character_major(devices_, "nvidia-caps");
    if (!major) return;
    const std::string top = kProcDriver + "capabilities/";
    make_capability(*major, top + "mig/config");
    make_capability(*major, top + "mig/monitor");
    for (const std::string& gpu : members(top, "gpu")) {
      for (const std::string& instance : members(gpu + "mig/", "gi")) {
        make_capability(*major, instance + "access");
        for (const std::string& compute : members(instance, "ci")) {
          make_capability(*major, compute + "access");
        }
      }
    }
  }

  void make_imex_channels(const std::vector<unsigned>& channels) {
    if (channels.empty()) return;
    const auto major = find_character_major(devices_, "nvidia-caps-imex-channels");
    if (!major) {
      notes_.push_back(
          advised("IMEX channels not made: nvidia-caps-imex-channels is not in /proc/devices",
                  "use a driver and a machine that have them"));
      return;
    }
    for (const unsigned channel : channels) {
      make("nvidia-caps-imex-channels/channel" + std::to_string(channel), {*major, channel}, {});
    }
  }

 private:
  void make_gpus(unsigned major, const DeviceFileSettings& settings) {
    const std::string gpus = kProcDriver + "gpus/";
    for (const std::string& pci : system_.list(gpus)) {
      const auto gpu = parse_gpu_information(read_text(system_, gpus + pci + "/information"), pci);
      if (!gpu || gpu->excluded) continue;
      make("nvidia" + std::to_string(gpu->minor), {major, gpu->minor}, settings);
    }
  }

  /// Returns the directories in `directory` whose names begin with `prefix`.
  [[nodiscard]] std::vector<std::string> members(const std::string& directory,
                                                 std::string_view prefix) const {
    std::vector<std::string> found;
    for (const std::string& name : system_.list(directory)) {
      if (name.starts_with(prefix)) found.push_back(directory + name + "/");
    }
    return found;
  }

  void make_capability(unsigned major, const std::string& path) {
    const auto text = system_.read(path, kMaxFactText);
    const auto minor = text ? parse_device_file_minor(*text) : std::nullopt;
    if (!minor) return;
    const DeviceFileSettings settings = parse_device_file_settings(*text);
    if (!settings.modify) return;
    make("nvidia-caps/nvidia-cap" + std::to_string(*minor), {major, *minor}, settings);
  }

  void make(std::string path, DeviceNumber number, const DeviceFileSettings& settings) {
    const DeviceFile file{.path = std::move(path), .number = number, .settings = settings};
    if (options_.only_tell) {
      if (!exists(dev_, file.path))
        notes_.push_back(info("would make device node /dev/" + file.path));
      return;
    }
    try {
      const MakeResult result = make_device_file(dev_, file);
      if (result != MakeResult::present) {
        notes_.push_back(info((result == MakeResult::made ? "made" : "replaced") +
                              std::string(" device node /dev/") + file.path));
      }
      if (options_.link_all || result != MakeResult::present) link_device_number(dev_, file);
    } catch (const Error& error) {
      notes_.push_back(advised(error.what(), error.remedy()));
    }
  }

  const RootDir& system_;
  const RootDir& dev_;
  const ProvisionOptions& options_;
  Notes& notes_;
  std::string devices_;
};

void load_modules(const HostView& host, CapabilitySet capabilities, const ProvisionOptions& options,
                  Notes& notes) {
  ModuleLoader loader(host, options, notes);
  loader.load_driver();
  if (!kDriver.is_loaded(host.system)) return;
  if (capabilities.intersects({Capability::compute, Capability::video})) loader.load(kUvm);
  if (capabilities.contains(Capability::display)) loader.load(kModeset);
}

}  // namespace

bool is_driver_loaded(const RootDir& system) { return kDriver.is_loaded(system); }

Notes provide_devices(const HostView& host, const Request& request,
                      const ProvisionOptions& options) {
  if (in_user_namespace()) {
    return {advised("no module loaded and no device node made: not possible in a user namespace",
                    kByHand)};
  }
  if (are_nodes_given(host)) {
    return {
        advised("no module loaded and no device node made: this is a container, and whoever "
                "started it decides which devices it has",
                kGiveNodes)};
  }
  Notes notes;
  if (options.load_modules) load_modules(host, request.capabilities, options, notes);
  if (!kDriver.is_loaded(host.system)) return notes;
  const auto dev = open_dev(host, options.nodes_root);
  if (!dev) {
    notes.push_back(advised("no device node made: open `/dev`: " + errno_text(errno), kByHand));
    return notes;
  }
  NodeMaker nodes(host.system, *dev, options, notes);
  nodes.make_driver_nodes();
  nodes.make_mig_capabilities();
  if (options.create_imex_channels) {
    nodes.make_imex_channels(request.imex_channels);
  } else if (!request.imex_channels.empty()) {
    notes.push_back(info("IMEX channels not made: disable-imex-channel-creation is set"));
  }
  return notes;
}

}  // namespace nvhook
