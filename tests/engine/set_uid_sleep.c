// SPDX-License-Identifier: Apache-2.0
// Waits with the rights of its owner, as sudo or su of an image.
#include <unistd.h>

int main(void) {
  for (;;) pause();
}
