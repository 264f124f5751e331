// SPDX-License-Identifier: Apache-2.0
// A libnvidia-ml.so.1 for machines without a GPU: eight A100, or what /etc/oci-nvidia-mock.conf
// says.
//
// The file is read below the root that the process sees. It has one `key=value` per line:
//   driver=535.309.01
//   cuda=12020
//   gpu=0000:07:00.0 GPU-12345678-1234-1234-1234-123456780000 2 8.0 14 NVIDIA A100-SXM4-40GB
//   broken=0000:07:00.0     every query about this GPU fails with "GPU is lost"
//   mig=0000:07:00.0 2 1 0 MIG-12345678-1234-1234-1234-123456780102 1g.24gb+gfx
//                           this GPU is in MIG mode and has this device: index, GPU instance,
//                           compute instance, UUID, and its profile if the driver tells it; indices
//                           that are not named are holes
//   broken-mig=0000:07:00.0 2    every query about this MIG device fails with "GPU is lost"
//   mig-mode=0000:07:00.0 3      nvmlDeviceGetMigMode returns this code
//   mig-count=0000:07:00.0 9999  nvmlDeviceGetMaxMigDeviceCount reports this (otherwise 7)
//   process=0000:07:00.0 4711 1073741824 60
//                           process 4711 has 1 GiB of this GPU, and 60 percent of its time
//   usage=0000:07:00.0 3    every query about the use of this GPU returns this code
//   init=18                 nvmlInit returns this code
//   delay=5                 nvmlInit takes so many seconds
//   count=1000000000        nvmlDeviceGetCount reports this
//   noise=1                 nvmlInit writes to standard output and standard error
// The first `gpu` line replaces the built-in GPUs. They are enumerated in the order of the lines.
//
// As with the real library, a process sees only its own GPUs: those in /proc/driver/nvidia/gpus; if
// that does not exist, those whose /dev/nvidia<minor> exists; if there is no driver in /proc and no
// GPU in /dev, all.
#include "nvml_mock.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char busIdLegacy[16];
  unsigned domain;
  unsigned bus;
  unsigned device;
  unsigned pciDeviceId;
  unsigned pciSubSystemId;
  char busId[32];
} nvmlPciInfo_t;

struct Mock mock;

static void set_defaults(void) {
  static const char* const kBuses[] = {"07", "0f", "47", "4e", "87", "90", "b7", "bd"};
  static const unsigned kMinors[] = {2, 3, 0, 1, 6, 7, 4, 5};  // as on a DGX A100
  memset(&mock, 0, sizeof mock);
  snprintf(mock.driver, sizeof mock.driver, "535.309.01");
  mock.cuda = 12020;
  mock.forced_count = -1;
  for (unsigned i = 0; i < 8; ++i) {
    struct Gpu* gpu = &mock.gpus[mock.gpu_count++];
    snprintf(gpu->pci, sizeof gpu->pci, "0000:%s:00.0", kBuses[i]);
    snprintf(gpu->uuid, sizeof gpu->uuid, "GPU-12345678-1234-1234-1234-12345678000%u", i);
    snprintf(gpu->name, sizeof gpu->name, "NVIDIA A100-SXM4-40GB");
    gpu->minor = kMinors[i];
    gpu->capability_major = 8;
    gpu->brand = 14;
    gpu->mig_slots = kMigSlots;
  }
}

static void read_gpu(const char* value, int* replaced) {
  if (!*replaced) mock.gpu_count = 0;
  *replaced = 1;
  if (mock.gpu_count == kMaxGpus) return;
  struct Gpu gpu;
  memset(&gpu, 0, sizeof gpu);
  const int fields = sscanf(value, "%31s %95s %u %d.%d %d %95[^\n]", gpu.pci, gpu.uuid, &gpu.minor,
                            &gpu.capability_major, &gpu.capability_minor, &gpu.brand, gpu.name);
  gpu.mig_slots = kMigSlots;
  if (fields == 7) mock.gpus[mock.gpu_count++] = gpu;
}

static void read_mig_device(const char* value) {
  struct Gpu mig;
  memset(&mig, 0, sizeof mig);
  char profile[32] = "";
  const int fields = sscanf(value, "%31s %u %u %u %95s %31s", mig.pci, &mig.mig_index,
                            &mig.gpu_instance, &mig.compute_instance, mig.uuid, profile);
  if (fields == 6) snprintf(mig.name, sizeof mig.name, "NVIDIA A100-SXM4-40GB MIG %s", profile);
  if (fields >= 5 && mock.mig_device_count < kMaxMigDevices) {
    mock.mig_devices[mock.mig_device_count++] = mig;
  }
}

/// Reads the lines with options of a GPU or MIG device that was defined before.
static void read_mig_option(const char* key, const char* value) {
  char pci[32];
  unsigned number;
  if (sscanf(value, "%31s %u", pci, &number) != 2) return;
  for (unsigned i = 0; i < mock.gpu_count; ++i) {
    if (strcmp(mock.gpus[i].pci, pci) != 0) continue;
    if (strcmp(key, "usage") == 0) mock.gpus[i].usage_result = (int)number;
    if (strcmp(key, "mig-mode") == 0) mock.gpus[i].mig_mode_result = (int)number;
    if (strcmp(key, "mig-count") == 0) mock.gpus[i].mig_slots = number;
  }
  for (unsigned i = 0; strcmp(key, "broken-mig") == 0 && i < mock.mig_device_count; ++i) {
    struct Gpu* mig = &mock.mig_devices[i];
    if (strcmp(mig->pci, pci) == 0 && mig->mig_index == number) mig->broken = 1;
  }
}

static void read_process(const char* value) {
  struct Process process;
  memset(&process, 0, sizeof process);
  const int fields =
      sscanf(value, "%31s %u %llu %u", process.pci, &process.pid, &process.memory, &process.busy);
  if (fields == 4 && mock.process_count < kMaxProcesses) {
    mock.processes[mock.process_count++] = process;
  }
}

static void read_line(const char* key, const char* value, int* replaced) {
  if (strcmp(key, "driver") == 0) snprintf(mock.driver, sizeof mock.driver, "%s", value);
  if (strcmp(key, "cuda") == 0) mock.cuda = atoi(value);
  if (strcmp(key, "init") == 0) mock.init_result = atoi(value);
  if (strcmp(key, "delay") == 0) mock.delay = (unsigned)atoi(value);
  if (strcmp(key, "count") == 0) mock.forced_count = atol(value);
  if (strcmp(key, "noise") == 0) mock.noise = atoi(value);
  if (strcmp(key, "gpu") == 0) read_gpu(value, replaced);
  if (strcmp(key, "mig") == 0) read_mig_device(value);
  if (strcmp(key, "process") == 0) read_process(value);
  read_mig_option(key, value);
  for (unsigned i = 0; strcmp(key, "broken") == 0 && i < mock.gpu_count; ++i) {
    if (strcmp(mock.gpus[i].pci, value) == 0) mock.gpus[i].broken = 1;
  }
}

static void read_configuration(void) {
  char line[512];
  int replaced = 0;
  FILE* file = fopen("/etc/oci-nvidia-mock.conf", "re");
  if (file == NULL) return;
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    char* equals = strchr(line, '=');
    if (equals == NULL) continue;
    *equals = '\0';
    read_line(line, equals + 1, &replaced);
  }
  fclose(file);
}

static int exists(const char* path) {
  struct stat status;
  return stat(path, &status) == 0;
}

static int any_gpu_node(void) {
  DIR* directory = opendir("/dev");
  int found = 0;
  if (directory == NULL) return 0;
  for (struct dirent* entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
    if (strncmp(entry->d_name, "nvidia", 6) == 0 && isdigit((unsigned char)entry->d_name[6])) {
      found = 1;
    }
  }
  closedir(directory);
  return found;
}

static void find_visible(void) {
  const int has_listing = exists("/proc/driver/nvidia/gpus");
  const int anything_goes = !exists("/proc/driver/nvidia") && !any_gpu_node();
  mock.visible_count = 0;
  for (unsigned i = 0; i < mock.gpu_count; ++i) {
    char path[kMaxPath];
    if (has_listing) {
      snprintf(path, sizeof path, "/proc/driver/nvidia/gpus/%s", mock.gpus[i].pci);
    } else {
      snprintf(path, sizeof path, "/dev/nvidia%u", mock.gpus[i].minor);
    }
    if (anything_goes || exists(path)) mock.visible[mock.visible_count++] = i;
  }
}

static int copy_text(char* to, unsigned length, const char* text) {
  if (to == NULL) return kInvalidArgument;
  if (strlen(text) >= length) return kInsufficientSize;
  memcpy(to, text, strlen(text) + 1);
  return kSuccess;
}

int mock_check(const struct Gpu* gpu, const void* result) {
  if (!mock.initialized) return kUninitialized;
  if (gpu == NULL || result == NULL) return kInvalidArgument;
  return gpu->broken ? kGpuIsLost : kSuccess;
}

int nvmlInit_v2(void) {
  set_defaults();
  read_configuration();
  find_visible();
  if (mock.noise) {
    puts("noise on standard output");
    fflush(stdout);
    fputs("noise on standard error\n", stderr);
  }
  sleep(mock.delay);
  mock.initialized = mock.init_result == kSuccess;
  return mock.init_result;
}

int nvmlInit(void) { return nvmlInit_v2(); }

int nvmlInitWithFlags(unsigned flags) {
  (void)flags;
  return nvmlInit_v2();
}

int nvmlShutdown(void) {
  if (!mock.initialized) return kUninitialized;
  mock.initialized = 0;
  return kSuccess;
}

const char* nvmlErrorString(int result) {
  switch (result) {
    case kSuccess:
      return "Success";
    case kUninitialized:
      return "Uninitialized";
    case kInvalidArgument:
      return "Invalid Argument";
    case kNotSupported:
      return "Not Supported";
    case kNoPermission:
      return "Insufficient Permissions";
    case kNotFound:
      return "Not Found";
    case kInsufficientSize:
      return "Insufficient Size";
    case kDriverNotLoaded:
      return "Driver Not Loaded";
    case kFunctionNotFound:
      return "Function Not Found";
    case kGpuIsLost:
      return "GPU is lost";
    case kVersionMismatch:
      return "Driver/library version mismatch";
    default:
      return "Unknown Error";
  }
}

int nvmlSystemGetDriverVersion(char* version, unsigned length) {
  return mock.initialized ? copy_text(version, length, mock.driver) : kUninitialized;
}

int nvmlSystemGetNVMLVersion(char* version, unsigned length) {
  char text[kMaxText + 16];
  if (!mock.initialized) return kUninitialized;
  snprintf(text, sizeof text, "%d.%s", mock.cuda / 1000, mock.driver);
  return copy_text(version, length, text);
}

int nvmlSystemGetCudaDriverVersion(int* version) {
  if (!mock.initialized) return kUninitialized;
  if (version == NULL) return kInvalidArgument;
  *version = mock.cuda;
  return kSuccess;
}

int nvmlSystemGetCudaDriverVersion_v2(int* version) {
  return nvmlSystemGetCudaDriverVersion(version);
}

int nvmlDeviceGetCount_v2(unsigned* count) {
  if (!mock.initialized) return kUninitialized;
  if (count == NULL) return kInvalidArgument;
  *count = mock.forced_count < 0 ? mock.visible_count : (unsigned)mock.forced_count;
  return kSuccess;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t* device) {
  if (!mock.initialized) return kUninitialized;
  if (device == NULL || index >= mock.visible_count) return kInvalidArgument;
  *device = &mock.gpus[mock.visible[index]];
  return mock_check(*device, device);
}

int nvmlDeviceGetHandleByUUID(const char* uuid, nvmlDevice_t* device) {
  if (!mock.initialized) return kUninitialized;
  if (uuid == NULL || device == NULL) return kInvalidArgument;
  for (unsigned i = 0; i < mock.visible_count; ++i) {
    if (strcmp(mock.gpus[mock.visible[i]].uuid, uuid) == 0) {
      return nvmlDeviceGetHandleByIndex_v2(i, device);
    }
  }
  return kNotFound;
}

int nvmlDeviceGetIndex(nvmlDevice_t device, unsigned* index) {
  const int result = mock_check(device, index);
  for (unsigned i = 0; result == kSuccess && i < mock.visible_count; ++i) {
    if (&mock.gpus[mock.visible[i]] == device) *index = i;
  }
  return result;
}

int nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t* pci) {
  const int result = mock_check(device, pci);
  if (result != kSuccess) return result;
  memset(pci, 0, sizeof *pci);
  if (sscanf(device->pci, "%x:%x:%x", &pci->domain, &pci->bus, &pci->device) != 3) return kUnknown;
  pci->pciDeviceId = 0x20B010DEU;
  pci->pciSubSystemId = 0x134F10DEU;
  // The real library's format: eight digits for the domain, capital letters.
  snprintf(pci->busId, sizeof pci->busId, "%08X:%02X:%02X.0", pci->domain, pci->bus & 0xFFU,
           pci->device & 0xFFU);
  snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, "%04X:%02X:%02X.0", pci->domain & 0xFFFFU,
           pci->bus & 0xFFU, pci->device & 0xFFU);
  return kSuccess;
}

int nvmlDeviceGetUUID(nvmlDevice_t device, char* uuid, unsigned length) {
  const int result = mock_check(device, uuid);
  return result == kSuccess ? copy_text(uuid, length, device->uuid) : result;
}

int nvmlDeviceGetName(nvmlDevice_t device, char* name, unsigned length) {
  const int result = mock_check(device, name);
  return result == kSuccess ? copy_text(name, length, device->name) : result;
}

int nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned* minor) {
  const int result = mock_check(device, minor);
  if (result == kSuccess) *minor = device->minor;
  return result;
}

int nvmlDeviceGetBrand(nvmlDevice_t device, int* brand) {
  const int result = mock_check(device, brand);
  if (result == kSuccess) *brand = device->brand;
  return result;
}

int nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int* major, int* minor) {
  const int result = mock_check(device, major);
  if (result != kSuccess) return result;
  if (minor == NULL) return kInvalidArgument;
  *major = device->capability_major;
  *minor = device->capability_minor;
  return kSuccess;
}
