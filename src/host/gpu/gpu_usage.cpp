// SPDX-License-Identifier: Apache-2.0
// Every field is checked for type and range; an unknown member makes the document invalid.
#include "host/gpu/gpu_usage.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "text/pci_address.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxAnswer = 1UL << 20U;
constexpr std::size_t kMaxLine = 256;
constexpr unsigned kPercent = 100;

/// Reads the members of one object; what is wrong is remembered until the end.
class Members {
 public:
  explicit Members(const Json& object) : object_(object), is_good_(object.is_object()) {}

  /// nullopt also for `null`, which stands for what NVML does not tell.
  std::optional<std::uint64_t> number(const char* name, std::uint64_t most) {
    const Json* const value = member(name);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > most) {
      is_good_ = false;
      return std::nullopt;
    }
    return value->get<std::uint64_t>();
  }

  std::optional<unsigned> small_number(const char* name, unsigned most) {
    const auto found = number(name, most);
    return found ? std::optional(static_cast<unsigned>(*found)) : std::nullopt;
  }

  std::string text(const char* name) {
    const Json* const value = member(name);
    if (value == nullptr || !value->is_string()) {
      is_good_ = false;
      return {};
    }
    return value->get<std::string>();
  }

  const Json& list(const char* name, std::size_t most) {
    static const Json nothing = Json::array();
    const Json* const value = member(name);
    if (value != nullptr && value->is_array() && value->size() <= most) return *value;
    is_good_ = false;
    return nothing;
  }

  /// Whether all was as it must be, and nothing else was there.
  [[nodiscard]] bool are_all() const { return is_good_ && object_.size() == read_; }

 private:
  const Json* member(const char* name) {
    if (!is_good_) return nullptr;
    const auto found = object_.find(name);
    if (found == object_.end()) {
      is_good_ = false;
      return nullptr;
    }
    ++read_;
    return &*found;
  }

  const Json& object_;
  bool is_good_;
  std::size_t read_ = 0;
};

constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();

std::optional<ProcessUsage> process_of(const Json& object) {
  Members members(object);
  const auto pid = members.small_number("pid", std::numeric_limits<int>::max());
  ProcessUsage process{.pid = pid.value_or(0),
                       .memory = members.number("memory", kAny),
                       .busy = members.small_number("busy", kPercent)};
  if (!pid || !members.are_all()) return std::nullopt;
  return process;
}

bool is_address(std::string_view text) {
  const auto address = parse_pci_address(text);
  return address && text == pci_address_from_nvml(address->domain, address->bus, address->device);
}

std::optional<DeviceUsage> device_of(const Json& object) {
  Members members(object);
  constexpr unsigned kMost = std::numeric_limits<unsigned>::max();
  DeviceUsage device{.pci = members.text("pci")};
  const auto gpu_instance = members.small_number("gpu_instance", kMost);
  const auto compute_instance = members.small_number("compute_instance", kMost);
  device.memory_used = members.number("memory_used", kAny);
  device.memory_total = members.number("memory_total", kAny);
  device.busy = members.small_number("busy", kPercent);
  for (const Json& item : members.list("processes", kMaxGpuProcesses)) {
    const auto process = process_of(item);
    if (!process) return std::nullopt;
    device.processes.push_back(*process);
  }
  if (gpu_instance && compute_instance) {
    device.mig = {.gpu = *gpu_instance, .compute = *compute_instance};
  }
  const bool is_whole = gpu_instance.has_value() == compute_instance.has_value();
  if (!members.are_all() || !is_whole || !is_address(device.pci)) return std::nullopt;
  return device;
}

std::optional<GpuUsage> usage_of(const Json& document) {
  constexpr std::size_t kMaxDevices = std::size_t{kMaxGpus} * (kMaxMigDevices + 1);
  Members members(document);
  GpuUsage usage;
  for (const Json& item : members.list("devices", kMaxDevices)) {
    auto device = device_of(item);
    if (!device) return std::nullopt;
    usage.devices.push_back(*std::move(device));
  }
  for (const Json& item : members.list("errors", kMaxDevices)) {
    if (!item.is_string()) return std::nullopt;
    usage.errors.push_back(printable(item.get<std::string>().substr(0, kMaxLine)));
  }
  if (!members.are_all()) return std::nullopt;
  return usage;
}

template <typename Number>
Json value_of(const std::optional<Number>& number) {
  return number ? Json(*number) : Json();
}

Json to_object(const DeviceUsage& device) {
  Json processes = Json::array();
  for (const ProcessUsage& process : device.processes) {
    processes.push_back({{"pid", process.pid},
                         {"memory", value_of(process.memory)},
                         {"busy", value_of(process.busy)}});
  }
  return {{"pci", device.pci},
          {"gpu_instance", device.mig ? Json(device.mig->gpu) : Json()},
          {"compute_instance", device.mig ? Json(device.mig->compute) : Json()},
          {"memory_used", value_of(device.memory_used)},
          {"memory_total", value_of(device.memory_total)},
          {"busy", value_of(device.busy)},
          {"processes", std::move(processes)}};
}

}  // namespace

std::optional<GpuUsage> parse_gpu_usage(std::string_view json) {
  return usage_of(
      Json::parse(json.size() > kMaxAnswer ? std::string_view() : json, nullptr, false));
}

std::string to_json(const GpuUsage& usage) {
  Json document = {{"devices", Json::array()}, {"errors", Json::array()}};
  for (const DeviceUsage& device : usage.devices) {
    document["devices"].push_back(to_object(device));
  }
  for (const std::string& error : usage.errors) {
    document["errors"].push_back(printable(error).substr(0, kMaxLine));
  }
  return document.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace nvhook
