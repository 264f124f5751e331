// SPDX-License-Identifier: Apache-2.0
// libEGL_nvidia of the tests: a vendor of GLVND that lists devices and opens no display.
#include <stddef.h>
#include <string.h>

#include "glvnd/libeglabi.h"
#include "gpus.h"

#define EXPORT __attribute__((visibility("default")))
enum { MAX_GPUS = 64 };

static char devices[MAX_GPUS];  // a device is an address in here

static EGLBoolean query_devices(EGLint room, EGLDeviceEXT* found, EGLint* count) {
  const unsigned gpus = count_gpus();
  for (unsigned i = 0; found != NULL && i < gpus && i < (unsigned)room && i < MAX_GPUS; ++i) {
    found[i] = &devices[i];
  }
  *count = (EGLint)gpus;
  return EGL_TRUE;
}

static const char* query_device_string(EGLDeviceEXT device, EGLint name) {
  (void)name;
  const char* address = device;
  const int is_ours = address >= devices && address < devices + MAX_GPUS;
  return is_ours ? "simulated" : "of another vendor";
}

static const char* query_string(EGLDisplay display, EGLint name) {
  if (display != EGL_NO_DISPLAY || name != EGL_EXTENSIONS) return NULL;
  return "EGL_EXT_client_extensions EGL_EXT_device_base EGL_EXT_device_enumeration "
         "EGL_EXT_device_query";
}

/// The loader wants all functions of EGL to be there, and the tests call none of the others.
static void* nothing(void) { return NULL; }

static void* get_address(const char* name) {
  if (strcmp(name, "eglQueryDevicesEXT") == 0) return (void*)query_devices;
  if (strcmp(name, "eglQueryDeviceStringEXT") == 0) return (void*)query_device_string;
  if (strcmp(name, "eglQueryString") == 0) return (void*)query_string;
  const char* end = name + strlen(name) - 3;
  const int is_extension = strcmp(end, "EXT") == 0 || strcmp(end, "KHR") == 0;
  return strncmp(name, "egl", 3) == 0 && !is_extension ? (void*)nothing : NULL;
}

static EGLDisplay no_display(EGLenum platform, void* native, const EGLAttrib* attributes) {
  (void)platform;
  (void)native;
  (void)attributes;
  return EGL_NO_DISPLAY;
}

static EGLBoolean supports_api(EGLenum api) { return api == EGL_OPENGL_API; }

/// What the loader hands to programs, for the devices of all vendors.
static void* get_dispatch(const char* name) {
  return strcmp(name, "eglQueryDeviceStringEXT") == 0 ? (void*)query_device_string : NULL;
}

static void take_index(const char* name, int index) {
  (void)name;
  (void)index;
}

EXPORT EGLBoolean __egl_Main(uint32_t version, const __EGLapiExports* exports,
                             __EGLvendorInfo* vendor, __EGLapiImports* imports) {
  (void)exports;
  (void)vendor;
  if (EGL_VENDOR_ABI_GET_MAJOR_VERSION(version) != EGL_VENDOR_ABI_MAJOR_VERSION) return EGL_FALSE;
  imports->getPlatformDisplay = no_display;
  imports->getSupportsAPI = supports_api;
  imports->getProcAddress = get_address;
  imports->getDispatchAddress = get_dispatch;
  imports->setDispatchIndex = take_index;
  return EGL_TRUE;
}
