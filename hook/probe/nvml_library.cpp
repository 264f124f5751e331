// SPDX-License-Identifier: Apache-2.0
// Functions that old drivers lack have an older version, or their absence is an answer.
#include "probe/nvml_library.hpp"

#include <array>

#include "host/gpu/driver_details.hpp"
#include "text/error.hpp"

namespace nvhook {

NvmlLibrary::NvmlLibrary(const std::string& path) : handle_(::dlopen(path.c_str(), RTLD_NOW)) {
  if (handle_ == nullptr) throw_loader_error("load `" + path + "`");
  error_string_ = function<nvml::ErrorString>("nvmlErrorString");
  require("nvmlInit_v2", function<nvml::Init>("nvmlInit_v2")());
}

void NvmlLibrary::shut_down() const {
  require("nvmlShutdown", function<nvml::Shutdown>("nvmlShutdown")());
}

void NvmlLibrary::throw_loader_error(const std::string& what) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
  const char* const reason = ::dlerror();
  throw Error(Code::probe_failed, what + ": " + (reason == nullptr ? "not found" : reason));
}

void NvmlLibrary::require(const std::string& what, nvml::Result result) const {
  if (result == nvml::kSuccess) return;
  const char* const text = error_string_(result);
  throw Error(Code::probe_failed,
              what + ": " + (text == nullptr ? "error " + std::to_string(result) : text));
}

unsigned NvmlLibrary::device_count() const {
  unsigned count = 0;
  const char* const name = "nvmlDeviceGetCount_v2";
  require(name, function<nvml::DeviceGetCount>(name)(&count));
  if (count > kMaxGpus) {
    throw Error(Code::probe_failed, std::string(name) + ": " + std::to_string(count) + " GPUs");
  }
  return count;
}

nvml::Device NvmlLibrary::device(unsigned index) const {
  nvml::Device device = nullptr;
  const char* const name = "nvmlDeviceGetHandleByIndex_v2";
  require(name, function<nvml::DeviceGetHandleByIndex>(name)(index, &device));
  return device;
}

std::string NvmlLibrary::pci_address(nvml::Device device) const {
  const auto newest = find<nvml::DeviceGetPciInfo>("nvmlDeviceGetPciInfo_v3");
  const auto get =
      newest != nullptr ? newest : function<nvml::DeviceGetPciInfo>("nvmlDeviceGetPciInfo_v2");
  nvml::PciInfo pci{};
  require("nvmlDeviceGetPciInfo", get(device, &pci));
  return pci_address_from_nvml(pci.domain, pci.bus, pci.device);
}

std::string NvmlLibrary::uuid(nvml::Device device) const {
  std::array<char, nvml::kUuidSize> text{};
  const char* const name = "nvmlDeviceGetUUID";
  require(name, function<nvml::DeviceGetUuid>(name)(device, text.data(), nvml::kUuidSize));
  text.back() = '\0';
  return text.data();
}

std::string NvmlLibrary::name(nvml::Device device) const {
  std::array<char, nvml::kNameSize> text{};
  const auto get = find<nvml::DeviceGetName>("nvmlDeviceGetName");
  if (get == nullptr || get(device, text.data(), nvml::kNameSize) != nvml::kSuccess) return {};
  text.back() = '\0';
  return text.data();
}

bool NvmlLibrary::is_in_mig_mode(nvml::Device device) const {
  const char* const name = "nvmlDeviceGetMigMode";
  const auto get = find<nvml::DeviceGetMigMode>(name);
  if (get == nullptr) return false;
  unsigned current = 0;
  unsigned pending = 0;
  const nvml::Result result = get(device, &current, &pending);
  if (result == nvml::kNotSupported || result == nvml::kFunctionNotFound) return false;
  require(name, result);
  return current == nvml::kMigEnabled;
}

unsigned NvmlLibrary::max_mig_devices(nvml::Device device) const {
  unsigned count = 0;
  const char* const name = "nvmlDeviceGetMaxMigDeviceCount";
  require(name, function<nvml::DeviceGetMaxMigDeviceCount>(name)(device, &count));
  return count;
}

std::optional<nvml::Device> NvmlLibrary::mig_device(nvml::Device device, unsigned index) const {
  nvml::Device mig = nullptr;
  const char* const name = "nvmlDeviceGetMigDeviceHandleByIndex";
  const nvml::Result result =
      function<nvml::DeviceGetMigDeviceHandleByIndex>(name)(device, index, &mig);
  if (result == nvml::kNotFound) return std::nullopt;
  require(name, result);
  return mig;
}

unsigned NvmlLibrary::instance(nvml::Device mig, const char* name) const {
  unsigned id = 0;
  require(name, function<nvml::DeviceGetInstanceId>(name)(mig, &id));
  return id;
}

unsigned NvmlLibrary::gpu_instance(nvml::Device mig) const {
  return instance(mig, "nvmlDeviceGetGpuInstanceId");
}

unsigned NvmlLibrary::compute_instance(nvml::Device mig) const {
  return instance(mig, "nvmlDeviceGetComputeInstanceId");
}

}  // namespace nvhook
