// SPDX-License-Identifier: Apache-2.0
// Whether an image's programs are loaded by musl (Alpine), whose loader reads no cache.
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
  // Debian's musl has default directories of its own, which a new file would put out of force.
  const bool is_debian = static_cast<bool>(rootfs.open("/etc/debian_version", O_PATH));
  if (is_debian || !rootfs.open(kLoader, O_PATH)) return {};
  return ContainerPath(kPathFile);
}

}  // namespace nvhook
