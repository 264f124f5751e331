// SPDX-License-Identifier: Apache-2.0
// Runs inside a test container: what the kernel lets it open, and what its loader finds.
//
//   inspect open PATH...           one line per path: PATH and the errno's name, or `opened`
//   inspect load SONAME SYMBOL     the file that dlopen took, or the loader's message
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char* name_of(int error) {
  switch (error) {
    case EPERM:
      return "EPERM";
    case ENOENT:
      return "ENOENT";
    case ENXIO:
      return "ENXIO";
    case EACCES:
      return "EACCES";
    case ENODEV:
      return "ENODEV";
    case EIO:
      return "EIO";
    default:
      return strerror(error);
  }
}

static int open_all(char** paths) {
  for (; *paths != NULL; ++paths) {
    const int fd = open(*paths, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    printf("%s %s\n", *paths, fd < 0 ? name_of(errno) : "opened");
    if (fd >= 0) close(fd);
  }
  return EXIT_SUCCESS;
}

static int load(const char* soname, const char* symbol) {
  struct link_map* map = NULL;
  void* library = dlopen(soname, RTLD_NOW);
  if (library == NULL || dlsym(library, symbol) == NULL ||
      dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) {
    printf("%s %s\n", soname, dlerror());
    return EXIT_FAILURE;
  }
  char* file = realpath(map->l_name, NULL);
  printf("%s %s\n", soname, file == NULL ? map->l_name : file);
  free(file);
  return EXIT_SUCCESS;
}

int main(int argc, char** argv) {
  if (argc >= 2 && strcmp(argv[1], "open") == 0) return open_all(argv + 2);
  if (argc == 4 && strcmp(argv[1], "load") == 0) return load(argv[2], argv[3]);
  fputs("usage: inspect open PATH... | inspect load SONAME SYMBOL\n", stderr);
  return EXIT_FAILURE;
}
