// SPDX-License-Identifier: Apache-2.0
// An image has musl if it has musl's loader at its usual path.
#include "image/musl_probe.hpp"

#include <fcntl.h>

namespace nvhook {
namespace {

#if defined(__x86_64__)
constexpr const char* kLoader = "/lib/ld-musl-x86_64.so.1";
constexpr const char* kPathFile = "/etc/ld-musl-x86_64.path";
#else
constexpr const char* kLoader = "/lib/ld-musl-aarch64.so.1";
constexpr const char* kPathFile = "/etc/ld-musl-aarch64.path";
#endif

}  // namespace

ContainerPath find_musl_path_file(const RootDir& rootfs) {
  // Debian's musl has other default directories, which a new path file would disable.
  const bool is_debian = static_cast<bool>(rootfs.open("/etc/debian_version", O_PATH));
  if (is_debian || !rootfs.open(kLoader, O_PATH)) return {};
  return ContainerPath(kPathFile);
}

}  // namespace nvhook
