// SPDX-License-Identifier: Apache-2.0
// Runs inside a test container: makes Vulkan's loader load every driver that it finds. With
// VK_LOADER_DEBUG=all it tells which.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef int (*EnumerateExtensions)(const char* layer, uint32_t* count, void* properties);

int main(void) {
  uint32_t count = 0;
  void* loader = dlopen("libvulkan.so.1", RTLD_NOW);
  EnumerateExtensions enumerate = NULL;
  if (loader != NULL) {
    *(void**)&enumerate = dlsym(loader, "vkEnumerateInstanceExtensionProperties");
  }
  if (enumerate == NULL) {
    printf("no loader: %s\n", dlerror());
    return EXIT_FAILURE;
  }
  printf("result %d, %u extensions\n", enumerate(NULL, &count, NULL), count);
  return EXIT_SUCCESS;
}
