// SPDX-License-Identifier: Apache-2.0
// A file that is not exactly what lease_text() writes is no lease: guessing could free a GPU.
#include "lease/lease.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "text/text.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned kFormat = 1;
constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kMaxId = 256;  // bytes of a container's id

Json device_object(const LeasedDevice& device) {
  Json object = {{"gpu", device.gpu}, {"exclusive", device.is_exclusive}};
  if (device.mig) {
    object["gpu_instance"] = device.mig->gpu;
    object["compute_instance"] = device.mig->compute;
  }
  return object;
}

template <typename Number>
Number number_in(const Json& object, const char* name) {
  const auto value = object.at(name).get_ref<const Json::number_unsigned_t&>();
  const auto number = static_cast<Number>(value);
  if (static_cast<Json::number_unsigned_t>(number) != value) {
    throw std::range_error(name);
  }
  return number;
}

LeasedDevice device_in(const Json& object) {
  LeasedDevice device{.gpu = object.at("gpu").get_ref<const std::string&>(),
                      .is_exclusive = object.at("exclusive").get_ref<const bool&>()};
  if (object.contains("gpu_instance")) {
    device.mig = {.gpu = number_in<unsigned>(object, "gpu_instance"),
                  .compute = number_in<unsigned>(object, "compute_instance")};
  }
  return device;
}

Lease lease_in(const Json& object) {
  if (number_in<unsigned>(object, "format") != kFormat) {
    throw std::range_error("format");
  }
  Lease lease{.holder = {.container = object.at("container").get_ref<const std::string&>(),
                         .pid = number_in<pid_t>(object, "pid"),
                         .start_ticks = number_in<std::uint64_t>(object, "start"),
                         .cgroup = object.at("cgroup").get_ref<const std::string&>(),
                         .cgroup_inode = number_in<std::uint64_t>(object, "cgroup_inode")},
              .since = number_in<std::int64_t>(object, "since")};
  for (const Json& device : object.at("devices").get_ref<const Json::array_t&>()) {
    lease.devices.push_back(device_in(device));
  }
  return lease;
}

}  // namespace

std::string lease_file(const LeaseHolder& holder) {
  return std::to_string(holder.pid) + "-" + std::to_string(holder.start_ticks) +
         std::string(kSuffix);
}

bool is_lease_file(std::string_view name) {
  if (!name.ends_with(kSuffix)) return false;
  const auto parts = split(name.substr(0, name.size() - kSuffix.size()), '-');
  return parts.size() == 2 && parse_unsigned(parts[0]) && parse_unsigned(parts[1]);
}

std::string lease_text(const Lease& lease) {
  const LeaseHolder& holder = lease.holder;
  Json object = {{"format", kFormat},
                 {"container", holder.container.substr(0, kMaxId)},
                 {"pid", static_cast<std::uint64_t>(holder.pid)},
                 {"start", holder.start_ticks},
                 {"cgroup", holder.cgroup},
                 {"cgroup_inode", holder.cgroup_inode},
                 {"since", static_cast<std::uint64_t>(lease.since)},
                 {"devices", Json::array()}};
  for (const LeasedDevice& device : lease.devices) {
    object["devices"].push_back(device_object(device));
  }
  return object.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

std::optional<Lease> parse_lease(std::string_view text) {
  try {
    return lease_in(Json::parse(text));
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const std::range_error&) {
    return std::nullopt;
  }
}

const std::string& lease_name(const Gpu& gpu) { return gpu.pci.empty() ? gpu.uuid : gpu.pci; }

std::vector<LeasedDevice> leased_devices(const SelectedDevices& selected, bool is_exclusive) {
  std::vector<LeasedDevice> devices;
  for (const Gpu& gpu : selected.gpus) {
    bool has_mig = false;
    for (const MigDevice& mig : selected.mig_devices) {
      if (mig.gpu_minor != gpu.minor) continue;
      has_mig = true;
      devices.push_back(
          {.gpu = lease_name(gpu),
           .mig = LeasedDevice::Instance{.gpu = mig.gpu_instance, .compute = mig.compute_instance},
           .is_exclusive = is_exclusive});
    }
    if (!has_mig) devices.push_back({.gpu = lease_name(gpu), .is_exclusive = is_exclusive});
  }
  return devices;
}

bool overlaps(const LeasedDevice& a, const LeasedDevice& b) {
  return a.gpu == b.gpu && (!a.mig || !b.mig || a.mig == b.mig);
}

std::string describe(const LeaseHolder& holder) {
  constexpr std::size_t kHash = 64;
  constexpr std::size_t kShown = 12;
  const std::string& id = holder.container;
  const std::string process = "process " + std::to_string(holder.pid);
  if (id.empty()) return "the container of " + process;
  return "container " + (id.size() == kHash ? id.substr(0, kShown) : id) + " (" + process + ")";
}

}  // namespace nvhook
