// SPDX-License-Identifier: Apache-2.0
// Stands in for oci-nvidia-probe, and writes down what the hook let it have: capabilities and
// descriptors. Then it answers as the probe would for one GPU.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char kReport[] = "/run/oci-nvidia-test-witness";

static void copy_status(FILE* report) {
  char line[512];
  FILE* status = fopen("/proc/self/status", "re");
  if (status == NULL) exit(3);
  while (fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, "Cap", 3) == 0 || strncmp(line, "NoNewPrivs", 10) == 0) fputs(line, report);
  }
  fclose(status);
}

static void list_descriptors(FILE* report, int own) {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == NULL) exit(3);
  for (struct dirent* entry; (entry = readdir(directory)) != NULL;) {
    const int fd = atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == dirfd(directory) || fd == own) continue;
    char target[4096] = "";
    const ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
    fprintf(report, "fd %d %.*s\n", fd, (int)(length < 0 ? 0 : length), target);
  }
  closedir(directory);
}

int main(void) {
  FILE* report = fopen(kReport, "we");
  if (report == NULL) return 3;
  copy_status(report);
  list_descriptors(report, fileno(report));
  fclose(report);
  fputs(
      "{\"cuda\":\"12.2\",\"errors\":[],\"gpus\":[{\"brand\":\"Nvidia\",\"compute_capability\":"
      "\"8.0\",\"mig\":[],\"pci\":\"0000:07:00.0\","
      "\"uuid\":\"GPU-12345678-1234-1234-1234-123456780000\"}]}\n",
      stdout);
  return 0;
}
