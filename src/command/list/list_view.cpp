// SPDX-License-Identifier: Apache-2.0
// Formats driver, GPUs and files, with the reason why a file is injected or left out.
#include "command/list/list_view.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "command/render/folded_text.hpp"
#include "command/render/narrow_table.hpp"
#include "host/facts/proc_text.hpp"
#include "plan/file_plan.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string_view to_string(ComponentKind kind) {
  switch (kind) {
    case ComponentKind::library:
      return "library";
    case ComponentKind::binary:
      return "program";
    case ComponentKind::firmware:
      return "firmware";
    case ComponentKind::ipc_socket:
      return "socket";
    case ComponentKind::ipc_directory:
      return "directory";
    case ComponentKind::data_file:
      return "data";
    case ComponentKind::xorg_module:
      return "Xorg module";
    case ComponentKind::wsl_store:
      return "WSL2 driver store";
  }
  return {};
}

/// Returns the capabilities that bring `file`; each of them is enough.
std::string group_of(const DriverFile& file) {
  const CapabilitySet set = file.component->capabilities;
  std::string name = set.empty() ? "every request" : to_string(set);
  if (file.abi == Abi::compat32) name = "compat32 with " + name;
  return name;
}

const DeviceNode* node_of(const Gpu& gpu, const Inventory& inventory) {
  const auto found =
      std::find_if(inventory.nodes.begin(), inventory.nodes.end(), [&](const DeviceNode& node) {
        return node.role == DeviceRole::gpu && node.gpu_minor == gpu.minor;
      });
  return found == inventory.nodes.end() ? nullptr : &*found;
}

std::string name_of(const MigDevice& device, const Gpu& gpu) {
  return std::to_string(gpu.index) + ":" +
         (device.index ? std::to_string(*device.index) : std::string("?"));
}

std::vector<const MigDevice*> mig_devices_of(const Gpu& gpu, const Inventory& inventory) {
  std::vector<const MigDevice*> devices;
  for (const MigDevice& device : inventory.mig_devices) {
    if (device.gpu_minor == gpu.minor) devices.push_back(&device);
  }
  std::stable_sort(devices.begin(), devices.end(), [](const MigDevice* a, const MigDevice* b) {
    return a->index.value_or(~0U) < b->index.value_or(~0U);
  });
  return devices;
}

/// Returns why `file` is injected or left out.
std::string reason_for(const DriverFile& file, const HostListing& listing) {
  const CapabilitySet asked = listing.request.capabilities;
  if (is_wanted(file, listing.request)) return reason_of(*file.component, asked);
  std::string text(file.component->purpose);
  const bool is_32_bit = file.abi == Abi::compat32 && !asked.contains(Capability::compat32);
  text += is_32_bit ? "; left out: a 32-bit library, and compat32" : "; left out: ";
  if (!is_32_bit) text += to_string(file.component->capabilities);
  text += " is not in the " + std::string(listing.capabilities_source) + " capabilities " +
          to_string(asked);
  return text;
}

bool was_found_elsewhere(const DriverFile& file) {
  return !file.found_as.empty() && file.found_as != file.path;
}

// ---- for people

std::string driver_line(const Inventory& inventory, const Style& style) {
  const std::string version = printable(inventory.driver.str());
  std::string text =
      "Driver " + (version.empty() ? "of an unknown version" : style(Colour::bold, version));
  const auto least = least_cuda_version_of(inventory.driver);
  if (inventory.cuda) {
    text += ", CUDA " + style(Colour::bold, inventory.cuda->str());
  } else {
    text += least ? ", CUDA " + least->str() + " or later" : ", CUDA version unknown";
  }
  return text + (inventory.is_wsl ? ", on WSL2\n" : "\n");
}

Cell node_cell(const DeviceNode* node) {
  if (node == nullptr) return {"missing", Colour::bad};
  const std::string path = node->file.path.str();
  if (node->is_stale) return {path + " (another device: stale)", Colour::bad};
  return {path};
}

std::string gpu_table(const Inventory& inventory, const Style& style) {
  if (inventory.gpus.empty()) return "No GPU\n";
  Table table{.head = {"GPU", "MODEL", "UUID", "PCI", "NODE", "MINOR"}};
  bool is_node_bad = false;
  for (const Gpu& gpu : inventory.gpus) {
    const Cell node = inventory.is_wsl ? Cell{"/dev/dxg"} : node_cell(node_of(gpu, inventory));
    is_node_bad = is_node_bad || node.colour == Colour::bad;
    table.rows.push_back({{std::to_string(gpu.index)},
                          {gpu.model.empty() ? "unknown" : gpu.model},
                          {gpu.uuid.empty() ? "unknown" : gpu.uuid},
                          {gpu.pci},
                          node,
                          {std::to_string(gpu.minor)}});
    for (const MigDevice* device : mig_devices_of(gpu, inventory)) {
      table.rows.push_back({{name_of(*device, gpu)},
                            {"MIG device: GPU instance " + std::to_string(device->gpu_instance) +
                             ", compute instance " + std::to_string(device->compute_instance)},
                            {device->uuid.empty() ? "unknown" : device->uuid}});
    }
  }
  // What is wrong is never left out.
  const FittedTable fits =
      fitted(std::move(table),
             is_node_bad ? std::vector<std::string_view>{"MINOR", "PCI", "UUID"}
                         : std::vector<std::string_view>{"MINOR", "PCI", "NODE", "UUID"},
             style.columns);
  std::string text = to_screen(fits.table, style);
  if (!fits.left_out.empty()) {
    text += style(Colour::dim, "too wide for this terminal: " + join(fits.left_out, ", ") +
                                   " (oci-nvidia list | cat)") +
            "\n";
  }
  return text;
}

std::vector<std::string> groups_in(const Inventory& inventory) {
  std::vector<std::string> groups;
  for (const DriverFile& file : inventory.files) groups.push_back(group_of(file));
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

std::string file_groups(const HostListing& listing, bool why, const Style& style) {
  std::string text;
  for (const std::string& group : groups_in(listing.inventory)) {
    Table table;
    bool is_in = false;
    for (const DriverFile& file : listing.inventory.files) {
      if (group_of(file) != group) continue;
      is_in = is_wanted(file, listing.request);
      std::vector<Cell> row{{"  " + file.path.str(), is_in ? Colour::none : Colour::dim}};
      if (why) row.push_back({reason_for(file, listing)});
      table.rows.push_back(std::move(row));
      if (why && was_found_elsewhere(file)) {
        table.rows.push_back({{"    found as " + file.found_as.str(), Colour::dim}});
      }
    }
    text += "\n" + style(Colour::bold, group) + ": " +
            (is_in ? style(Colour::good, "injected") : style(Colour::dim, "left out")) + "\n";
    text += to_screen(table, style);
  }
  return text;
}

std::string_view after_number(FileDetail detail) {
  switch (detail) {
    case FileDetail::number:
      return "; --files lists them.\n";
    case FileDetail::names:
      return "; --why tells why.\n";
    case FileDetail::reasons:
      break;
  }
  return ".\n";
}

std::string notes_text(const Notes& notes, bool all, const Style& style) {
  std::string text;
  for (const Note& note : notes) {
    const bool is_warning = note.level == Note::Level::warning;
    if (!all && !is_warning) continue;
    text += style(is_warning ? Colour::warning : Colour::none, printable(note.text)) + "\n";
  }
  return text;
}

// ---- for programs

Json gpu_object(const Gpu& gpu, const Inventory& inventory) {
  Json object = {{"index", gpu.index}, {"uuid", gpu.uuid},   {"model", gpu.model},
                 {"pci", gpu.pci},     {"minor", gpu.minor}, {"node", nullptr}};
  if (const DeviceNode* node = node_of(gpu, inventory); node != nullptr) {
    object["node"] = node->file.path.str();
    object["node_is_stale"] = node->is_stale;
  }
  object["mig_devices"] = Json::array();
  for (const MigDevice* device : mig_devices_of(gpu, inventory)) {
    Json mig = {{"index", nullptr},
                {"uuid", device->uuid},
                {"gpu_instance", device->gpu_instance},
                {"compute_instance", device->compute_instance}};
    if (device->index) mig["index"] = *device->index;
    object["mig_devices"].push_back(std::move(mig));
  }
  return object;
}

Json names_of(CapabilitySet set) {
  Json names = Json::array();
  for (const Capability capability : kCapabilities) {
    if (set.contains(capability)) names.push_back(to_string(capability));
  }
  return names;
}

Json file_object(const DriverFile& file, const HostListing& listing) {
  return {{"path", file.path.str()},
          {"found_as", file.found_as.str()},
          {"kind", to_string(file.kind)},
          {"component", file.component->name},
          {"purpose", file.component->purpose},
          {"soname", file.soname},
          {"abi", file.abi == Abi::native ? "native" : "compat32"},
          {"capabilities", names_of(file.component->capabilities)},
          {"injected", is_wanted(file, listing.request)},
          {"reason", reason_for(file, listing)}};
}

}  // namespace

std::string listing_text(const HostListing& listing, FileDetail detail, const Style& style) {
  const bool why = detail == FileDetail::reasons;
  const Inventory& inventory = listing.inventory;
  std::string text = driver_line(inventory, style) + "\n" + gpu_table(inventory, style);
  const auto injected =
      std::count_if(inventory.files.begin(), inventory.files.end(),
                    [&](const DriverFile& file) { return is_wanted(file, listing.request); });
  text += "\nOf " + std::to_string(inventory.files.size()) + " driver files " +
          std::to_string(injected) + " go into a container with the " +
          std::string(listing.capabilities_source) + " capabilities " +
          to_string(listing.request.capabilities) + std::string(after_number(detail));
  if (detail != FileDetail::number) text += file_groups(listing, why, style);
  const std::string notes =
      notes_text(inventory.notes, why, style) + notes_text(listing.notes, true, style);
  return folded(text + (notes.empty() ? "" : "\n") + notes, style.columns);
}

Json listing_json(const HostListing& listing) {
  const Inventory& inventory = listing.inventory;
  Json document = json_document("list", 1);
  document["driver"] = inventory.driver.str();
  document["cuda"] = inventory.cuda ? Json(inventory.cuda->str()) : Json();
  document["is_wsl"] = inventory.is_wsl;
  document["gpus"] = Json::array();
  for (const Gpu& gpu : inventory.gpus) document["gpus"].push_back(gpu_object(gpu, inventory));
  document["capabilities"] = names_of(listing.request.capabilities);
  document["capabilities_source"] = listing.capabilities_source;
  document["files"] = Json::array();
  for (const DriverFile& file : inventory.files) {
    document["files"].push_back(file_object(file, listing));
  }
  document["notes"] = Json::array();
  for (const Notes* notes : {&inventory.notes, &listing.notes}) {
    for (const Note& note : *notes) document["notes"].push_back(note.text);
  }
  return document;
}

}  // namespace nvhook
