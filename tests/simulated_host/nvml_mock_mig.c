// SPDX-License-Identifier: Apache-2.0
// The functions of the simulated libnvidia-ml.so.1 that drivers before 450 do not have.
#include <string.h>

#include "nvml_mock.h"

int nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned* current, unsigned* pending) {
  const int result = mock_check(device, current);
  if (result != kSuccess) return result;
  if (pending == NULL) return kInvalidArgument;
  *current = 0;
  for (unsigned i = 0; i < mock.mig_device_count; ++i) {
    if (strcmp(mock.mig_devices[i].pci, device->pci) == 0) *current = 1;
  }
  *pending = *current;
  return device->mig_mode_result;
}

int nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned* count) {
  const int result = mock_check(device, count);
  if (result == kSuccess) *count = device->mig_slots;
  return result;
}

int nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned index, nvmlDevice_t* mig) {
  const int result = mock_check(device, mig);
  if (result != kSuccess) return result;
  if (index >= device->mig_slots) return kInvalidArgument;
  for (unsigned i = 0; i < mock.mig_device_count; ++i) {
    struct Gpu* candidate = &mock.mig_devices[i];
    if (strcmp(candidate->pci, device->pci) != 0 || candidate->mig_index != index) continue;
    *mig = candidate;
    return kSuccess;
  }
  return kNotFound;
}

int nvmlDeviceGetGpuInstanceId(nvmlDevice_t mig, unsigned* id) {
  const int result = mock_check(mig, id);
  if (result == kSuccess) *id = mig->gpu_instance;
  return result;
}

int nvmlDeviceGetComputeInstanceId(nvmlDevice_t mig, unsigned* id) {
  const int result = mock_check(mig, id);
  if (result == kSuccess) *id = mig->compute_instance;
  return result;
}
