// SPDX-License-Identifier: Apache-2.0
// Reads /sys/fs/selinux.
#include "os/selinux.hpp"

#include <fcntl.h>

#include <cerrno>

#include "text/text.hpp"

namespace nvhook {

bool has_selinux(const RootDir& system) {
  return static_cast<bool>(system.open("/sys/fs/selinux", O_PATH | O_DIRECTORY));
}

std::string remedy_for_denied_device(int error, const std::string& fallback,
                                     const RootDir& system) {
  constexpr std::size_t kMaxFlag = 16;
  if (error != EACCES) return fallback;
  const auto enforce = system.read("/sys/fs/selinux/enforce", kMaxFlag);
  if (!enforce || trim(*enforce) != "1") return fallback;
  return fallback +
         "; if SELinux denies it (audit log): run \"setsebool -P container_use_devices 1\"";
}

}  // namespace nvhook
