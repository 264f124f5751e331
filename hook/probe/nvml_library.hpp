// SPDX-License-Identifier: Apache-2.0
// The driver's NVML, loaded and initialised, and what all questions need of it.
#pragma once

#include <dlfcn.h>

#include <optional>
#include <string>

#include "probe/nvml.hpp"

namespace nvhook {

/// All functions throw Error(probe_failed) with NVML's own words.
class NvmlLibrary {
 public:
  explicit NvmlLibrary(const std::string& path);
  void shut_down() const;

  /// Returns nullptr if the library does not have the function.
  template <typename Function>
  [[nodiscard]] Function find(const char* name) const {
    return reinterpret_cast<Function>(::dlsym(handle_, name));
  }
  template <typename Function>
  [[nodiscard]] Function function(const char* name) const {
    const auto found = find<Function>(name);
    if (found == nullptr) throw_loader_error(std::string("find ") + name);
    return found;
  }
  /// Throws unless `result`, of the call `what`, is success.
  void require(const std::string& what, nvml::Result result) const;

  [[nodiscard]] unsigned device_count() const;
  [[nodiscard]] nvml::Device device(unsigned index) const;
  [[nodiscard]] std::string pci_address(nvml::Device device) const;
  [[nodiscard]] std::string uuid(nvml::Device device) const;
  /// Empty if NVML does not tell.
  [[nodiscard]] std::string name(nvml::Device device) const;
  /// Also false for a GPU or driver that does not support MIG.
  [[nodiscard]] bool is_in_mig_mode(nvml::Device device) const;
  [[nodiscard]] unsigned max_mig_devices(nvml::Device device) const;
  /// Returns nullopt for an index that is not in use.
  [[nodiscard]] std::optional<nvml::Device> mig_device(nvml::Device device, unsigned index) const;
  [[nodiscard]] unsigned gpu_instance(nvml::Device mig) const;
  [[nodiscard]] unsigned compute_instance(nvml::Device mig) const;

 private:
  [[noreturn]] static void throw_loader_error(const std::string& what);
  [[nodiscard]] unsigned instance(nvml::Device mig, const char* name) const;

  void* handle_ = nullptr;  // never closed: the process ends first
  nvml::ErrorString error_string_ = nullptr;
};

}  // namespace nvhook
