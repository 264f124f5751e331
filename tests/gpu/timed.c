// SPDX-License-Identifier: Apache-2.0
// Runs a program and appends to a file how long it took and how it ended. It is static and small,
// so that it adds nothing to the time.
//
//   timed FILE PROGRAM [ARGUMENT...]      appends `NANOSECONDS STATUS`; ends as the program does
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kCannotRun = 127, kSignal = 128 };

extern char** environ;

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char** argv) {
  pid_t child = 0;
  int status = 0;
  char line[64];
  if (argc < 3) {
    fputs("usage: timed FILE PROGRAM [ARGUMENT...]\n", stderr);
    return 2;
  }
  const int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) {
    fprintf(stderr, "timed: open %s: %s\n", argv[1], strerror(errno));
    return kCannotRun;
  }
  const long long start = now_ns();
  const int error = posix_spawn(&child, argv[2], NULL, NULL, argv + 2, environ);
  if (error != 0) {
    fprintf(stderr, "timed: run %s: %s\n", argv[2], strerror(error));
    return kCannotRun;
  }
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  const long long taken = now_ns() - start;
  const int ended = WIFEXITED(status) ? WEXITSTATUS(status) : kSignal + WTERMSIG(status);
  const int length = snprintf(line, sizeof line, "%lld %d\n", taken, ended);
  if (write(file, line, (size_t)length) != length) return kCannotRun;
  return ended;
}
