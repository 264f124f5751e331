// SPDX-License-Identifier: Apache-2.0
// A libcuda.so.1 to test cuda_add with. Its GPU is the processor, and the only kernel that it has
// adds two vectors. With FAKE_CUDA_WRONG in the environment the last sum is wrong.
#include <stdlib.h>
#include <string.h>

enum { kSuccess = 0, kInvalidValue = 1 };

typedef unsigned long long Address;

static int marker;

int cuInit(unsigned flags) { return flags == 0 ? kSuccess : kInvalidValue; }

int cuGetErrorString(int error, const char** text) {
  *text = error == kSuccess ? "no error" : "invalid argument";
  return kSuccess;
}

int cuDriverGetVersion(int* version) {
  *version = 12040;
  return kSuccess;
}

int cuDeviceGetCount(int* count) {
  *count = 1;
  return kSuccess;
}

int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return ordinal == 0 ? kSuccess : kInvalidValue;
}

int cuDeviceGetName(char* name, int length, int device) {
  if (device != 0 || length < 16) return kInvalidValue;
  strcpy(name, "the \"fake\" GPU");
  return kSuccess;
}

int cuCtxCreate_v2(void** context, unsigned flags, int device) {
  *context = &marker;
  return flags == 0 && device == 0 ? kSuccess : kInvalidValue;
}

int cuCtxDestroy_v2(void* context) { return context == &marker ? kSuccess : kInvalidValue; }

int cuModuleLoadData(void** module, const void* image) {
  *module = &marker;
  return strstr(image, ".entry add(") != NULL ? kSuccess : kInvalidValue;
}

int cuModuleGetFunction(void** function, void* module, const char* name) {
  *function = &marker;
  return module == &marker && strcmp(name, "add") == 0 ? kSuccess : kInvalidValue;
}

int cuMemAlloc_v2(Address* address, size_t size) {
  void* memory = calloc(1, size);
  memcpy(address, &memory, sizeof memory);
  return memory != NULL ? kSuccess : kInvalidValue;
}

static void* pointer_of(Address address) {
  void* pointer = NULL;
  memcpy(&pointer, &address, sizeof pointer);
  return pointer;
}

int cuMemcpyHtoD_v2(Address to, const void* from, size_t size) {
  memcpy(pointer_of(to), from, size);
  return kSuccess;
}

int cuMemcpyDtoH_v2(void* to, Address from, size_t size) {
  memcpy(to, pointer_of(from), size);
  return kSuccess;
}

int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                   void* stream, void** parameters, void** extra) {
  const float* a = pointer_of(*(Address*)parameters[0]);
  const float* b = pointer_of(*(Address*)parameters[1]);
  float* sum = pointer_of(*(Address*)parameters[2]);
  const unsigned count = *(unsigned*)parameters[3];
  if (function != &marker || grid_y * grid_z * block_y * block_z != 1 || shared != 0 ||
      stream != NULL || extra != NULL) {
    return kInvalidValue;
  }
  for (unsigned i = 0; i < grid_x * block_x && i < count; ++i) sum[i] = a[i] + b[i];
  if (getenv("FAKE_CUDA_WRONG") != NULL) sum[count - 1] += 1;
  return kSuccess;
}

int cuCtxSynchronize(void) { return kSuccess; }
