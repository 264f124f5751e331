// SPDX-License-Identifier: Apache-2.0
// Every other program of the simulated driver: says who it is.
#include <stdio.h>

int main(int argc, char** argv) {
  printf("%s: simulated\n", argc > 0 ? argv[0] : "program");
  return 0;
}
