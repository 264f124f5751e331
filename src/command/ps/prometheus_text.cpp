// SPDX-License-Identifier: Apache-2.0
// Format: prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4.
#include "command/ps/prometheus_text.hpp"

#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "command/ps/leases_view.hpp"
#include "command/ps/usage_view.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

std::string escaped(const std::string& value) {
  std::string text;
  // Bytes that are not UTF-8 would make the whole file invalid.
  for (const char c : well_formed(value)) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return text;
}

std::string to_text(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += (text.empty() ? "{" : ",") + std::string(name) + "=\"" + escaped(value) + "\"";
  }
  return text.empty() ? text : text + "}";
}

/// One metric with all its lines; what has the same labels is added up.
class Family {
 public:
  Family(std::string_view name, std::string_view help) : name_(name), help_(help) {}

  void add(const Labels& labels, std::int64_t value) { lines_[to_text(labels)] += value; }

  [[nodiscard]] std::string text() const {
    if (lines_.empty()) return {};
    const std::string name = "oci_nvidia_" + std::string(name_);
    std::string text =
        "# HELP " + name + " " + std::string(help_) + "\n# TYPE " + name + " gauge\n";
    for (const auto& [labels, value] : lines_) {
      text += name + labels + " " + std::to_string(value) + "\n";
    }
    return text;
  }

 private:
  std::string_view name_;
  std::string_view help_;
  std::map<std::string, std::int64_t> lines_ = {};
};

Labels of_device(const HostDevice& device) {
  return {{"device", device.name}, {"uuid", device.uuid}};
}

Labels of_container(const GpuContainer& container) {
  return {{"engine", container.record.engine},
          {"id", container.record.id},
          {"name", container.record.name},
          {"user", container.record.user},
          {"cgroup", container.cgroup}};
}

Labels joined(Labels a, const Labels& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string devices_text(const Sample& sample) {
  Family family("device_info", "GPUs and MIG devices of this host.");
  for (const HostDevice& device : sample.devices) {
    family.add(
        joined(of_device(device),
               {{"gpu", std::to_string(device.gpu)}, {"model", device.model}, {"pci", device.pci}}),
        1);
  }
  return family.text();
}

std::string containers_text(const Sample& sample) {
  Family has("container_device",
             "1 if the container may open the device, 0 if it has it all the "
             "same, but its device cgroup does not allow that.");
  Family uses("container_device_processes", "Processes of the container that use the device.");
  Family start("container_start_time_seconds",
               "When the container's first process started, since 1970.");
  for (const GpuContainer& container : sample.containers) {
    const Labels labels = of_container(container);
    start.add(labels, container.started);
    for (const GivenDevice& one : container.devices) {
      const Labels both = joined(labels, of_device(sample.devices.at(one.device)));
      has.add(both, one.permission == Permission::denied ? 0 : 1);
      uses.add(both, 0);
    }
    for (const GpuProcess& process : container.processes) {
      for (const std::size_t device : process.devices) {
        uses.add(joined(labels, of_device(sample.devices.at(device))), 1);
      }
    }
  }
  return has.text() + uses.text() + start.text();
}

std::string leased_text(const Sample& sample) {
  Family family("lease", "1 if the container has the device alone, 0 if others may share it.");
  for (const SeenLease& seen : sample.leases) {
    if (!seen.is_held) continue;
    for (const LeasedDevice& device : seen.lease.devices) {
      family.add({{"id", seen.lease.holder.container},
                  {"pid", std::to_string(seen.lease.holder.pid)},
                  {"device", device_name(device, sample)}},
                 device.is_exclusive ? 1 : 0);
    }
  }
  return family.text();
}

/// In a MIG device, NVML tells no utilisation.
std::string usage_text(const Sample& sample) {
  Family used("device_memory_used_bytes", "Memory of the device that is in use.");
  Family total("device_memory_bytes", "Memory of the device.");
  Family busy("device_busy_percent", "Share of the time in which the device computed.");
  for (const HostDevice& device : sample.devices) {
    const DeviceUsage* usage = usage_of(device, sample);
    if (usage == nullptr) continue;
    const Labels labels = of_device(device);
    if (usage->memory_used) used.add(labels, static_cast<std::int64_t>(*usage->memory_used));
    if (usage->memory_total) total.add(labels, static_cast<std::int64_t>(*usage->memory_total));
    if (usage->busy) busy.add(labels, *usage->busy);
  }
  Family held("container_memory_bytes", "Memory of all devices that the container uses.");
  for (const GpuContainer& container : sample.containers) {
    const ProcessUsage usage = usage_of(container.processes, sample);
    if (usage.memory) held.add(of_container(container), static_cast<std::int64_t>(*usage.memory));
  }
  return used.text() + total.text() + busy.text() + held.text();
}

std::string host_text(const Sample& sample) {
  Family family("host_device_processes", "Processes in no container that use the device.");
  for (const HostDevice& device : sample.devices) family.add(of_device(device), 0);
  for (const GpuProcess& process : sample.host_processes) {
    for (const std::size_t device : process.devices) {
      family.add(of_device(sample.devices.at(device)), 1);
    }
  }
  return family.text();
}

std::string unreadable_text(const Sample& sample) {
  Family processes("unreadable_processes", "Processes that could not be looked at.");
  processes.add({}, static_cast<std::int64_t>(sample.unreadable_processes));
  Family containers("unreadable_containers", "Containers that could not be looked at.");
  containers.add({}, static_cast<std::int64_t>(sample.unreadable_containers));
  return processes.text() + containers.text();
}

}  // namespace

std::string prometheus_text(const Sample& sample) {
  return devices_text(sample) + containers_text(sample) + leased_text(sample) + usage_text(sample) +
         host_text(sample) + unreadable_text(sample);
}

}  // namespace nvhook
