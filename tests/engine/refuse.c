// SPDX-License-Identifier: Apache-2.0
// Runs a command on what looks like an older kernel: system calls that it makes are refused.
//
// refuse LOG ENOSYS|EPERM CALL[,CALL...] -- COMMAND [ARGUMENT...]
//
// CALL is a name of the table below. `bpf-replace`: bpf(2) knows no BPF_F_REPLACE, and says EINVAL
// as kernels before 5.6 do. `bpf-read`: it says nothing of a program (EPERM). `bpf-hidden`: it says
// nothing, but succeeds, as it does for instructions with net.core.bpf_jit_harden = 2. How often
// each was refused is added to LOG, a line each. The command's exit status is ours. A supervisor
// answers (seccomp user notification), because a filter alone can neither count nor read what a
// pointer leads to.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

struct call {
  const char* name;
  int number;
  int is_refused;
  unsigned count;
};

static struct call calls[] = {
    {"openat2", SYS_openat2, 0, 0},
    {"open_tree", SYS_open_tree, 0, 0},
    {"move_mount", SYS_move_mount, 0, 0},
    {"fsopen", SYS_fsopen, 0, 0},
    {"fsconfig", SYS_fsconfig, 0, 0},
    {"fsmount", SYS_fsmount, 0, 0},
    {"mount_setattr", SYS_mount_setattr, 0, 0},
    {"pidfd_open", SYS_pidfd_open, 0, 0},
    {"close_range", SYS_close_range, 0, 0},
    {"statx", SYS_statx, 0, 0},
    {"bpf-replace", SYS_bpf, 0, 0},
    {"bpf-read", SYS_bpf, 0, 0},
    {"bpf-hidden", SYS_bpf, 0, 0},
};
enum { CALLS = sizeof calls / sizeof calls[0], MAX_PROGRAM = 2 * CALLS + 8 };

static void fail(const char* what) {
  fprintf(stderr, "refuse: %s: %s\n", what, strerror(errno));
  exit(125);
}

static void choose(char* names) {
  for (char* name = strtok(names, ","); name != NULL; name = strtok(NULL, ",")) {
    int found = 0;
    for (int i = 0; i < CALLS; ++i) {
      if (strcmp(calls[i].name, name) == 0) found = calls[i].is_refused = 1;
    }
    if (!found) {
      errno = EINVAL;
      fail(name);
    }
  }
}

static int install_filter(void) {
  struct sock_filter program[MAX_PROGRAM];
  unsigned short length = 0;
#define ADD(...) program[length++] = (struct sock_filter)__VA_ARGS__
  ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
  ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
  ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
  for (int i = 0; i < CALLS; ++i) {
    if (!calls[i].is_refused) continue;
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 1));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  }
  ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
#undef ADD
  struct sock_fprog filter = {.len = length, .filter = program};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                      &filter);
}

static union {
  char bytes[CMSG_SPACE(sizeof(int))];
  struct cmsghdr header;
} control;

static struct msghdr message_of(struct iovec* byte) {
  struct msghdr message = {.msg_iov = byte,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  return message;
}

static void send_descriptor(int channel, int fd) {
  char byte = 0;
  struct iovec vector = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = message_of(&vector);
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  if (sendmsg(channel, &message, 0) != 1) fail("sendmsg");
}

static int receive_descriptor(int channel) {
  char byte = 0;
  struct iovec vector = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = message_of(&vector);
  int fd = -1;
  if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1) exit(125);  // it said why
  memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
  return fd;
}

static void run_command(int channel, char** command) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int listener = install_filter();
  if (listener < 0 && errno == EACCES) {  // no root here
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    listener = install_filter();
  }
  if (listener < 0) fail("seccomp");
  send_descriptor(channel, listener);
  close(listener);
  close(channel);
  execvp(command[0], command);
  fail(command[0]);
}

/// Whether this bpf(2) asks for what old kernels do not have.
static int wants_replace(const struct seccomp_notif* request) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  if (request->data.args[0] != BPF_PROG_ATTACH) return 0;
  const size_t size = offsetof(union bpf_attr, attach_flags) + sizeof attributes.attach_flags;
  struct iovec here = {.iov_base = &attributes, .iov_len = size};
  struct iovec there = {.iov_base = (void*)request->data.args[1], .iov_len = size};
  if (process_vm_readv((pid_t)request->pid, &here, 1, &there, 1, 0) != (ssize_t)size) {
    fail("process_vm_readv");
  }
  return (attributes.attach_flags & BPF_F_REPLACE) != 0;
}

/// The errno of a bpf(2) that the call of the table refuses, 0 if it is answered without doing
/// anything, or -1 if it is none of its kind.
static int bpf_error(const struct call* call, const struct seccomp_notif* request) {
  if (strcmp(call->name, "bpf-replace") == 0) return wants_replace(request) ? EINVAL : -1;
  if (request->data.args[0] != BPF_OBJ_GET_INFO_BY_FD) return -1;
  return strcmp(call->name, "bpf-read") == 0 ? EPERM : 0;
}

static void answer(int listener, int error) {
  struct seccomp_notif request;
  memset(&request, 0, sizeof request);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) return;  // killed meanwhile
  struct seccomp_notif_resp response = {.id = request.id, .error = -error};
  for (int i = 0; i < CALLS; ++i) {
    if (!calls[i].is_refused || calls[i].number != request.data.nr) continue;
    if (calls[i].number == SYS_bpf) {
      const int refusal = bpf_error(&calls[i], &request);
      response.error = refusal > 0 ? -refusal : 0;
      if (refusal < 0) {
        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        continue;
      }
    }
    ++calls[i].count;
  }
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static void write_log(const char* path) {
  FILE* log = fopen(path, "a");
  if (log == NULL) fail(path);
  for (int i = 0; i < CALLS; ++i) {
    if (calls[i].is_refused) fprintf(log, "%s %u\n", calls[i].name, calls[i].count);
  }
  fclose(log);
}

int main(int argc, char** argv) {
  if (argc < 6 || strcmp(argv[4], "--") != 0) {
    fprintf(stderr, "usage: refuse LOG ENOSYS|EPERM CALL[,CALL...] -- COMMAND [ARGUMENT...]\n");
    return 125;
  }
  const int error = strcmp(argv[2], "EPERM") == 0 ? EPERM : ENOSYS;
  choose(argv[3]);
  int channel[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0) fail("socketpair");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) run_command(channel[1], argv + 5);
  close(channel[1]);
  const int listener = receive_descriptor(channel[0]);
  struct pollfd event = {.fd = listener, .events = POLLIN};
  while (poll(&event, 1, -1) >= 0 || errno == EINTR) {
    if ((event.revents & POLLIN) != 0) answer(listener, error);
    if ((event.revents & POLLHUP) != 0) break;
  }
  int status = 0;
  waitpid(child, &status, 0);
  write_log(argv[1]);
  if (WIFSIGNALED(status)) raise(WTERMSIG(status));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
