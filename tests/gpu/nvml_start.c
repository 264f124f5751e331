// SPDX-License-Identifier: Apache-2.0
// What it costs a program to use NVML: loads libnvidia-ml.so.1, initialises it and shuts it down.
// The caller measures the time.
//
//   nvml_start    exit status 0: NVML started; otherwise one line says why not
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*Function)(void);

static Function function_of(void* library, const char* symbol) {
  Function function = NULL;
  void* found = dlsym(library, symbol);
  memcpy(&function, &found, sizeof found);
  return function;
}

int main(void) {
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
  if (library == NULL) {
    puts(dlerror());
    return EXIT_FAILURE;
  }
  const Function start = function_of(library, "nvmlInit_v2");
  const Function stop = function_of(library, "nvmlShutdown");
  if (start == NULL || stop == NULL) {
    puts("libnvidia-ml.so.1 has no nvmlInit_v2 or no nvmlShutdown");
    return EXIT_FAILURE;
  }
  const int status = start();
  if (status != 0) {
    printf("nvmlInit_v2 ended with %d\n", status);
    return EXIT_FAILURE;
  }
  stop();
  return EXIT_SUCCESS;
}
