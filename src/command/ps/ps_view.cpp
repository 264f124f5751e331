// SPDX-License-Identifier: Apache-2.0
// Names of processes and containers come from strangers, so every cell is made printable.
#include "command/ps/ps_view.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "command/ps/leases_view.hpp"
#include "command/ps/sample_words.hpp"
#include "command/ps/usage_view.hpp"
#include "command/render/narrow_table.hpp"
#include "command/render/table.hpp"
#include "text/text.hpp"
#include "text/utc_time.hpp"

namespace nvhook {
namespace {

std::string engine_of(const ContainerRecord& record) {
  return record.engine.empty() ? "unknown" : record.engine;
}

std::vector<std::size_t> positions_of(const std::vector<GivenDevice>& given) {
  std::vector<std::size_t> positions;
  positions.reserve(given.size());
  for (const GivenDevice& one : given) positions.push_back(one.device);
  return positions;
}

Cell remark_on(const GpuContainer& container, const Sample& sample) {
  std::vector<std::size_t> denied;
  for (const GivenDevice& one : container.devices) {
    if (one.permission == Permission::denied) denied.push_back(one.device);
  }
  if (!denied.empty()) return {"may not open " + device_names(denied, sample.devices), Colour::bad};
  const SeenLease* lease = lease_of(container.record.pid, sample);
  const bool is_alone = lease != nullptr && is_exclusive(lease->lease);
  if (!container.processes.empty()) return {is_alone ? "leased" : ""};
  return {is_alone ? "leased, not in use" : "not in use", Colour::dim};
}

std::string user_of(const GpuProcess& process) {
  const bool differs = !process.login.empty() && process.login != process.user;
  return differs ? process.user + " (" + process.login + ")" : process.user;
}

std::vector<Cell> process_row(const GpuProcess& process, const Sample& sample,
                              const std::string& name, const std::string& engine) {
  return {{name},
          {engine},
          {device_names(process.devices, sample.devices)},
          {std::to_string(process.pid)},
          {user_of(process)},
          {age_text(sample.time - process.started)},
          {process.name}};
}

/// Puts memory and utilisation behind the devices, if NVML was asked.
std::vector<Cell> with_usage(std::vector<Cell> row, const std::vector<GpuProcess>& processes,
                             const Sample& sample) {
  if (!sample.usage) return row;
  constexpr std::ptrdiff_t kBehindDevices = 3;
  const ProcessUsage usage = usage_of(processes, sample);
  row.insert(row.begin() + kBehindDevices,
             {Cell{memory_text(usage.memory)}, Cell{busy_text(usage.busy)}});
  return row;
}

void add_container(const GpuContainer& container, const Sample& sample, Table& table) {
  table.rows.push_back(with_usage({{container_name(container), Colour::bold},
                                   {engine_of(container.record)},
                                   {device_names(positions_of(container.devices), sample.devices)},
                                   {std::to_string(container.record.pid)},
                                   {container.record.user},
                                   {age_text(sample.time - container.started)},
                                   remark_on(container, sample)},
                                  container.processes, sample));
  for (const GpuProcess& process : container.processes) {
    table.rows.push_back(with_usage(process_row(process, sample, "", ""), {process}, sample));
  }
}

Json process_object(const GpuProcess& process, const Sample& sample) {
  Json object = {{"pid", process.pid},
                 {"name", process.name},
                 {"uid", process.uid ? Json(*process.uid) : Json()},
                 {"user", process.user},
                 {"login", process.login},
                 {"since", utc_time(process.started)},
                 {"cgroup", process.cgroup}};
  object["devices"] = Json::array();
  for (const std::size_t device : process.devices) {
    object["devices"].push_back(sample.devices.at(device).name);
  }
  object["nodes"] = Json::array();
  for (const DeviceNumber node : process.nodes) object["nodes"].push_back(to_string(node));
  if (sample.usage) object["usage"] = usage_json(usage_of({process}, sample));
  return object;
}

std::string_view to_string(Permission permission) {
  switch (permission) {
    case Permission::allowed:
      return "allowed";
    case Permission::denied:
      return "denied";
    case Permission::unknown:
      return "unknown";
  }
  return {};
}

Json container_object(const GpuContainer& container, const Sample& sample) {
  Json object = {{"engine", container.record.engine},   {"id", container.record.id},
                 {"name", container.record.name},       {"user", container.record.user},
                 {"cgroup", container.cgroup},          {"pid", container.record.pid},
                 {"since", utc_time(container.started)}};
  object["devices"] = Json::array();
  for (const GivenDevice& one : container.devices) {
    object["devices"].push_back({{"device", sample.devices.at(one.device).name},
                                 {"permission", to_string(one.permission)}});
  }
  object["processes"] = Json::array();
  for (const GpuProcess& process : container.processes) {
    object["processes"].push_back(process_object(process, sample));
  }
  return object;
}

Json device_object(const HostDevice& device, const Sample& sample) {
  Json object = {{"device", device.name}, {"gpu", device.gpu}, {"uuid", device.uuid}};
  if (device.is_mig) {
    object["gpu_instance"] = device.gpu_instance;
    object["compute_instance"] = device.compute_instance;
  } else {
    object["model"] = device.model;
    object["pci"] = device.pci;
  }
  if (const DeviceUsage* usage = usage_of(device, sample)) object["usage"] = usage_json(*usage);
  return object;
}

Json document_without_containers(const Sample& sample) {
  Json document = json_document("ps", 1);
  document["time"] = utc_time(sample.time);
  document["devices"] = Json::array();
  for (const HostDevice& device : sample.devices) {
    document["devices"].push_back(device_object(device, sample));
  }
  document["containers"] = Json::array();
  document["leases"] = leases_json(sample);
  document["host_processes"] = Json::array();
  for (const GpuProcess& process : sample.host_processes) {
    document["host_processes"].push_back(process_object(process, sample));
  }
  document["unreadable"] = {{"processes", sample.unreadable_processes},
                            {"containers", sample.unreadable_containers}};
  document["notes"] = Json::array();
  for (const Note& note : sample.notes) document["notes"].push_back(note.text);
  return document;
}

}  // namespace

std::string sample_text(const Sample& sample, std::size_t width, const Style& style) {
  Table table{.head = {"CONTAINER", "ENGINE", "GPU", "PID", "USER", "SINCE", "COMMAND"}};
  if (sample.usage) table.head.insert(table.head.begin() + 3, {"MEMORY", "BUSY"});
  for (const GpuContainer& container : sample.containers) add_container(container, sample, table);
  for (const GpuProcess& process : sample.host_processes) {
    table.rows.push_back(
        with_usage(process_row(process, sample, process.cgroup, "host"), {process}, sample));
  }
  std::string text = table.rows.empty() ? "No container has a GPU, and no process uses one.\n"
                                        : to_text(narrowed(std::move(table), width), style);
  if (sample.usage) text += "\n" + to_text(narrowed(usage_table(sample), width), style);
  if (!sample.notes.empty()) text += "\n";
  for (const Note& note : sample.notes) {
    text += style(Colour::warning, printable(note.text)) + "\n";
  }
  return text;
}

Json sample_json(const Sample& sample) { return SampleJson().of(sample); }

const Json& SampleJson::of(Sample sample) {
  // What is formatted of a container depends on these, too.
  const bool is_comparable = !sample.usage && !last_.usage && sample.devices == last_.devices;
  Json containers = Json::array();
  if (is_comparable && document_) containers = std::move(document_->at("containers"));
  auto& entries = containers.get_ref<Json::array_t&>();
  entries.resize(sample.containers.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool is_as_before = !entries[i].is_null() && sample.containers[i] == last_.containers[i];
    if (!is_as_before) entries[i] = container_object(sample.containers[i], sample);
  }
  document_ = document_without_containers(sample);
  document_->at("containers") = std::move(containers);  // at last: a new key copies all before it
  last_ = std::move(sample);
  return *document_;
}

}  // namespace nvhook
