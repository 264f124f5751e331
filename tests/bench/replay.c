// SPDX-License-Identifier: Apache-2.0
// Repeats the system calls that the hook was seen to make, in the same order with the same
// arguments, and nothing else. calls.py writes them to a file.
//
//   replay CALLS ROOTFS CGROUP    the container's state on standard input
//
// CALLS is a header, the calls, and the bytes that their arguments point to.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kMaxFile = 4 << 20, kScratch = 1 << 16, kMaxText = 4096 };

enum kind {
  kNumber,  // the value itself
  kBytes,   // offset of the bytes
  kText,    // the same, with marks for what differs between containers
  kFilter,  // the same: a seccomp filter, after its length
  kOutput,  // a buffer to write to
  kPid      // the container's pid
};

struct call {
  int32_t number;
  int32_t result;
  uint8_t kind[7];
  uint8_t gives_descriptor;  // always the same one
  int64_t value[6];
};

static _Alignas(8) char file[kMaxFile];
static char scratch[kScratch];
static char texts[6][kMaxText];  // one for each argument
static char state[kScratch];
static char pid[16];
static char** words;  // of the command line
static const char* bytes;

static _Noreturn void fail(const char* why) {
  dprintf(2, "replay: %s: %s\n", why, strerror(errno));
  _exit(1);
}

static void read_pid(void) {
  const char* at = strstr(state, "\"pid\":");
  if (at == NULL) fail("no pid");
  at += strlen("\"pid\":");
  const size_t length = strspn(at, "0123456789");
  if (length < sizeof pid) memcpy(pid, at, length);
}

// Marks: 1 the container's pid, 2 its root file system, 3 its cgroup.
static const char* text_of(const char* from, char* to) {
  char* end = to;
  for (; *from != 0; ++from) {
    const char* part = *from == 1 ? pid : *from == 2 ? words[2] : *from == 3 ? words[3] : NULL;
    if (part == NULL) {
      *end++ = *from;
    } else {
      end = stpcpy(end, part);
    }
  }
  *end = 0;
  return to;
}

static long argument(const struct call* call, int index) {
  static struct sock_fprog program;
  const int64_t value = call->value[index];
  switch (call->kind[index]) {
    case kBytes:
      return (long)(bytes + value);
    case kText:
      return (long)text_of(bytes + value, texts[index]);
    case kFilter:
      memcpy(&program.len, bytes + value, sizeof program.len);
      program.filter = (struct sock_filter*)(bytes + value + 8);
      return (long)&program;
    case kOutput:
      return (long)scratch;
    case kPid:
      return atol(pid);
    default:
      return value;
  }
}

static void make(const struct call* call) {
  long arg[6];
  for (int i = 0; i < 6; ++i) arg[i] = argument(call, i);
  const long result = syscall(call->number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
  const int same =
      call->gives_descriptor ? result == call->result : (result < 0) == (call->result < 0);
  if (!same) {
    dprintf(2, "replay: call %d gave %ld and not %d\n", call->number, result, call->result);
    fail("not as the hook");
  }
  if (call->number == SYS_read && call->value[0] == 0 && result > 0) {
    memcpy(state, scratch, (size_t)result);
    read_pid();
  }
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  words = argv;
  const int list = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (list < 0 || read(list, file, sizeof file) <= 0) fail(argv[1]);
  close(list);
  uint64_t count;
  memcpy(&count, file, sizeof count);
  const struct call* calls = (const struct call*)(file + sizeof count);
  bytes = (const char*)(calls + count);
  for (uint64_t i = 0; i < count; ++i) make(&calls[i]);
  return 0;
}
