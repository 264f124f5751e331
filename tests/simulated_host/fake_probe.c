// SPDX-License-Identifier: Apache-2.0
// An oci-nvidia-probe that behaves as the file name of its --library says: well, badly, or not at
// all.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { kHangSeconds = 60 };  // so that a failed test ends

static const char kAnswer[] =
    "{\"cuda\":\"12.2\",\"errors\":[],\"gpus\":[{\"brand\":\"Nvidia\",\"compute_capability\":\"8."
    "0\","
    "\"mig\":[],\"pci\":\"0000:07:00.0\",\"uuid\":\"GPU-12345678-1234-1234-1234-123456780000\"}]}"
    "\n";

static int answer(void) {
  fputs(kAnswer, stdout);
  fflush(stdout);
  return 0;
}

static void hang(void) {
  signal(SIGTERM, SIG_IGN);
  alarm(kHangSeconds);
  for (;;) pause();
}

static void flood(FILE* stream, unsigned kibibytes) {
  char block[1024];
  memset(block, 'x', sizeof block);
  for (unsigned i = 0; i < kibibytes; ++i) fwrite(block, 1, sizeof block, stream);
  fflush(stream);
}

static void crash(void) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  raise(SIGSEGV);
}

static int behave(const char* how) {
  if (strcmp(how, "answer") == 0) return answer();
  if (strcmp(how, "hang") == 0) hang();
  if (strcmp(how, "answer-then-hang") == 0) {
    answer();
    hang();
  }
  if (strcmp(how, "close-then-hang") == 0) {
    answer();
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    hang();
  }
  if (strcmp(how, "leave-a-child") == 0) {
    if (fork() == 0) hang();
    return answer();
  }
  if (strcmp(how, "crash") == 0) crash();
  if (strcmp(how, "answer-then-crash") == 0) {
    answer();
    crash();
  }
  if (strcmp(how, "garbage") == 0) fputs("\033[31mSegmentation fault\n", stdout);
  if (strcmp(how, "flood") == 0) {
    flood(stdout, 10 * 1024);
    hang();
  }
  if (strcmp(how, "chatter") == 0) {
    flood(stderr, 1024);
    return answer();
  }
  if (strcmp(how, "fail") == 0) {
    fputs("first line\nsecond line\n", stderr);
    return 3;
  }
  return strcmp(how, "fail-silently") == 0 ? 4 : 0;
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const char* name = strrchr(argv[4], '/');
  return behave(name == NULL ? argv[4] : name + 1);
}
