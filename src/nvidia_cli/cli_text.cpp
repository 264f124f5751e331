// SPDX-License-Identifier: Apache-2.0
// Order and spelling are a contract: enroot, pyxis and Charliecloud parse this output.
#include "nvidia_cli/cli_text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "host/facts/proc_text.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "plan/file_plan.hpp"
#include "text/pci_address.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kUnknown = "Unknown";
const std::string kCapabilities = "/proc/driver/nvidia/capabilities";
const std::string kCapDirectory = "/dev/nvidia-caps";

// ---- info

/// In NVML's spelling: `00000000:3b:00.0`.
std::string bus_location(const std::string& pci) {
  const auto address = parse_pci_address(pci);
  if (!address) return pci;
  return to_hexadecimal(address->domain, 8) + ":" + to_hexadecimal(address->bus, 2) + ":" +
         to_hexadecimal(address->device, 2) + ".0";
}

constexpr std::array<std::string_view, 7> kGpuLabels{
    "Device Index", "Device Minor", "Model", "Brand", "GPU UUID", "Bus Location", "Architecture"};
using GpuValues = std::array<std::string, kGpuLabels.size()>;

GpuValues values_of(const Gpu& gpu, const DriverDetails& details) {
  const auto row = std::find_if(details.gpus.begin(), details.gpus.end(),
                                [&](const GpuDetails& told) { return told.pci == gpu.pci; });
  const bool known = row != details.gpus.end();
  return {std::to_string(gpu.index),
          std::to_string(gpu.minor),
          gpu.model,
          known ? row->brand : std::string(kUnknown),
          gpu.uuid,
          bus_location(gpu.pci),
          known ? row->compute_capability.str() : std::string(kUnknown)};
}

std::string labelled(std::string_view label, std::string_view value) {
  constexpr std::size_t kWidth = 15;
  std::string line = std::string(label) + ":";
  line.resize(std::max(line.size(), kWidth), ' ');
  return line.append(" ").append(value).append("\n");
}

// ---- list

class Listing {
 public:
  Listing(const Inventory& inventory, const Request& request)
      : inventory_(inventory),
        request_(request),
        selected_(select_devices(request.devices, inventory)) {}

  void add_devices() {
    add_control_nodes();
    if (!inventory_.is_wsl) {
      for (const Gpu& gpu : selected_.gpus) line("/dev/nvidia" + std::to_string(gpu.minor));
    }
    if (request_.mig_config || request_.mig_monitor) return;
    for (const MigDevice& device : selected_.mig_devices) add_mig_device(device);
  }

  void add_imex_channels() {
    for (const unsigned channel : request_.imex_channels) {
      line("/dev/nvidia-caps-imex-channels/channel" + std::to_string(channel));
    }
  }

  void add_mig_administration() {
    using Role = MigCapability::Role;
    if (!inventory_.has_mig_capabilities || selected_.gpus.empty()) return;
    if (request_.mig_config) add_mig_role(Role::config, "config");
    if (request_.mig_monitor) add_mig_role(Role::monitor, "monitor");
  }

  template <typename Predicate>
  void add_files(const Predicate& is_wanted) {
    for (const DriverFile& file : inventory_.files) {
      if (!is_wanted(file) || is_left_out(file, request_.left_out)) continue;
      line(file.kind == ComponentKind::firmware ? file.place.str() : file.path.str());
    }
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void line(std::string_view path) { text_.append(path).append("\n"); }

  void add_nodes(DeviceRole role) {
    for (const DeviceNode& node : inventory_.nodes) {
      if (node.role == role) line(node.file.path.str());
    }
  }

  void add_control_nodes() {
    add_nodes(DeviceRole::dxg);
    if (inventory_.is_wsl) return;
    line("/dev/nvidiactl");
    add_nodes(DeviceRole::uvm);
    add_nodes(DeviceRole::modeset);
  }

  void add_cap_node(const MigCapability& capability) {
    line(kCapDirectory + "/nvidia-cap" + std::to_string(capability.minor));
  }

  /// Lists the access files of the GPU instance and the compute instance, then their nodes.
  void add_mig_device(const MigDevice& device) {
    const std::string instance = kCapabilities + "/gpu" + std::to_string(device.gpu_minor) +
                                 "/mig/gi" + std::to_string(device.gpu_instance);
    line(instance + "/access");
    line(instance + "/ci" + std::to_string(device.compute_instance) + "/access");
    if (!inventory_.nvidia_caps_major) return;
    for (const bool of_compute_instance : {false, true}) {
      for (const MigCapability& capability : inventory_.mig_capabilities) {
        if (opens(capability, device) &&
            capability.compute_instance.has_value() == of_compute_instance) {
          add_cap_node(capability);
        }
      }
    }
  }

  void add_mig_role(MigCapability::Role role, const std::string& name) {
    line(kCapabilities + "/mig/" + name);
    const bool has_nodes = inventory_.nvidia_caps_major.has_value();
    for (const MigCapability& capability : inventory_.mig_capabilities) {
      if (has_nodes && capability.role == role) add_cap_node(capability);
    }
    for (const Gpu& gpu : selected_.gpus) {
      line(kCapabilities + "/gpu" + std::to_string(gpu.minor));
      if (!has_nodes) continue;
      line(kCapDirectory);
      for (const MigCapability& capability : inventory_.mig_capabilities) {
        const bool is_instance = capability.role == MigCapability::Role::instance;
        if (is_instance && capability.gpu_minor == gpu.minor) add_cap_node(capability);
      }
    }
  }

  const Inventory& inventory_;
  const Request& request_;
  SelectedDevices selected_;
  std::string text_ = {};
};

bool is_binary(const DriverFile& file) {
  const bool in_store = file.kind == ComponentKind::wsl_store;
  return file.kind == ComponentKind::binary ||
         (in_store && file.component->name.find('.') == std::string_view::npos);
}

bool is_library(const DriverFile& file, Abi abi) {
  const bool in_store = file.kind == ComponentKind::wsl_store;
  return file.abi == abi &&
         (file.kind == ComponentKind::library ||
          (in_store && file.component->name.find(".so") != std::string_view::npos));
}

bool is_endpoint(const DriverFile& file) {
  return file.kind == ComponentKind::ipc_socket || file.kind == ComponentKind::ipc_directory;
}

}  // namespace

std::string info_text(const Inventory& inventory, const DriverDetails& details, InfoFormat format) {
  const std::string& cuda = (inventory.cuda ? *inventory.cuda : details.cuda).str();
  std::string text;
  if (format == InfoFormat::csv) {
    text = "NVRM version,CUDA version\n" + inventory.driver.str() + "," + cuda + "\n\n";
    for (const std::string_view label : kGpuLabels) text.append(label).append(",");
    text.back() = '\n';
  } else {
    text = labelled("NVRM version", inventory.driver.str()) + labelled("CUDA version", cuda);
  }
  for (const Gpu& gpu : inventory.gpus) {
    const GpuValues values = values_of(gpu, details);
    if (format == InfoFormat::csv) {
      for (const std::string& value : values) text += value + ",";
      text.back() = '\n';
      continue;
    }
    text += "\n";
    for (std::size_t i = 0; i < values.size(); ++i) {
      text += labelled(kGpuLabels.at(i), values.at(i));
    }
  }
  return text;
}

std::string list_text(const Inventory& inventory, const Request& request,
                      const ListSections& sections) {
  Listing list(inventory, request);
  if (sections.devices) list.add_devices();
  list.add_imex_channels();
  list.add_mig_administration();
  if (sections.binaries) list.add_files(is_binary);
  for (const Abi abi : {Abi::native, Abi::compat32}) {
    if (!sections.libraries || (abi == Abi::compat32 && !sections.compat32)) continue;
    list.add_files([&](const DriverFile& file) { return is_library(file, abi); });
  }
  if (sections.ipcs) list.add_files(is_endpoint);
  if (sections.firmwares) {
    list.add_files([](const DriverFile& file) { return file.kind == ComponentKind::firmware; });
  }
  return list.take();
}

}  // namespace nvhook
