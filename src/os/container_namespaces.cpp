// SPDX-License-Identifier: Apache-2.0
// The first namespaces have fixed inodes, whatever the boot and the machine.
#include "os/container_namespaces.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "os/own_procfs.hpp"

namespace nvhook {
namespace {

// PROC_CGROUP_INIT_INO and PROC_PID_INIT_INO in linux/proc_ns.h.
constexpr ino_t kFirstCgroupNamespace = 0xEFFFFFFB;
constexpr ino_t kFirstPidNamespace = 0xEFFFFFFC;

bool is_another(const char* name, ino_t first) {
  struct stat status {};
  return ::fstatat(own_procfs(), name, &status, 0) == 0 && status.st_ino != first;
}

}  // namespace

bool is_in_container() {
  return is_another("self/ns/pid", kFirstPidNamespace) ||
         is_another("self/ns/cgroup", kFirstCgroupNamespace);
}

}  // namespace nvhook
