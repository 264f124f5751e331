// SPDX-License-Identifier: Apache-2.0
// Memory and utilisation in the simulated libnvidia-ml.so.1: of each GPU 40 GiB, and a tenth of
// that of each MIG device.
#include <string.h>

#include "nvml_mock.h"

typedef struct {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
} nvmlMemory_t;

typedef struct {
  unsigned gpu;
  unsigned memory;
} nvmlUtilization_t;

typedef struct {
  unsigned pid;
  unsigned long long usedGpuMemory;
  unsigned gpuInstanceId;
  unsigned computeInstanceId;
} nvmlProcessInfo_t;

typedef struct {
  unsigned pid;
  unsigned long long timeStamp;
  unsigned smUtil;
  unsigned memUtil;
  unsigned encUtil;
  unsigned decUtil;
} nvmlProcessUtilizationSample_t;

static int usage_check(const struct Gpu* device, const void* result) {
  const int checked = mock_check(device, result);
  return checked == kSuccess ? device->usage_result : checked;
}

static int is_mig_device(const struct Gpu* device) { return device->name[0] == '\0'; }

int nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t* memory) {
  const int result = usage_check(device, memory);
  if (result != kSuccess) return result;
  memory->total = is_mig_device(device) ? 4ULL << 30U : 40ULL << 30U;
  memory->used = 0;
  for (unsigned i = 0; !is_mig_device(device) && i < mock.process_count; ++i) {
    if (strcmp(mock.processes[i].pci, device->pci) == 0) memory->used += mock.processes[i].memory;
  }
  memory->free = memory->total - memory->used;
  return kSuccess;
}

int nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t* utilization) {
  const int result = usage_check(device, utilization);
  if (result != kSuccess) return result;
  memset(utilization, 0, sizeof *utilization);
  for (unsigned i = 0; i < mock.process_count; ++i) {
    if (strcmp(mock.processes[i].pci, device->pci) == 0) utilization->gpu += mock.processes[i].busy;
  }
  return kSuccess;
}

int nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned* count,
                                            nvmlProcessInfo_t* infos) {
  const int result = usage_check(device, infos);
  const unsigned room = *count;
  if (result != kSuccess) return result;
  *count = 0;
  for (unsigned i = 0; i < mock.process_count; ++i) {
    if (strcmp(mock.processes[i].pci, device->pci) != 0) continue;
    if (*count == room) return kInsufficientSize;
    memset(&infos[*count], 0, sizeof infos[*count]);
    infos[*count].pid = mock.processes[i].pid;
    infos[*count].usedGpuMemory = mock.processes[i].memory;
    ++*count;
  }
  return kSuccess;
}

int nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t* samples,
                                    unsigned* count, unsigned long long last_seen) {
  const int result = usage_check(device, samples);
  const unsigned room = *count;
  if (result != kSuccess) return result;
  *count = 0;
  for (unsigned i = 0; i < mock.process_count && *count < room; ++i) {
    if (strcmp(mock.processes[i].pci, device->pci) != 0) continue;
    memset(&samples[*count], 0, sizeof samples[*count]);
    samples[*count].pid = mock.processes[i].pid;
    samples[*count].timeStamp = last_seen + 1;
    samples[*count].smUtil = mock.processes[i].busy;
    ++*count;
  }
  return *count == 0 ? kNotFound : kSuccess;
}
