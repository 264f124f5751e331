// SPDX-License-Identifier: Apache-2.0
// Names of processes and containers come from strangers, so every cell is made printable.
#include "command/ps/ps_view.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

#include "command/render/narrow_table.hpp"
#include "command/render/table.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr Seconds kMinute = 60;
constexpr Seconds kHour = 60 * kMinute;
constexpr Seconds kDay = 24 * kHour;
constexpr std::size_t kShownId = 12;

std::string utc_text(Seconds time) {
  const std::time_t seconds = time;
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return {};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string name_of(const GpuContainer& container) {
  const ContainerRecord& record = container.record;
  if (!record.name.empty()) return record.name;
  if (record.id.empty()) return container.cgroup;
  constexpr std::size_t kHash = 64;
  return record.id.size() == kHash ? record.id.substr(0, kShownId) : record.id;
}

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
  return container.processes.empty() ? Cell{"not in use", Colour::dim} : Cell{};
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

void add_container(const GpuContainer& container, const Sample& sample, Table& table) {
  table.rows.push_back({{name_of(container), Colour::bold},
                        {engine_of(container.record)},
                        {device_names(positions_of(container.devices), sample.devices)},
                        {std::to_string(container.record.pid)},
                        {container.record.user},
                        {age_text(sample.time - container.started)},
                        remark_on(container, sample)});
  for (const GpuProcess& process : container.processes) {
    table.rows.push_back(process_row(process, sample, "", ""));
  }
}

Json process_object(const GpuProcess& process, const Sample& sample) {
  Json object = {{"pid", process.pid},
                 {"name", process.name},
                 {"uid", process.uid ? Json(*process.uid) : Json()},
                 {"user", process.user},
                 {"login", process.login},
                 {"since", utc_text(process.started)},
                 {"cgroup", process.cgroup}};
  object["devices"] = Json::array();
  for (const std::size_t device : process.devices) {
    object["devices"].push_back(sample.devices.at(device).name);
  }
  object["nodes"] = Json::array();
  for (const DeviceNumber node : process.nodes) object["nodes"].push_back(to_string(node));
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
                 {"since", utc_text(container.started)}};
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

Json device_object(const HostDevice& device) {
  Json object = {{"device", device.name}, {"gpu", device.gpu}, {"uuid", device.uuid}};
  if (device.is_mig) {
    object["gpu_instance"] = device.gpu_instance;
    object["compute_instance"] = device.compute_instance;
  } else {
    object["model"] = device.model;
    object["pci"] = device.pci;
  }
  return object;
}

}  // namespace

std::string device_names(const std::vector<std::size_t>& positions,
                         const std::vector<HostDevice>& devices) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < positions.size();) {
    const HostDevice& first = devices.at(positions[at]);
    std::size_t end = at + 1;
    const auto continues = [&] {
      const HostDevice& next = devices.at(positions[end]);
      return !first.is_mig && !next.is_mig && next.gpu == first.gpu + (end - at);
    };
    while (end < positions.size() && continues()) ++end;
    if (end - at < 3) end = at + 1;  // `0,1` is as short as `0-1`
    names.push_back(first.name + (end - at < 3 ? "" : "-" + devices.at(positions[end - 1]).name));
    at = end;
  }
  return names.empty() ? "-" : join(names, ",");
}

std::string age_text(Seconds age) {
  const Seconds seconds = std::max<Seconds>(age, 0);
  const auto two = [](Seconds large, const char* unit, Seconds small, const char* small_unit) {
    return std::to_string(large) + unit + (small == 0 ? "" : std::to_string(small) + small_unit);
  };
  if (seconds < kMinute) return std::to_string(seconds) + "s";
  if (seconds < kHour) return std::to_string(seconds / kMinute) + "m";
  if (seconds < kDay) return two(seconds / kHour, "h", seconds % kHour / kMinute, "m");
  if (seconds < 100 * kDay) return two(seconds / kDay, "d", seconds % kDay / kHour, "h");
  return std::to_string(seconds / kDay) + "d";
}

std::string sample_text(const Sample& sample, std::size_t width, const Style& style) {
  Table table{.head = {"CONTAINER", "ENGINE", "GPU", "PID", "USER", "SINCE", "COMMAND"}};
  for (const GpuContainer& container : sample.containers) add_container(container, sample, table);
  for (const GpuProcess& process : sample.host_processes) {
    table.rows.push_back(process_row(process, sample, process.cgroup, "host"));
  }
  std::string text = table.rows.empty() ? "No container has a GPU, and no process uses one.\n"
                                        : to_text(narrowed(std::move(table), width), style);
  if (!sample.notes.empty()) text += "\n";
  for (const Note& note : sample.notes) {
    text += style(Colour::warning, printable(note.text)) + "\n";
  }
  return text;
}

Json sample_json(const Sample& sample) {
  Json document = json_document("ps", 1);
  document["time"] = utc_text(sample.time);
  document["devices"] = Json::array();
  for (const HostDevice& device : sample.devices) {
    document["devices"].push_back(device_object(device));
  }
  document["containers"] = Json::array();
  for (const GpuContainer& container : sample.containers) {
    document["containers"].push_back(container_object(container, sample));
  }
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

}  // namespace nvhook
