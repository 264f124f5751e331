// SPDX-License-Identifier: Apache-2.0
// The part of NVML's C interface that oci-nvidia-probe calls, written from the public API
// reference; its functions are looked up at run time.
#pragma once

#include <array>

namespace nvhook::nvml {

using Device = void*;  // an opaque handle

/// nvmlReturn_t: the values that the probe distinguishes.
enum Result : int {
  kSuccess = 0,
  kNotSupported = 3,
  kNoPermission = 4,
  kNotFound = 6,
  kFunctionNotFound = 13,
};

/// nvmlPciInfo_t. Every version of it begins with a legacy bus id of 16 bytes and these three
/// numbers, and none is larger.
struct PciInfo {
  std::array<char, 16> bus_id_legacy;
  unsigned domain;
  unsigned bus;
  unsigned device;
  unsigned device_id;
  unsigned subsystem_id;
  std::array<char, 32> bus_id;
};
static_assert(sizeof(PciInfo) == 68);

/// nvmlMemory_t, in bytes.
struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

/// nvmlUtilization_t, in percent.
struct Utilization {
  unsigned gpu;
  unsigned memory;
};

/// nvmlProcessInfo_t of the second and third version.
struct ProcessInfo {
  unsigned pid;
  unsigned long long used_memory;
  unsigned gpu_instance;
  unsigned compute_instance;
};
static_assert(sizeof(ProcessInfo) == 24);
inline constexpr unsigned long long kNotAvailable = ~0ULL;  // NVML_VALUE_NOT_AVAILABLE

/// nvmlProcessUtilizationSample_t: a time in microseconds, and percents.
struct ProcessSample {
  unsigned pid;
  unsigned long long time;
  unsigned multiprocessors;
  unsigned memory;
  unsigned encoder;
  unsigned decoder;
};
static_assert(sizeof(ProcessSample) == 32);

inline constexpr unsigned kUuidSize = 96;           // NVML_DEVICE_UUID_V2_BUFFER_SIZE
inline constexpr unsigned kNameSize = 96;           // NVML_DEVICE_NAME_V2_BUFFER_SIZE
inline constexpr unsigned kDriverVersionSize = 80;  // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
inline constexpr unsigned kMigEnabled = 1;          // NVML_DEVICE_MIG_ENABLE

using Init = Result (*)();
using Shutdown = Result (*)();
using ErrorString = const char* (*)(Result result);
using SystemGetDriverVersion = Result (*)(char* version, unsigned length);
using SystemGetCudaDriverVersion = Result (*)(int* version);
using DeviceGetCount = Result (*)(unsigned* count);
using DeviceGetHandleByIndex = Result (*)(unsigned index, Device* device);
using DeviceGetPciInfo = Result (*)(Device device, PciInfo* pci);
using DeviceGetUuid = Result (*)(Device device, char* uuid, unsigned length);
using DeviceGetName = Result (*)(Device device, char* name, unsigned length);
using DeviceGetCudaComputeCapability = Result (*)(Device device, int* major, int* minor);
using DeviceGetBrand = Result (*)(Device device, unsigned* brand);
using DeviceGetMigMode = Result (*)(Device device, unsigned* current, unsigned* pending);
using DeviceGetMaxMigDeviceCount = Result (*)(Device device, unsigned* count);
using DeviceGetMigDeviceHandleByIndex = Result (*)(Device device, unsigned index, Device* mig);
/// nvmlDeviceGetGpuInstanceId and nvmlDeviceGetComputeInstanceId, for a MIG device.
using DeviceGetInstanceId = Result (*)(Device mig, unsigned* id);

using DeviceGetMemoryInfo = Result (*)(Device device, Memory* memory);
using DeviceGetUtilizationRates = Result (*)(Device device, Utilization* utilization);
using DeviceGetRunningProcesses = Result (*)(Device device, unsigned* count, ProcessInfo* infos);
using DeviceGetProcessUtilization = Result (*)(Device device, ProcessSample* samples,
                                               unsigned* count, unsigned long long last_seen);

}  // namespace nvhook::nvml
