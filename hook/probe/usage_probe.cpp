// SPDX-License-Identifier: Apache-2.0
// A GPU without a figure (MIG mode, GeForce, vGPU, WSL2) is no error.
#include "probe/usage_probe.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr unsigned kMostPercent = 100;

using Processes = std::map<unsigned, ProcessUsage>;

class UsageProbe {
 public:
  explicit UsageProbe(const NvmlLibrary& library) : nvml_(library) {}

  void add(unsigned index, GpuUsage& usage) const {
    const nvml::Device gpu = nvml_.device(index);
    const std::string pci = nvml_.pci_address(gpu);
    DeviceUsage whole{.pci = pci};
    add_memory(gpu, whole);
    whole.busy = busy_of(gpu);
    Processes processes;
    add_processes(gpu, "nvmlDeviceGetComputeRunningProcesses", processes);
    add_processes(gpu, "nvmlDeviceGetGraphicsRunningProcesses", processes);
    add_busy(gpu, processes);
    for (const auto& [pid, process] : processes) {
      if (whole.processes.size() < kMaxGpuProcesses) whole.processes.push_back(process);
    }
    usage.devices.push_back(std::move(whole));
    if (nvml_.is_in_mig_mode(gpu)) add_mig_devices(gpu, pci, usage);
  }

 private:
  void add_mig_devices(nvml::Device gpu, const std::string& pci, GpuUsage& usage) const {
    const unsigned count = std::min(nvml_.max_mig_devices(gpu), kMaxMigDevices);
    for (unsigned index = 0; index < count; ++index) {
      const auto mig = nvml_.mig_device(gpu, index);
      if (!mig) continue;
      DeviceUsage part{.pci = pci,
                       .mig = DeviceUsage::Instance{.gpu = nvml_.gpu_instance(*mig),
                                                    .compute = nvml_.compute_instance(*mig)}};
      add_memory(*mig, part);
      usage.devices.push_back(std::move(part));
    }
  }

  /// nullptr if the library has no such function, or the GPU no such figure.
  [[nodiscard]] bool is_told(const char* name, nvml::Result result) const {
    const bool is_missing = result == nvml::kNotSupported || result == nvml::kNotFound ||
                            result == nvml::kFunctionNotFound || result == nvml::kNoPermission;
    if (!is_missing) nvml_.require(name, result);
    return !is_missing;
  }

  void add_memory(nvml::Device device, DeviceUsage& usage) const {
    const char* const name = "nvmlDeviceGetMemoryInfo";
    const auto get = nvml_.find<nvml::DeviceGetMemoryInfo>(name);
    nvml::Memory memory{};
    if (get == nullptr || !is_told(name, get(device, &memory))) return;
    usage.memory_used = memory.used;
    usage.memory_total = memory.total;
  }

  [[nodiscard]] std::optional<unsigned> busy_of(nvml::Device device) const {
    const char* const name = "nvmlDeviceGetUtilizationRates";
    const auto get = nvml_.find<nvml::DeviceGetUtilizationRates>(name);
    nvml::Utilization utilization{};
    if (get == nullptr || !is_told(name, get(device, &utilization))) return std::nullopt;
    return std::min(utilization.gpu, kMostPercent);
  }

  /// The second and third version of the function have the same structure; older drivers have only
  /// the first, without instances.
  void add_processes(nvml::Device device, const std::string& name, Processes& processes) const {
    auto get = nvml_.find<nvml::DeviceGetRunningProcesses>((name + "_v3").c_str());
    if (get == nullptr) {
      get = nvml_.find<nvml::DeviceGetRunningProcesses>((name + "_v2").c_str());
    }
    if (get == nullptr) return;
    std::vector<nvml::ProcessInfo> infos(kMaxGpuProcesses);
    unsigned count = kMaxGpuProcesses;
    if (!is_told(name.c_str(), get(device, &count, infos.data()))) return;
    infos.resize(std::min(count, kMaxGpuProcesses));
    for (const nvml::ProcessInfo& info : infos) {
      ProcessUsage& process = processes[info.pid];
      process.pid = info.pid;
      if (info.used_memory == nvml::kNotAvailable) continue;
      process.memory = process.memory.value_or(0) + info.used_memory;
    }
  }

  /// The samples are of the last seconds; the newest of a process counts.
  void add_busy(nvml::Device device, Processes& processes) const {
    const char* const name = "nvmlDeviceGetProcessUtilization";
    const auto get = nvml_.find<nvml::DeviceGetProcessUtilization>(name);
    if (get == nullptr) return;
    std::vector<nvml::ProcessSample> samples(kMaxGpuProcesses);
    unsigned count = kMaxGpuProcesses;
    if (!is_told(name, get(device, samples.data(), &count, 0))) return;
    samples.resize(std::min(count, kMaxGpuProcesses));
    std::map<unsigned, unsigned long long> newest;
    for (const nvml::ProcessSample& sample : samples) {
      const auto process = processes.find(sample.pid);
      if (process == processes.end() || sample.time < newest[sample.pid]) continue;
      newest[sample.pid] = sample.time;
      process->second.busy = std::min(sample.multiprocessors, kMostPercent);
    }
  }

  const NvmlLibrary& nvml_;
};

}  // namespace

GpuUsage ask_for_usage(const NvmlLibrary& library) {
  GpuUsage usage;
  const UsageProbe probe(library);
  const unsigned count = library.device_count();
  for (unsigned index = 0; index < count; ++index) {
    try {
      probe.add(index, usage);
    } catch (const Error& error) {
      usage.errors.push_back("GPU " + std::to_string(index) + ": " + error.what());
    }
  }
  return usage;
}

}  // namespace nvhook
