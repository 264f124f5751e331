// SPDX-License-Identifier: Apache-2.0
// Runs inside a test container: how many of the driver's GPUs its loader shows.
//
//   count_gpus vulkan|egl|opencl
#include <CL/cl.h>
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

enum { ROOM = 64 };

static void* function_of(const char* library, const char* name) {
  void* loaded = dlopen(library, RTLD_NOW);
  void* function = loaded == NULL ? NULL : dlsym(loaded, name);
  if (function == NULL) {
    printf("no loader: %s\n", dlerror());
    exit(EXIT_FAILURE);
  }
  return function;
}

static unsigned count_vulkan(void) {
  PFN_vkGetInstanceProcAddr find =
      (PFN_vkGetInstanceProcAddr)function_of("libvulkan.so.1", "vkGetInstanceProcAddr");
  PFN_vkCreateInstance create = (PFN_vkCreateInstance)find(NULL, "vkCreateInstance");
  const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  VkInstance instance = NULL;
  if (create(&info, NULL, &instance) != VK_SUCCESS) return 0;
  PFN_vkEnumeratePhysicalDevices enumerate =
      (PFN_vkEnumeratePhysicalDevices)find(instance, "vkEnumeratePhysicalDevices");
  PFN_vkGetPhysicalDeviceProperties describe =
      (PFN_vkGetPhysicalDeviceProperties)find(instance, "vkGetPhysicalDeviceProperties");
  VkPhysicalDevice devices[ROOM];
  uint32_t count = ROOM;
  if (enumerate(instance, &count, devices) < 0) return 0;
  unsigned ours = 0;
  for (uint32_t i = 0; i < count; ++i) {
    VkPhysicalDeviceProperties properties;
    describe(devices[i], &properties);
    if (strncmp(properties.deviceName, "simulated", 9) == 0) ++ours;
  }
  return ours;
}

static unsigned count_egl(void) {
  typedef __eglMustCastToProperFunctionPointerType (*Find)(const char*);
  Find find = (Find)function_of("libEGL.so.1", "eglGetProcAddress");
  PFNEGLQUERYDEVICESEXTPROC enumerate = (PFNEGLQUERYDEVICESEXTPROC)find("eglQueryDevicesEXT");
  PFNEGLQUERYDEVICESTRINGEXTPROC describe =
      (PFNEGLQUERYDEVICESTRINGEXTPROC)find("eglQueryDeviceStringEXT");
  EGLDeviceEXT devices[ROOM];
  EGLint count = 0;
  if (!enumerate(ROOM, devices, &count)) return 0;
  unsigned ours = 0;
  for (EGLint i = 0; i < count; ++i) {
    const char* text = describe(devices[i], EGL_EXTENSIONS);
    if (text != NULL && strcmp(text, "simulated") == 0) ++ours;
  }
  return ours;
}

static unsigned count_opencl(void) {
  typedef cl_int (*Platforms)(cl_uint, cl_platform_id*, cl_uint*);
  typedef cl_int (*Devices)(cl_platform_id, cl_device_type, cl_uint, cl_device_id*, cl_uint*);
  Platforms platforms = (Platforms)function_of("libOpenCL.so.1", "clGetPlatformIDs");
  Devices devices = (Devices)function_of("libOpenCL.so.1", "clGetDeviceIDs");
  cl_platform_id found[ROOM];
  cl_uint count = 0;
  unsigned ours = 0;
  if (platforms(ROOM, found, &count) != CL_SUCCESS) return 0;
  for (cl_uint i = 0; i < count; ++i) {
    cl_uint gpus = 0;
    if (devices(found[i], CL_DEVICE_TYPE_ALL, 0, NULL, &gpus) == CL_SUCCESS) ours += gpus;
  }
  return ours;
}

int main(int argc, char** argv) {
  const char* api = argc == 2 ? argv[1] : "";
  const unsigned count = strcmp(api, "vulkan") == 0 ? count_vulkan()
                         : strcmp(api, "egl") == 0  ? count_egl()
                                                    : count_opencl();
  printf("%s %u\n", api, count);
  return EXIT_SUCCESS;
}
