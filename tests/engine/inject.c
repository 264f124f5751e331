// SPDX-License-Identifier: Apache-2.0
// Runs a program and steps in at one of its system calls: lets it fail, kills the program there, or
// runs a command while the program is stopped there. Only the program itself is traced, no child.
//
//   inject REPORT list              COMMAND...   every call, one line each: its number, its path
//   inject REPORT fail N TIME ERRNO COMMAND...   the TIMEth call of number N fails with ERRNO
//                                   TIME below 0: and all later ones
//   inject REPORT kill N TIME       COMMAND...   the program is killed where that call begins
//   inject REPORT stop N TIME SHELL COMMAND...   SHELL runs where that call begins
//
// REPORT gets `reached` if the call was made, `left` if a process outlives the program, and last
// how that ended: `exit STATUS` or `signal NUMBER`.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kSyscallStop = SIGTRAP | 0x80, kGraceInMs = 2000 };

struct Order {
  const char* action;
  unsigned long long number;
  long time;
  int onwards;  // all later calls, too
  int error;
  const char* shell;
};

static void die(const char* what) {
  perror(what);
  exit(EXIT_FAILURE);
}

#if defined(__x86_64__)
static void skip_call(pid_t pid) {
  ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1L);
}
static void set_first_argument(pid_t pid, long value) {
  ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rdi), value);
}
static void restore_first_argument(pid_t pid, long value) { set_first_argument(pid, value); }
static void set_result(pid_t pid, long result) {
  ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), result);
}
#elif defined(__aarch64__)
static void skip_call(pid_t pid) {
  int none = -1;
  struct iovec data = {&none, sizeof none};
  ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &data);
}
static void set_first_argument(pid_t pid, long value) {
  struct user_regs_struct registers;
  struct iovec data = {&registers, sizeof registers};
  ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &data);
  registers.regs[0] = (unsigned long)value;
  ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &data);
}
static void set_result(pid_t pid, long result) { set_first_argument(pid, result); }
static void restore_first_argument(pid_t pid, long value) { (void)pid, (void)value; }
#endif

static void print_path(FILE* report, pid_t pid, unsigned long long address) {
  char text[256] = "";
  struct iovec local = {text, sizeof text - 1};
  struct iovec remote = {(void*)(unsigned long)address, sizeof text - 1};
  if (address < 4096 || process_vm_readv(pid, &local, 1, &remote, 1, 0) <= 0) return;
  for (const char* at = text; *at != '\0'; ++at) {
    if (*at < ' ' || *at > '~') return;
  }
  fputs(text, report);
}

static void start(char** command) {
  setenv("LSAN_OPTIONS", "detect_leaks=0", 1);  // a sanitizer's, which itself needs ptrace
  personality(ADDR_NO_RANDOMIZE);               // or calls for memory would differ from run to run
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) die("PTRACE_TRACEME");
  raise(SIGSTOP);
  execvp(command[0], command);
  die(command[0]);
}

// Lets the program go on to its next stop. Returns its wait status.
static int go_on(pid_t pid, int signal) {
  int status = 0;
  ptrace(PTRACE_SYSCALL, pid, NULL, (long)signal);
  if (waitpid(pid, &status, 0) < 0) die("waitpid");
  return status;
}

static void fail_call(pid_t pid, const struct Order* order, long argument) {
  if (order->number == SYS_brk) {
    // One that fails returns the end of memory as it is.
    set_first_argument(pid, 0);
    go_on(pid, 0);
    restore_first_argument(pid, argument);
  } else {
    skip_call(pid);
    go_on(pid, 0);
    set_result(pid, -(long)order->error);
  }
}

// Lets the program go on alone. Returns the wait status of its end.
static int let_go(pid_t pid) {
  int status = 0;
  if (ptrace(PTRACE_DETACH, pid, NULL, NULL) != 0) die("PTRACE_DETACH");
  if (waitpid(pid, &status, 0) < 0) die("waitpid");
  return status;
}

// At a call of the order. Returns whether the program is to be let go.
static int step_in(pid_t pid, const struct Order* order, long argument) {
  if (strcmp(order->action, "kill") == 0) {
    kill(pid, SIGKILL);
    return 0;
  }
  if (strcmp(order->action, "stop") == 0) {
    if (system(order->shell) != 0) fprintf(stderr, "inject: `%s` failed\n", order->shell);
  } else {
    fail_call(pid, order, argument);
  }
  return !order->onwards;
}

// Returns the wait status of the program's end.
static int trace(pid_t pid, const struct Order* order, FILE* report) {
  int started = 0, signal = 0;
  long seen = 0;
  while (1) {
    const int status = go_on(pid, signal);
    signal = 0;
    if (WIFEXITED(status) || WIFSIGNALED(status)) return status;
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
      started = 1;
      go_on(pid, 0);  // to the end of execve
      continue;
    }
    if (WSTOPSIG(status) != kSyscallStop) signal = WSTOPSIG(status);
    if (WSTOPSIG(status) != kSyscallStop || !started) continue;
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0) {
      die("PTRACE_GET_SYSCALL_INFO");
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
    if (strcmp(order->action, "list") == 0) {
      fprintf(report, "%lu ", (unsigned long)info.entry.nr);
      print_path(report, pid, info.entry.args[1]);
      fputc('\n', report);
      continue;
    }
    if (info.entry.nr != order->number) continue;
    ++seen;
    if (seen < order->time || (seen > order->time && !order->onwards)) continue;
    if (seen == order->time) fputs("reached\n", report);
    if (step_in(pid, order, (long)info.entry.args[0])) return let_go(pid);
  }
}

// Reaps what the program left behind; true if that is something which does not end by itself.
static int leaves_processes(void) {
  const struct timespec pause = {0, 1000 * 1000};
  for (int waited = 0; waited < kGraceInMs; ++waited) {
    pid_t pid = 0;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) continue;
    if (pid < 0) return 0;
    nanosleep(&pause, NULL);
  }
  return 1;
}

// Returns how many words the order takes.
static int read_order(int argc, char** argv, struct Order* order) {
  const int listing = argc > 3 && strcmp(argv[2], "list") == 0;
  const int words = listing ? 1 : argc > 2 && strcmp(argv[2], "kill") == 0 ? 3 : 4;
  if (argc < 3 + words) {
    fputs("usage: inject REPORT list|fail|kill|stop ... COMMAND...\n", stderr);
    exit(2);
  }
  order->action = argv[2];
  if (listing) return words;
  order->number = strtoull(argv[3], NULL, 10);
  order->time = labs(atol(argv[4]));
  order->onwards = argv[4][0] == '-';
  order->error = words == 4 ? atoi(argv[5]) : 0;
  order->shell = argv[5];
  return words;
}

int main(int argc, char** argv) {
  struct Order order = {0};
  char** command = argv + 2 + read_order(argc, argv, &order);
  FILE* report = fopen(argv[1], "we");
  if (report == NULL) die(argv[1]);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) start(command);
  int status = 0;
  if (waitpid(pid, &status, 0) < 0) die("waitpid");
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC;
  ptrace(PTRACE_SETOPTIONS, pid, NULL, options);
  status = trace(pid, &order, report);
  if (leaves_processes()) fputs("left\n", report);
  fprintf(report, WIFEXITED(status) ? "exit %d\n" : "signal %d\n",
          WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  fclose(report);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
