// SPDX-License-Identifier: Apache-2.0
// Stands in for a hook: runs a program with the container's state, and appends what that cost to a
// file. It is static and small, because the peak memory of a process includes what its parent had.
//
//   stopwatch FILE PROCFS PROGRAM [ARGUMENT...]
//
// It appends `WALL USER SYSTEM RSS MINOR MAJOR STATUS`. Times are in microseconds (the wall time
// has three decimals), memory is in KiB. PROCFS is the container's procfs; the host's /proc/driver
// is mounted there first, because the kernel module of a real driver would show it. `-`: not
// needed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kFailed = 127, kSignal = 128, kMaxState = 60000 };

extern char** environ;

static char state[kMaxState + 1];

static int fail(const char* what) {
  fprintf(stderr, "stopwatch: %s: %s\n", what, strerror(errno));
  exit(kFailed);
}

static size_t read_state(void) {
  size_t length = 0;
  ssize_t got;
  while ((got = read(0, state + length, kMaxState - length)) > 0) length += (size_t)got;
  if (got < 0) fail("read the state");
  return length;
}

static int pid_of_state(void) {
  const char* place = strstr(state, "\"pid\":");
  return place == NULL ? 0 : atoi(place + strlen("\"pid\":"));
}

static int wait_for(pid_t child, struct rusage* used) {
  int status = 0;
  while (wait4(child, &status, 0, used) < 0) {
    if (errno != EINTR) fail("wait");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignal + WTERMSIG(status);
}

// Runs in a child, which enters the container's mount namespace.
static void show_driver(const char* procfs) {
  char target[4096];
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child != 0) {
    if (wait_for(child, NULL) != 0) exit(kFailed);
    return;
  }
  const int container = (int)syscall(SYS_pidfd_open, pid_of_state(), 0);
  if (container < 0 || setns(container, CLONE_NEWNS) != 0) fail("enter the container");
  snprintf(target, sizeof target, "%s/driver", procfs);
  if (mount("/proc/driver", target, NULL, MS_BIND | MS_REC, NULL) != 0) fail("mount /proc/driver");
  _exit(0);
}

// Returns a pipe that contains the state, as a runtime passes it.
static int state_pipe(size_t length) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
  if (write(ends[1], state, length) != (ssize_t)length) fail("write the state");
  close(ends[1]);
  return ends[0];
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static long microseconds(struct timeval time) { return time.tv_sec * 1000000L + time.tv_usec; }

// Takes real-time priority if that is permitted.
static void go_first(void) {
  const struct sched_param first = {.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_FIFO, &first) != 0) setpriority(PRIO_PROCESS, 0, -20);
}

static int measure(int file, char** command) {
  posix_spawn_file_actions_t actions;
  struct rusage used;
  char line[200];
  pid_t child;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, state_pipe(strlen(state)), 0);
  go_first();
  const double start = now_us();
  errno = posix_spawnp(&child, command[0], &actions, NULL, command, environ);
  if (errno != 0) fail(command[0]);
  const int status = wait_for(child, &used);
  const double wall = now_us() - start;
  const int length = snprintf(line, sizeof line, "%.3f %ld %ld %ld %ld %ld %d\n", wall,
                              microseconds(used.ru_utime), microseconds(used.ru_stime),
                              used.ru_maxrss, used.ru_minflt, used.ru_majflt, status);
  if (write(file, line, (size_t)length) != length) fail("write the figures");
  return status;
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fputs("usage: stopwatch FILE PROCFS PROGRAM [ARGUMENT...]\n", stderr);
    return 2;
  }
  const int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) fail(argv[1]);
  state[read_state()] = 0;
  if (strcmp(argv[2], "-") != 0) show_driver(argv[2]);
  return measure(file, argv + 3);
}
