// SPDX-License-Identifier: Apache-2.0
// A small nvidia-smi: like the real one it finds libnvidia-ml.so.1 through the loader and lists the
// GPUs that the library reports.
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { kTextLength = 96, kExitUsage = 2, kExitNvmlFailed = 9, kExitLibraryMissing = 12 };

typedef void* Device;

static struct {
  int (*init)(void);
  int (*shutdown)(void);
  const char* (*error_string)(int);
  int (*driver_version)(char*, unsigned);
  int (*count)(unsigned*);
  int (*handle)(unsigned, Device*);
  int (*name)(Device, char*, unsigned);
  int (*uuid)(Device, char*, unsigned);
} nvml;

/// ISO C has no conversion from an object pointer to a function pointer; POSIX guarantees that the
/// bytes are the same.
static int look_up(void* library, const char* symbol, void* function) {
  void* found = dlsym(library, symbol);
  memcpy(function, &found, sizeof found);
  return found != NULL;
}

static int load_nvml(void) {
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
  if (library == NULL) return 0;
  return look_up(library, "nvmlInit_v2", &nvml.init) &&
         look_up(library, "nvmlShutdown", &nvml.shutdown) &&
         look_up(library, "nvmlErrorString", &nvml.error_string) &&
         look_up(library, "nvmlSystemGetDriverVersion", &nvml.driver_version) &&
         look_up(library, "nvmlDeviceGetCount_v2", &nvml.count) &&
         look_up(library, "nvmlDeviceGetHandleByIndex_v2", &nvml.handle) &&
         look_up(library, "nvmlDeviceGetName", &nvml.name) &&
         look_up(library, "nvmlDeviceGetUUID", &nvml.uuid);
}

static int print_gpu(unsigned index) {
  Device device = NULL;
  char name[kTextLength] = "";
  char uuid[kTextLength] = "";
  int result = nvml.handle(index, &device);
  if (result == 0) result = nvml.name(device, name, sizeof name);
  if (result == 0) result = nvml.uuid(device, uuid, sizeof uuid);
  if (result == 0) printf("GPU %u: %s (UUID: %s)\n", index, name, uuid);
  return result;
}

static int print_gpus(int with_driver) {
  char driver[kTextLength] = "";
  unsigned count = 0;
  int result = nvml.init();
  if (result == 0) result = nvml.driver_version(driver, sizeof driver);
  if (result == 0) result = nvml.count(&count);
  if (result == 0 && with_driver) printf("NVIDIA-SMI (simulated), driver version %s\n", driver);
  for (unsigned index = 0; result == 0 && index < count; ++index) result = print_gpu(index);
  if (result != 0) {
    printf("Failed to initialize NVML: %s\n", nvml.error_string(result));
    return kExitNvmlFailed;
  }
  if (count == 0) puts("No devices found.");
  nvml.shutdown();
  return 0;
}

int main(int argc, char** argv) {
  const int list = argc == 2 && strcmp(argv[1], "-L") == 0;
  if (argc != 1 && !list) {
    fputs("usage: nvidia-smi [-L]\n", stderr);
    return kExitUsage;
  }
  if (!load_nvml()) {
    puts("NVIDIA-SMI couldn't find libNVIDIA-ML.so library in your system.");
    return kExitLibraryMissing;
  }
  return print_gpus(!list);
}
