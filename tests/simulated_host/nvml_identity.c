// SPDX-License-Identifier: Apache-2.0
// A libnvidia-ml.so.1 that fails. Its error text lists what the process is allowed to do, which the
// tests read.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char** environ;

static unsigned capability_bits(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  memset(data, 0, sizeof data);
  if (syscall(SYS_capget, &header, data) != 0) return ~0U;
  return data[0].effective | data[1].effective | data[0].permitted | data[1].permitted |
         data[0].inheritable | data[1].inheritable;
}

static int bounding_count(void) {
  int count = 0;
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    count += prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
  }
  return count;
}

static int variable_count(void) {
  int count = 0;
  while (environ[count] != NULL) ++count;
  return count;
}

static int open_descriptors(void) {
  int count = 0;
  for (int fd = 3; fd < 256; ++fd) count += dup2(fd, fd) == fd;
  return count;
}

/// If the test's pipes exist: writes the pid, and waits until the test has reacted.
static void meet(void) {
  const pid_t self = getpid();
  char done = 0;
  const int out = open("/met", O_WRONLY);
  if (out < 0 || write(out, &self, sizeof self) < 0) return;
  const int in = open("/done", O_RDONLY);
  if (in < 0 || read(in, &done, 1) < 0) return;
  close(in);
  close(out);
}

int nvmlInit_v2(void) {
  meet();
  return 1;
}
int nvmlShutdown(void) { return 0; }

const char* nvmlErrorString(int result) {
  static char text[512];
  struct rlimit core = {1, 1}, files = {0, 0}, file_size = {0, 0}, cpu = {0, 0};
  int death_signal = 0;
  char directory[64] = "";
  uid_t real = 0, effective = 0, saved = 0;
  getresuid(&real, &effective, &saved);
  getrlimit(RLIMIT_CORE, &core);
  getrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_FSIZE, &file_size);
  getrlimit(RLIMIT_CPU, &cpu);
  prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);
  if (getcwd(directory, sizeof directory) == NULL) directory[0] = '\0';
  snprintf(
      text, sizeof text,
      "%d uid=%d/%d/%d gid=%d/%d groups=%d capabilities=%x bounding=%d nnp=%d core=%lu "
      "files=%lu size=%lu cpu=%lu death=%d session=%d cwd=%s variables=%d path=%s descriptors=%d",
      result, (int)real, (int)effective, (int)saved, (int)getgid(), (int)getegid(),
      getgroups(0, NULL), capability_bits(), bounding_count(),
      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), (unsigned long)core.rlim_max,
      (unsigned long)files.rlim_max, (unsigned long)file_size.rlim_max, (unsigned long)cpu.rlim_max,
      death_signal == SIGKILL, getsid(0) == getpid(), directory, variable_count(), getenv("PATH"),
      open_descriptors());
  return text;
}
