// SPDX-License-Identifier: Apache-2.0
// Runs inside a container: makes device nodes by number and prints what the kernel lets it do with
// them.
//
//   try_node DIRECTORY MAJOR:MINOR...   one line each: MAJOR:MINOR, and `opened` or the failed call
//   with the errno's name
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char* name_of(int error) {
  switch (error) {
    case EPERM:
      return "EPERM";
    case EACCES:
      return "EACCES";
    case ENXIO:
      return "ENXIO";
    case ENODEV:
      return "ENODEV";
    case EIO:
      return "EIO";
    default:
      return strerror(error);
  }
}

static void try_open(const char* name, const char* path) {
  const int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    printf("%s open %s\n", name, name_of(errno));
  } else {
    printf("%s opened\n", name);
    close(fd);
  }
}

static void try_number(const char* directory, const char* number) {
  char path[PATH_MAX];
  unsigned major_number = 0;
  unsigned minor_number = 0;
  if (sscanf(number, "%u:%u", &major_number, &minor_number) != 2) {
    printf("%s is not MAJOR:MINOR\n", number);
    return;
  }
  snprintf(path, sizeof path, "%s/verify-%s", directory, number);
  if (mknod(path, S_IFCHR | 0666, makedev(major_number, minor_number)) != 0) {
    printf("%s mknod %s\n", number, name_of(errno));
    return;
  }
  try_open(number, path);
  unlink(path);
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fputs("usage: try_node DIRECTORY PATH|MAJOR:MINOR...\n", stderr);
    return EXIT_FAILURE;
  }
  for (int i = 2; i < argc; ++i) {
    if (argv[i][0] == '/') {
      try_open(argv[i], argv[i]);
    } else {
      try_number(argv[1], argv[i]);
    }
  }
  return EXIT_SUCCESS;
}
