// SPDX-License-Identifier: Apache-2.0
// All other programs of the simulated driver: print their own name.
#include <stdio.h>

int main(int argc, char** argv) {
  printf("%s: simulated\n", argc > 0 ? argv[0] : "program");
  return 0;
}
