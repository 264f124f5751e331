// SPDX-License-Identifier: Apache-2.0
// Every field is checked for type, length and spelling; an unknown member makes the document
// invalid.
#include "host/gpu/driver_details.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "host/facts/proc_text.hpp"
#include "text/pci_address.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

// Not ordered_json, which searches an object from the start for every new key: a hostile document
// would take minutes.
using Json = nlohmann::json;

constexpr std::size_t kMaxDocument = 1UL << 20U;
constexpr std::size_t kMaxText = 256;
// NVML_DEVICE_UUID_V2_BUFFER_SIZE without the NUL.
constexpr std::size_t kMaxMigUuid = 95;
constexpr std::size_t kMaxProfile = 64;
constexpr std::string_view kUnknownBrand = "Unknown";

// docs/behaviour.md §3.3. The position is the value of NVML's nvmlBrandType_t.
constexpr std::array<std::string_view, 17> kBrands{
    kUnknownBrand, "Quadro",    "Tesla",  "NVS",        "GRID",    "GeForce",
    "TITAN",       "VApps",     "VPC",    "VCS",        "VWS",     "CloudGaming",
    "QuadroRTX",   "NvidiaRTX", "Nvidia", "GeForceRTX", "TitanRTX"};

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// Accepts only the spelling of pci_address_from_nvml, because addresses are compared as strings.
bool is_pci_address(std::string_view text) {
  const auto address = parse_pci_address(text);
  return address && text == pci_address_from_nvml(address->domain, address->bus, address->device);
}

bool is_uuid(std::string_view text, std::string_view prefix) {
  return text.size() > prefix.size() && text.starts_with(prefix) &&
         text.find_first_not_of("0123456789abcdefABCDEF-", prefix.size()) == std::string_view::npos;
}

/// The legacy form must name exactly this device, because its parts can select devices, too.
bool is_mig_uuid(const MigDetails& mig, std::string_view gpu_uuid) {
  if (mig.uuid.size() > kMaxMigUuid) return false;
  if (is_uuid(mig.uuid, "MIG-")) return true;
  return mig.uuid == "MIG-" + std::string(gpu_uuid) + "/" + std::to_string(mig.gpu_instance) + "/" +
                         std::to_string(mig.compute_instance);
}

/// Whether `text` is empty or looks like `1g.24gb+gfx`.
bool is_mig_profile(std::string_view text) {
  return text.size() <= kMaxProfile &&
         text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz.+-") ==
             std::string_view::npos;
}

/// Whether the object has these members and no others.
bool has_exactly(const Json& object, std::initializer_list<const char*> names) {
  return object.is_object() && object.size() == names.size() &&
         std::all_of(names.begin(), names.end(),
                     [&](const char* name) { return object.contains(name); });
}

/// Returns a printable string of limited length; nullopt for anything else.
std::optional<std::string> text_of(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  auto text = value.get<std::string>();
  if (text.empty() || text.size() > kMaxText || !is_printable_ascii(text)) return std::nullopt;
  return text;
}

std::optional<Version> version_of(const Json& value) {
  const auto text = text_of(value);
  return text ? Version::parse(*text) : std::nullopt;
}

std::optional<unsigned> number_of(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto number = value.get<std::uint64_t>();
  if (number > std::numeric_limits<unsigned>::max()) return std::nullopt;
  return static_cast<unsigned>(number);
}

std::optional<MigDetails> mig_device_of(const Json& object, std::string_view gpu_uuid) {
  if (!has_exactly(object, {"index", "gpu_instance", "compute_instance", "uuid", "profile"})) {
    return std::nullopt;
  }
  const auto index = number_of(object.at("index"));
  const auto gpu_instance = number_of(object.at("gpu_instance"));
  const auto compute_instance = number_of(object.at("compute_instance"));
  auto uuid = text_of(object.at("uuid"));
  const Json& profile = object.at("profile");
  if (!index || *index >= kMaxMigDevices || !gpu_instance || !compute_instance || !uuid ||
      !profile.is_string() || !is_mig_profile(profile.get_ref<const std::string&>())) {
    return std::nullopt;
  }
  MigDetails mig{.index = *index,
                 .gpu_instance = *gpu_instance,
                 .compute_instance = *compute_instance,
                 .uuid = *std::move(uuid),
                 .profile = profile.get<std::string>()};
  return is_mig_uuid(mig, gpu_uuid) ? std::optional(std::move(mig)) : std::nullopt;
}

/// Each UUID, and each pair of instances, must belong to one device.
bool are_distinct(const MigDetails& a, const MigDetails& b) {
  const bool same_instances =
      a.gpu_instance == b.gpu_instance && a.compute_instance == b.compute_instance;
  return !same_instances && !equals_ignoring_case(a.uuid, b.uuid);
}

std::optional<std::vector<MigDetails>> mig_devices_of(const Json& list, std::string_view gpu_uuid) {
  if (!list.is_array() || list.size() > kMaxMigDevices) return std::nullopt;
  std::vector<MigDetails> devices;
  for (const Json& item : list) {
    auto mig = mig_device_of(item, gpu_uuid);
    if (!mig || (!devices.empty() && mig->index <= devices.back().index)) return std::nullopt;
    const bool is_new = std::all_of(devices.begin(), devices.end(), [&](const MigDetails& other) {
      return are_distinct(*mig, other);
    });
    if (!is_new) return std::nullopt;
    devices.push_back(*std::move(mig));
  }
  return devices;
}

std::optional<GpuDetails> gpu_of(const Json& object) {
  if (!has_exactly(object, {"pci", "uuid", "compute_capability", "brand", "mig"})) {
    return std::nullopt;
  }
  auto pci = text_of(object.at("pci"));
  auto uuid = text_of(object.at("uuid"));
  auto capability = version_of(object.at("compute_capability"));
  auto brand = text_of(object.at("brand"));
  if (!pci || !uuid || !capability || !brand) return std::nullopt;
  const bool known_brand = std::find(kBrands.begin(), kBrands.end(), *brand) != kBrands.end();
  if (!is_pci_address(*pci) || !is_uuid(*uuid, "GPU-") || !known_brand) return std::nullopt;
  auto mig = mig_devices_of(object.at("mig"), *uuid);
  if (!mig) return std::nullopt;
  return GpuDetails{.pci = *std::move(pci),
                    .uuid = *std::move(uuid),
                    .compute_capability = *std::move(capability),
                    .brand = *std::move(brand),
                    .mig = *std::move(mig)};
}

bool holds_address(const DriverDetails& details, std::string_view pci) {
  return std::any_of(details.gpus.begin(), details.gpus.end(),
                     [&](const GpuDetails& gpu) { return gpu.pci == pci; });
}

std::optional<DriverDetails> details_of(const Json& document) {
  const bool has_driver = document.is_object() && document.contains("driver");
  if (!(has_driver ? has_exactly(document, {"driver", "cuda", "gpus", "errors"})
                   : has_exactly(document, {"cuda", "gpus", "errors"}))) {
    return std::nullopt;
  }
  const Json& gpus = document.at("gpus");
  const Json& errors = document.at("errors");
  if (!gpus.is_array() || !errors.is_array()) return std::nullopt;
  if (gpus.size() > kMaxGpus || errors.size() > kMaxGpus) return std::nullopt;
  auto driver = has_driver ? version_of(document.at("driver")) : Version();
  auto cuda = version_of(document.at("cuda"));
  if (!driver || !cuda) return std::nullopt;
  DriverDetails details{.driver = *std::move(driver), .cuda = *std::move(cuda)};
  for (const Json& item : gpus) {
    auto gpu = gpu_of(item);
    if (!gpu || holds_address(details, gpu->pci)) return std::nullopt;
    details.gpus.push_back(*std::move(gpu));
  }
  for (const Json& item : errors) {
    auto error = text_of(item);
    if (!error) return std::nullopt;
    details.errors.push_back(*std::move(error));
  }
  return details;
}

/// Does not throw. Returns a discarded value, which is not an object, if `text` is not JSON.
Json parse_json(std::string_view text) {
  return Json::parse(text.size() > kMaxDocument ? std::string_view() : text, nullptr, false);
}

std::string shown(std::string_view text) {
  std::string line = printable(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  line.resize(std::min(line.size(), kMaxText));
  return line.empty() ? "?" : line;
}

Json to_array(const std::vector<MigDetails>& devices) {
  Json array = Json::array();
  for (const MigDetails& mig : devices) {
    array.push_back({{"index", mig.index},
                     {"gpu_instance", mig.gpu_instance},
                     {"compute_instance", mig.compute_instance},
                     {"uuid", mig.uuid},
                     {"profile", mig.profile}});
  }
  return array;
}

Json to_object(const DriverDetails& details) {
  Json gpus = Json::array();
  for (const GpuDetails& gpu : details.gpus) {
    gpus.push_back({{"pci", gpu.pci},
                    {"uuid", gpu.uuid},
                    {"compute_capability", gpu.compute_capability.str()},
                    {"brand", gpu.brand},
                    {"mig", to_array(gpu.mig)}});
  }
  Json errors = Json::array();
  for (const std::string& error : details.errors) errors.push_back(shown(error));
  Json document{
      {"cuda", details.cuda.str()}, {"gpus", std::move(gpus)}, {"errors", std::move(errors)}};
  if (!details.driver.str().empty()) document["driver"] = details.driver.str();
  return document;
}

std::string dump(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const GpuDetails* find_details(const Inventory& inventory, const DriverDetails& details,
                               unsigned minor) {
  const auto gpu = std::find_if(inventory.gpus.begin(), inventory.gpus.end(),
                                [&](const Gpu& candidate) { return candidate.minor == minor; });
  if (gpu == inventory.gpus.end()) return nullptr;
  const auto found = std::find_if(details.gpus.begin(), details.gpus.end(),
                                  [&](const GpuDetails& row) { return row.pci == gpu->pci; });
  return found == details.gpus.end() ? nullptr : &*found;
}

}  // namespace

std::optional<DriverDetails> parse_driver_details(std::string_view json) {
  return details_of(parse_json(json));
}

std::string to_json(const DriverDetails& details) { return dump(to_object(details)); }

std::string to_cache_document(const DriverDetails& details, std::string_view key) {
  return dump({{"key", key}, {"details", to_object(details)}});
}

std::optional<DriverDetails> parse_cache_document(std::string_view json, std::string_view key) {
  const Json document = parse_json(json);
  if (!has_exactly(document, {"key", "details"})) return std::nullopt;
  const Json& found = document.at("key");
  if (!found.is_string() || found.get_ref<const std::string&>() != key) return std::nullopt;
  return details_of(document.at("details"));
}

std::vector<MigDevice> name_mig_devices(const Inventory& inventory, const DriverDetails& details) {
  std::vector<MigDevice> devices = inventory.mig_devices;
  for (MigDevice& device : devices) {
    const GpuDetails* gpu = find_details(inventory, details, device.gpu_minor);
    if (gpu == nullptr) continue;
    const auto mig = std::find_if(gpu->mig.begin(), gpu->mig.end(), [&](const MigDetails& row) {
      return row.gpu_instance == device.gpu_instance &&
             row.compute_instance == device.compute_instance;
    });
    if (mig == gpu->mig.end()) continue;
    device.index = mig->index;
    device.uuid = mig->uuid;
    device.profile = mig->profile;
  }
  return devices;
}

Version cuda_version_from_nvml(int version) {
  const int number = std::max(version, 0);
  const std::string text = std::to_string(number / 1000) + "." + std::to_string(number % 100 / 10);
  return Version::parse(text).value_or(Version());
}

std::string brand_from_nvml(unsigned brand) {
  return std::string(brand < kBrands.size() ? kBrands.at(brand) : kUnknownBrand);
}

std::string mig_profile_from_nvml(std::string_view name) {
  constexpr std::string_view kMark = " MIG ";
  const auto at = name.rfind(kMark);
  if (at == std::string_view::npos) return {};
  const std::string_view profile = name.substr(at + kMark.size());
  return is_mig_profile(profile) ? std::string(profile) : std::string();
}

std::string pci_address_from_nvml(unsigned domain, unsigned bus, unsigned device) {
  return to_hexadecimal(domain, 4) + ":" + to_hexadecimal(bus, 2) + ":" +
         to_hexadecimal(device, 2) + ".0";
}

}  // namespace nvhook
