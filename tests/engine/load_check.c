// SPDX-License-Identifier: Apache-2.0
// Runs inside a test container, with the C library of its image: which files its loader takes.
//
//   load_check NAME[,SYMBOL]...    one line per library: NAME and the file, or NAME and why not
//
// Each is loaded by a process of its own: nothing that one brought along helps the next.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int load(const char* name, const char* symbol) {
  struct link_map* map = NULL;
  void* library = dlopen(name, RTLD_NOW);
  if (library == NULL || (symbol != NULL && dlsym(library, symbol) == NULL) ||
      dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) {
    printf("%s not loaded: %s\n", name, dlerror());
    return EXIT_FAILURE;
  }
  char* file = realpath(map->l_name, NULL);
  printf("%s %s\n", name, file == NULL ? map->l_name : file);
  free(file);
  return EXIT_SUCCESS;
}

/// Without the destructors of what was loaded: they are not what is tried.
static void load_and_end(char* argument) {
  char* symbol = strchr(argument, ',');
  if (symbol != NULL) *symbol++ = '\0';
  const int status = load(argument, symbol);
  fflush(stdout);
  _exit(status);
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    int status = 0;
    const pid_t child = fork();
    if (child == 0) load_and_end(argv[i]);
    if (child < 0 || waitpid(child, &status, 0) != child) return EXIT_FAILURE;
    if (!WIFSIGNALED(status)) continue;
    printf("%s not loaded: signal %d\n", argv[i], WTERMSIG(status));
    fflush(stdout);
  }
  return EXIT_SUCCESS;
}
