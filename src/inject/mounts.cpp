// SPDX-License-Identifier: Apache-2.0
// Chooses the implementation, and detaches mounts for both.
#include "inject/mounts.hpp"

#include <sys/mount.h>
#include <unistd.h>

#include "os/own_procfs.hpp"
#include "os/refused_calls.hpp"

namespace nvhook {

void Mounts::detach(int tree) noexcept {
  // umount2 takes no descriptor; the link in our own procfs leads to exactly this mount.
  if (::fchdir(own_procfs()) == 0) ::umount2(name_in_procfs(tree).c_str(), MNT_DETACH);
}

std::unique_ptr<Mounts> make_mounts(uid_t uid, gid_t gid) {
  return is_mount_api_refused() ? make_staged_mounts(uid, gid) : make_detached_mounts(uid, gid);
}

}  // namespace nvhook
