// SPDX-License-Identifier: Apache-2.0
// libnvidia-opencl of the tests: a platform whose devices only can be counted.
#include <CL/cl_icd.h>
#include <string.h>

#include "gpus.h"

#define EXPORT __attribute__((visibility("default")))

struct _cl_platform_id {
  cl_icd_dispatch* dispatch;
};
struct _cl_device_id {
  cl_icd_dispatch* dispatch;
};

static cl_icd_dispatch functions;
static struct _cl_platform_id platform = {&functions};
static struct _cl_device_id devices[64];

static cl_int get_platform_info(cl_platform_id of, cl_platform_info name, size_t size, void* value,
                                size_t* needed) {
  (void)of;
  const char* text = name == CL_PLATFORM_EXTENSIONS       ? "cl_khr_icd"
                     : name == CL_PLATFORM_ICD_SUFFIX_KHR ? "NV"
                     : name == CL_PLATFORM_VERSION        ? "OpenCL 1.2"
                                                          : "simulated";
  if (needed != NULL) *needed = strlen(text) + 1;
  if (value != NULL && size > strlen(text)) strcpy(value, text);
  return CL_SUCCESS;
}

static cl_int get_device_ids(cl_platform_id of, cl_device_type type, cl_uint room,
                             cl_device_id* found, cl_uint* count) {
  (void)of;
  (void)type;
  const unsigned gpus = count_gpus();
  for (unsigned i = 0; found != NULL && i < gpus && i < room && i < 64; ++i) {
    devices[i].dispatch = &functions;
    found[i] = &devices[i];
  }
  if (count != NULL) *count = gpus;
  return gpus == 0 ? CL_DEVICE_NOT_FOUND : CL_SUCCESS;
}

EXPORT cl_int clIcdGetPlatformIDsKHR(cl_uint room, cl_platform_id* found, cl_uint* count) {
  functions.clGetPlatformInfo = get_platform_info;
  functions.clGetDeviceIDs = get_device_ids;
  if (found != NULL && room > 0) found[0] = &platform;
  if (count != NULL) *count = 1;
  return CL_SUCCESS;
}

EXPORT void* clGetExtensionFunctionAddress(const char* name) {
  if (strcmp(name, "clIcdGetPlatformIDsKHR") == 0) return (void*)clIcdGetPlatformIDsKHR;
  return strcmp(name, "clGetPlatformInfo") == 0 ? (void*)get_platform_info : NULL;
}
