// SPDX-License-Identifier: Apache-2.0
// Which of the host's GPUs a device selection names.
#include "core/gpu_selection.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "core/overloaded.hpp"
#include "core/proc_text.hpp"
#include "core/text.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kUuidPrefix = "GPU-";

bool names(std::string_view name, const Gpu& gpu) {
  if (starts_with_ignoring_case(name, kUuidPrefix)) return equals_ignoring_case(name, gpu.uuid);
  if (const auto index = parse_unsigned(name)) return *index == gpu.index;
  const auto address = parse_pci_address(name);
  return address && address == parse_pci_address(gpu.pci);
}

std::string describe(const std::vector<Gpu>& gpus) {
  if (gpus.empty()) return "this host has no GPU";
  constexpr std::size_t kShown = 16;
  std::string text = "this host has";
  for (std::size_t i = 0; i < std::min(gpus.size(), kShown); ++i) {
    text += (i == 0 ? " " : ", ") + std::to_string(gpus[i].index);
    if (!gpus[i].uuid.empty()) text += " (" + gpus[i].uuid + ")";
  }
  if (gpus.size() > kShown) text += ", … up to " + std::to_string(gpus.back().index);
  return text;
}

std::vector<Gpu> find_named(const DeviceNames& wanted, const std::vector<Gpu>& gpus) {
  std::vector<bool> selected(gpus.size(), false);
  for (const std::string& name : wanted) {
    const auto gpu = std::find_if(gpus.begin(), gpus.end(),
                                  [&](const Gpu& candidate) { return names(name, candidate); });
    if (gpu == gpus.end()) {
      throw Error(Code::unknown_device, "`" + name + "`: unknown device; " + describe(gpus),
                  "ask for one of these by index, whole UUID or PCI address, or for all");
    }
    selected[static_cast<std::size_t>(gpu - gpus.begin())] = true;
  }
  std::vector<Gpu> found;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (selected[i]) found.push_back(gpus[i]);
  }
  return found;
}

}  // namespace

std::vector<Gpu> select_gpus(const DeviceSelection& selection, const std::vector<Gpu>& gpus) {
  return std::visit(Overloaded{[&](const AllDevices&) { return gpus; },
                               [](const NoDevices&) { return std::vector<Gpu>{}; },
                               [&](const DeviceNames& wanted) { return find_named(wanted, gpus); }},
                    selection);
}

bool needs_unknown_uuid(const DeviceSelection& selection, const std::vector<Gpu>& gpus) {
  const auto* wanted = std::get_if<DeviceNames>(&selection);
  if (wanted == nullptr) return false;
  return std::any_of(gpus.begin(), gpus.end(), [](const Gpu& gpu) { return gpu.uuid.empty(); }) &&
         std::any_of(wanted->begin(), wanted->end(), [](const std::string& name) {
           return starts_with_ignoring_case(name, kUuidPrefix);
         });
}

}  // namespace nvhook
