// SPDX-License-Identifier: Apache-2.0
// How many GPUs the kernel's driver shows here: what every driver of these tests reports.
#pragma once

#include <dirent.h>

static unsigned count_gpus(void) {
  unsigned count = 0;
  DIR* gpus = opendir("/proc/driver/nvidia/gpus");
  for (struct dirent* entry; gpus != NULL && (entry = readdir(gpus)) != NULL;) {
    if (entry->d_name[0] != '.') ++count;
  }
  if (gpus != NULL) closedir(gpus);
  return count;
}
