// SPDX-License-Identifier: Apache-2.0
// Ids of containers come from runtimes, so every cell is made printable.
#include "command/ps/leases_view.hpp"

#include <algorithm>
#include <vector>

#include "command/ps/sample_words.hpp"
#include "command/render/narrow_table.hpp"
#include "command/render/table.hpp"
#include "text/text.hpp"
#include "text/utc_time.hpp"

namespace nvhook {
namespace {

bool is_same_device(const LeasedDevice& leased, const HostDevice& device, const Sample& sample) {
  if (leased.mig.has_value() != device.is_mig) return false;
  if (!device.is_mig) return (device.pci.empty() ? device.uuid : device.pci) == leased.gpu;
  if (leased.mig->gpu != device.gpu_instance || leased.mig->compute != device.compute_instance) {
    return false;
  }
  return std::any_of(sample.devices.begin(), sample.devices.end(), [&](const HostDevice& gpu) {
    return gpu.gpu == device.gpu && is_same_device({.gpu = leased.gpu}, gpu, sample);
  });
}

const GpuContainer* container_of(const SeenLease& seen, const Sample& sample) {
  if (!seen.is_held) return nullptr;
  const auto found = std::find_if(
      sample.containers.begin(), sample.containers.end(),
      [&](const GpuContainer& container) { return container.record.pid == seen.lease.holder.pid; });
  return found == sample.containers.end() ? nullptr : &*found;
}

/// The name that its engine has for it, or the id that its runtime had.
std::string name_of(const SeenLease& seen, const Sample& sample) {
  const GpuContainer* container = container_of(seen, sample);
  if (container != nullptr && !container->record.id.empty()) return container_name(*container);
  const std::string& id = seen.lease.holder.container;
  if (id.empty()) return "unknown";
  return container_name({.record = {.id = id}});
}

std::vector<std::string> names_of(const Lease& lease, const Sample& sample) {
  std::vector<std::string> names;
  names.reserve(lease.devices.size());
  for (const LeasedDevice& device : lease.devices) names.push_back(device_name(device, sample));
  return names;
}

std::string sharing_of(const Lease& lease) { return is_exclusive(lease) ? "alone" : "shared"; }

}  // namespace

const SeenLease* lease_of(pid_t pid, const Sample& sample) {
  const auto found = std::find_if(
      sample.leases.begin(), sample.leases.end(),
      [&](const SeenLease& seen) { return seen.is_held && seen.lease.holder.pid == pid; });
  return found == sample.leases.end() ? nullptr : &*found;
}

bool is_exclusive(const Lease& lease) {
  return std::any_of(lease.devices.begin(), lease.devices.end(),
                     [](const LeasedDevice& device) { return device.is_exclusive; });
}

std::string device_name(const LeasedDevice& device, const Sample& sample) {
  for (const HostDevice& one : sample.devices) {
    if (is_same_device(device, one, sample)) return one.name;
  }
  return device.gpu;
}

std::string leases_text(const Sample& sample, std::size_t width, const Style& style) {
  Table table{.head = {"CONTAINER", "GPU", "FOR", "PID", "SINCE", "STATE"}};
  for (const SeenLease& seen : sample.leases) {
    table.rows.push_back({{name_of(seen, sample), Colour::bold},
                          {join(names_of(seen.lease, sample), ",")},
                          {sharing_of(seen.lease)},
                          {std::to_string(seen.lease.holder.pid)},
                          {age_text(sample.time - seen.lease.since)},
                          seen.is_held ? Cell{"held"} : Cell{"ended: free", Colour::dim}});
  }
  return table.rows.empty() ? "No container has a lease.\n"
                            : to_text(narrowed(std::move(table), width), style);
}

Json leases_json(const Sample& sample) {
  Json leases = Json::array();
  for (const SeenLease& seen : sample.leases) {
    const LeaseHolder& holder = seen.lease.holder;
    Json object = {{"container", holder.container},
                   {"pid", holder.pid},
                   {"since", utc_time(seen.lease.since)},
                   {"held", seen.is_held},
                   {"devices", Json::array()}};
    for (const LeasedDevice& device : seen.lease.devices) {
      object["devices"].push_back(
          {{"device", device_name(device, sample)}, {"exclusive", device.is_exclusive}});
    }
    leases.push_back(std::move(object));
  }
  return leases;
}

}  // namespace nvhook
