// SPDX-License-Identifier: Apache-2.0
// Device and inode (stat(2)).
#include "os/file_identity.hpp"

namespace nvhook {

FileIdentity identity_of(const struct stat& status) noexcept {
  return {.device = status.st_dev, .inode = status.st_ino};
}

}  // namespace nvhook
