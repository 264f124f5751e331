// SPDX-License-Identifier: Apache-2.0
// The parser of the note, the classes of GPUs, and the rules.
#include "image/cuda_compat.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "host/facts/proc_text.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxNote = 64UL << 10U;
constexpr std::size_t kMaxNumbers = 256;
constexpr std::size_t kMaxVersionText = 32;
constexpr unsigned kNoteFormat = 1;

/// GPUs whose model name begins with `model`. For some models the brand in NVML depends on the age
/// of the driver; each of them is accepted.
struct GpuClass {
  std::string_view model;
  bool supported;                  ///< if there is no note
  std::array<unsigned, 6> brands;  ///< nvmlBrandType_t; 0 ends the list
};

constexpr std::array kGpuClasses{
    GpuClass{"GeForce", false, {5, 15}},
    GpuClass{"TITAN", false, {6, 16}},
    GpuClass{"NVS", false, {3}},
    // Virtual GPUs: their brand in NVML depends on the licence.
    GpuClass{"GRID", true, {4, 7, 8, 9, 10, 11}},
    GpuClass{"Quadro RTX", true, {12}},
    GpuClass{"RTX", true, {13}},
    GpuClass{"Quadro", true, {1}},
    GpuClass{"Tesla", true, {2}},
    GpuClass{"", true, {14}},
};

/// Drivers since 465 write `NVIDIA Tesla V100`, earlier ones `Tesla V100`.
const GpuClass& class_of(std::string_view model) {
  constexpr std::string_view kVendor = "NVIDIA ";
  if (model.starts_with(kVendor)) model.remove_prefix(kVendor.size());
  return *std::find_if(kGpuClasses.begin(), kGpuClasses.end(),
                       [&](const GpuClass& row) { return model.starts_with(row.model); });
}

bool is_allowed(std::string_view model, const std::vector<unsigned>& brands) {
  const GpuClass& row = class_of(model);
  if (brands.empty()) return row.supported;
  return std::any_of(row.brands.begin(), row.brands.end(), [&](unsigned brand) {
    return brand != 0 && std::find(brands.begin(), brands.end(), brand) != brands.end();
  });
}

// ---- the note

std::optional<std::vector<unsigned>> numbers_of(const Json& list) {
  if (!list.is_array() || list.size() > kMaxNumbers) return std::nullopt;
  std::vector<unsigned> numbers;
  for (const Json& item : list) {
    if (!item.is_number_unsigned()) return std::nullopt;
    const auto number = item.get<std::uint64_t>();
    if (number > std::numeric_limits<unsigned>::max()) return std::nullopt;
    numbers.push_back(static_cast<unsigned>(number));
  }
  return numbers;
}

std::optional<Version> version_of(const Json& text) {
  if (!text.is_string() || text.get_ref<const std::string&>().size() > kMaxVersionText) {
    return std::nullopt;
  }
  return Version::parse(text.get_ref<const std::string&>());
}

/// `document` must be an object.
std::optional<CompatNote> note_of(const Json& document) {
  const auto format = document.find("Format");
  if (format == document.end() || *format != kNoteFormat) return std::nullopt;
  CompatNote note;
  if (const auto found = document.find("CUDA Version"); found != document.end()) {
    auto cuda = version_of(*found);
    if (!cuda) return std::nullopt;
    note.cuda = *std::move(cuda);
  }
  for (const auto& [name, field] :
       {std::pair("Driver", &CompatNote::drivers), std::pair("Device", &CompatNote::brands)}) {
    const auto found = document.find(name);
    if (found == document.end()) continue;
    auto numbers = numbers_of(*found);
    if (!numbers) return std::nullopt;
    note.*field = *std::move(numbers);
  }
  if (note.cuda.str().empty() && note.drivers.empty()) return std::nullopt;
  return note;
}

// ---- the rules

std::string driver_branch(const Version& driver) {
  return "driver branch " + std::to_string(driver.major());
}

CompatDecision compare_drivers(const CompatLibraries& libraries, const Version& driver) {
  const auto& branches = libraries.note->drivers;
  if (std::find(branches.begin(), branches.end(), driver.major()) == branches.end()) {
    return {false, "their note does not list " + driver_branch(driver)};
  }
  if (libraries.driver <= driver) return {false, "they are not newer"};
  return {true, "they are newer, and their note lists " + driver_branch(driver)};
}

CompatDecision compare_cuda(const CompatNote& note, const Version& driver) {
  const auto host = cuda_version_of(driver);
  if (!host) {
    const auto least = least_cuda_version_of(driver);
    if (least && note.cuda <= *least) {
      return {false, "their CUDA " + note.cuda.str() + " is not newer than CUDA " + least->str() +
                         ", which that driver has at least"};
    }
    return {false, "it is not known which CUDA version that driver has"};
  }
  const std::string both = "their CUDA " + note.cuda.str() +
                           (note.cuda > *host ? " is" : " is not") + " newer than CUDA " +
                           host->str() + " of that driver";
  return {note.cuda > *host, both};
}

CompatDecision compare_branches(const Version& libraries, const Version& driver) {
  const bool later = libraries.major() > driver.major();
  return {later, std::string("they have no note and are ") + (later ? "" : "not ") +
                     "of a later driver branch"};
}

CompatDecision compare_versions(const CompatLibraries& libraries, const Version& driver) {
  if (!libraries.note) return compare_branches(libraries.driver, driver);
  if (libraries.note->drivers.empty()) return compare_cuda(*libraries.note, driver);
  return compare_drivers(libraries, driver);
}

/// Returns each model once, because machines often have eight of the same model.
std::string distinct(const std::vector<std::string>& models) {
  std::vector<std::string> names;
  for (const std::string& model : models) {
    if (std::find(names.begin(), names.end(), model) == names.end()) names.push_back(model);
  }
  return names.empty() ? "no GPU" : join(names, ", ");
}

}  // namespace

std::optional<CompatNote> parse_compat_note(std::string_view json) {
  while (json.ends_with('\0')) json.remove_suffix(1);
  while (json.starts_with('\0')) json.remove_prefix(1);
  if (json.size() > kMaxNote) return std::nullopt;
  const auto extent = first_json_object(json);
  if (!extent || extent->depth > kMaxJsonDepth || !extent->rest.empty()) return std::nullopt;
  const Json document = Json::parse(extent->object, nullptr, false);
  return document.is_object() ? note_of(document) : std::nullopt;
}

bool wants_cuda_compat(const Request& request, const Config& config) {
  return config.cuda_compat == CudaCompat::ldconfig &&
         request.capabilities.intersects({Capability::compute, Capability::video});
}

CompatDecision decide_cuda_compat(const CompatLibraries& libraries, const Version& driver,
                                  const std::vector<std::string>& gpu_models) {
  CompatDecision decision = compare_versions(libraries, driver);
  std::string gpus = distinct(gpu_models);
  if (decision.use) {
    const auto brands = libraries.note ? libraries.note->brands : std::vector<unsigned>();
    const auto refused =
        std::find_if(gpu_models.begin(), gpu_models.end(),
                     [&](const std::string& model) { return !is_allowed(model, brands); });
    if (refused != gpu_models.end()) {
      gpus = *refused;
      decision = {false, brands.empty() ? "CUDA supports no forward compatibility on such a GPU"
                                        : "their note does not list this class of GPU"};
    }
  }
  decision.reason = libraries.driver.str() + " on driver " + driver.str() + " with " + gpus + ": " +
                    decision.reason;
  return decision;
}

}  // namespace nvhook
