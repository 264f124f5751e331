// SPDX-License-Identifier: Apache-2.0
// Units are those of nvidia-smi: 1024 bytes each.
#include "command/ps/usage_view.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace nvhook {
namespace {

std::string pci_of(const HostDevice& device, const Sample& sample) {
  if (!device.is_mig) return device.pci;
  const auto gpu =
      std::find_if(sample.devices.begin(), sample.devices.end(),
                   [&](const HostDevice& one) { return !one.is_mig && one.gpu == device.gpu; });
  return gpu == sample.devices.end() ? "" : gpu->pci;
}

template <typename Number>
Json value_of(const std::optional<Number>& number) {
  return number ? Json(*number) : Json();
}

}  // namespace

const DeviceUsage* usage_of(const HostDevice& device, const Sample& sample) {
  if (!sample.usage) return nullptr;
  const std::string pci = pci_of(device, sample);
  const auto is_it = [&](const DeviceUsage& usage) {
    if (usage.pci != pci || usage.mig.has_value() != device.is_mig) return false;
    return !usage.mig ||
           (usage.mig->gpu == device.gpu_instance && usage.mig->compute == device.compute_instance);
  };
  const auto& all = sample.usage->devices;
  const auto found = std::find_if(all.begin(), all.end(), is_it);
  return found == all.end() ? nullptr : &*found;
}

ProcessUsage usage_of(const std::vector<GpuProcess>& processes, const Sample& sample) {
  ProcessUsage sum{.pid = processes.empty() ? 0 : static_cast<unsigned>(processes.front().pid)};
  if (!sample.usage) return sum;
  for (const DeviceUsage& device : sample.usage->devices) {
    for (const ProcessUsage& one : device.processes) {
      const bool is_theirs = std::any_of(
          processes.begin(), processes.end(),
          [&](const GpuProcess& process) { return static_cast<unsigned>(process.pid) == one.pid; });
      if (!is_theirs) continue;
      if (one.memory) sum.memory = sum.memory.value_or(0) + *one.memory;
      if (one.busy) sum.busy = std::max(sum.busy.value_or(0), *one.busy);
    }
  }
  return sum;
}

std::string memory_text(const std::optional<std::uint64_t>& bytes) {
  if (!bytes) return "-";
  constexpr std::array<std::string_view, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
  constexpr std::uint64_t kStep = 1024;
  std::size_t unit = 0;
  std::uint64_t tenths = *bytes / kStep * 10 + *bytes % kStep * 10 / kStep;
  for (; tenths >= kStep * 10 && unit + 1 < kUnits.size(); ++unit) tenths /= kStep;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " " +
         std::string(kUnits.at(unit));
}

std::string busy_text(const std::optional<unsigned>& percent) {
  return percent ? std::to_string(*percent) + " %" : "-";
}

Table usage_table(const Sample& sample) {
  Table table{.head = {"GPU", "MEMORY", "OF", "BUSY", "MODEL"}};
  for (const HostDevice& device : sample.devices) {
    const DeviceUsage* usage = usage_of(device, sample);
    const DeviceUsage unknown;
    const DeviceUsage& shown = usage == nullptr ? unknown : *usage;
    table.rows.push_back({{device.name},
                          {memory_text(shown.memory_used)},
                          {memory_text(shown.memory_total)},
                          {busy_text(shown.busy)},
                          {device.model}});
  }
  return table;
}

Json usage_json(const DeviceUsage& usage) {
  return {{"memory_used", value_of(usage.memory_used)},
          {"memory_total", value_of(usage.memory_total)},
          {"busy", value_of(usage.busy)}};
}

Json usage_json(const ProcessUsage& usage) {
  return {{"memory", value_of(usage.memory)}, {"busy", value_of(usage.busy)}};
}

}  // namespace nvhook
