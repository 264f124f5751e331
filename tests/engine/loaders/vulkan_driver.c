// SPDX-License-Identifier: Apache-2.0
// libGLX_nvidia of the tests: a Vulkan driver whose devices have a name and nothing else.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_icd.h>

#include "gpus.h"

#define EXPORT __attribute__((visibility("default")))
enum { MAX_GPUS = 64 };

/// The loader writes its own pointer over the first member of each object.
typedef struct {
  VK_LOADER_DATA loader;
  unsigned index;
} Device;
typedef struct {
  VK_LOADER_DATA loader;
  Device devices[MAX_GPUS];
} Instance;

static VkResult create_instance(const VkInstanceCreateInfo* info,
                                const VkAllocationCallbacks* allocator, VkInstance* made) {
  (void)info;
  (void)allocator;
  Instance* instance = calloc(1, sizeof *instance);
  if (instance == NULL) return VK_ERROR_OUT_OF_HOST_MEMORY;
  set_loader_magic_value(instance);
  *made = (VkInstance)instance;
  return VK_SUCCESS;
}

static VkResult no_extensions(const char* layer, uint32_t* count, void* properties) {
  (void)layer;
  (void)properties;
  *count = 0;
  return VK_SUCCESS;
}

static VkResult no_extensions_of_device(VkPhysicalDevice device, const char* layer, uint32_t* count,
                                        void* properties) {
  (void)device;
  return no_extensions(layer, count, properties);
}

static VkResult enumerate_devices(VkInstance of, uint32_t* count, VkPhysicalDevice* found) {
  Device* devices = ((Instance*)of)->devices;
  const unsigned gpus = count_gpus();
  for (unsigned i = 0; found != NULL && i < gpus && i < *count && i < MAX_GPUS; ++i) {
    set_loader_magic_value(&devices[i]);
    devices[i].index = i;
    found[i] = (VkPhysicalDevice)&devices[i];
  }
  *count = gpus;
  return VK_SUCCESS;
}

static void get_properties(VkPhysicalDevice device, VkPhysicalDeviceProperties* properties) {
  memset(properties, 0, sizeof *properties);
  properties->apiVersion = VK_API_VERSION_1_0;
  properties->vendorID = 0x10de;
  properties->deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  snprintf(properties->deviceName, sizeof properties->deviceName, "simulated GPU %u",
           ((const Device*)device)->index);
}

/// The loader wants many functions to be there, and the tests call none of them.
static void nothing(void) {}

static PFN_vkVoidFunction find(const char* name) {
  static const struct {
    const char* name;
    PFN_vkVoidFunction function;
  } known[] = {
      {"vkCreateInstance", (PFN_vkVoidFunction)create_instance},
      {"vkEnumerateInstanceExtensionProperties", (PFN_vkVoidFunction)no_extensions},
      {"vkEnumerateDeviceExtensionProperties", (PFN_vkVoidFunction)no_extensions_of_device},
      {"vkEnumeratePhysicalDevices", (PFN_vkVoidFunction)enumerate_devices},
      {"vkGetPhysicalDeviceProperties", (PFN_vkVoidFunction)get_properties},
      {"vkDestroyInstance", nothing},
      {"vkCreateDevice", nothing},
      {"vkGetDeviceProcAddr", nothing},
      {"vkGetPhysicalDeviceFeatures", nothing},
      {"vkGetPhysicalDeviceFormatProperties", nothing},
      {"vkGetPhysicalDeviceImageFormatProperties", nothing},
      {"vkGetPhysicalDeviceMemoryProperties", nothing},
      {"vkGetPhysicalDeviceQueueFamilyProperties", nothing},
      {"vkGetPhysicalDeviceSparseImageFormatProperties", nothing},
  };
  for (unsigned i = 0; i < sizeof known / sizeof known[0]; ++i) {
    if (strcmp(known[i].name, name) == 0) return known[i].function;
  }
  return NULL;
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance of,
                                                                          const char* name) {
  (void)of;
  return find(name);
}

EXPORT VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t* version) {
  if (*version > 3) *version = 3;
  return VK_SUCCESS;
}
