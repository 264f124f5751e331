// SPDX-License-Identifier: Apache-2.0
// Has a file open until standard input ends. No driver is behind the simulated nodes, so it opens
// the node itself, without access (O_PATH): for the kernel an opened file as any other.
//
//   hold PATH
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 2 || open(argv[1], O_PATH) < 0) return 1;
  puts("held");
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
