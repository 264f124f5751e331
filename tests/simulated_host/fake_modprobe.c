// SPDX-License-Identifier: Apache-2.0
// A modprobe for a simulated host, which is a directory with this program as /sbin/modprobe. It
// writes its arguments to /modprobe.log, and "loads" a module by moving the contents of
// /loads/<module> to where the kernel would show them. With /modprobe.hangs or /modprobe.fails it
// hangs or fails.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { kHangSeconds = 60, kMaxPath = 4096 };  // so that a failed test ends

extern char** environ;

static char root[kMaxPath];

static const char* below(const char* name, char* path) {
  snprintf(path, 2 * kMaxPath, "%s/%s", root, name);
  return path;
}

static int exists(const char* name) {
  char path[2 * kMaxPath];
  return access(below(name, path), F_OK) == 0;
}

static void tell(char* const* words) {
  char path[2 * kMaxPath];
  FILE* log = fopen(below("modprobe.log", path), "a");
  if (log == NULL) return;
  for (; *words != NULL; ++words) fprintf(log, "%s\n", *words);
  fclose(log);
}

static void load(const char* module) {
  static const char* const kPlaces[][2] = {{"nvidia", "proc/driver/nvidia"},
                                           {"nvidia-uvm", "proc/devices"},
                                           {"nvidia-modeset", "sys/module/nvidia_modeset"}};
  for (unsigned i = 0; i < sizeof kPlaces / sizeof *kPlaces; ++i) {
    char name[64];
    char from[2 * kMaxPath];
    char to[2 * kMaxPath];
    if (strcmp(module, kPlaces[i][0]) != 0) continue;
    snprintf(name, sizeof name, "loads/%s", module);
    if (rename(below(name, from), below(kPlaces[i][1], to)) != 0) perror(module);
  }
}

int main(int argc, char** argv) {
  if (readlink("/proc/self/exe", root, sizeof root - 1) < 0) return 2;
  for (int i = 0; i < 2; ++i) *strrchr(root, '/') = '\0';
  tell(argv);
  tell(environ);
  if (exists("modprobe.hangs")) {
    signal(SIGTERM, SIG_IGN);
    alarm(kHangSeconds);
    for (;;) pause();
  }
  if (exists("modprobe.fails")) {
    fprintf(stderr, "modprobe: FATAL: Module %s not found\n", argv[argc - 1]);
    return 1;
  }
  load(argv[argc - 1]);
  return 0;
}
