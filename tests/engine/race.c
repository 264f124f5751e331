// SPDX-License-Identifier: Apache-2.0
// The sibling container that shares a volume: exchanges pairs of names, one thread for each pair,
// as fast as it can, until standard input ends. Then it prints how often it did.
//
//   race CPU NAME NAME [NAME NAME]...
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { kMaxPairs = 16 };

struct Pair {
  const char* a;
  const char* b;
};

static atomic_int ending;
static atomic_long exchanges;

static void* exchange(void* argument) {
  const struct Pair* pair = argument;
  while (!atomic_load(&ending)) {
    // A name that is not there: the next run is being prepared.
    if (renameat2(AT_FDCWD, pair->a, AT_FDCWD, pair->b, RENAME_EXCHANGE) == 0) {
      atomic_fetch_add(&exchanges, 1);
    } else {
      sched_yield();
    }
  }
  return NULL;
}

static void stay_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);  // without it the race is a worse one, no wrong one
}

int main(int argc, char** argv) {
  struct Pair pairs[kMaxPairs];
  pthread_t threads[kMaxPairs];
  const int count = (argc - 2) / 2;
  if (argc < 4 || argc % 2 != 0 || count > kMaxPairs) return 2;
  stay_on(atoi(argv[1]));
  for (int i = 0; i < count; ++i) {
    pairs[i] = (struct Pair){argv[2 + 2 * i], argv[3 + 2 * i]};
    if (pthread_create(&threads[i], NULL, exchange, &pairs[i]) != 0) return 3;
  }
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  atomic_store(&ending, 1);
  for (int i = 0; i < count; ++i) pthread_join(threads[i], NULL);
  printf("%ld\n", atomic_load(&exchanges));
  return 0;
}
