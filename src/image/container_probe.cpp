// SPDX-License-Identifier: Apache-2.0
// Distinguishes Debian's multiarch layout from all others by names alone.
#include "image/container_probe.hpp"

#include <fcntl.h>

#include <array>

#include "image/compat_libraries.hpp"
#include "image/manifest_probe.hpp"
#include "image/musl_probe.hpp"

namespace nvhook {
namespace {

#if defined(__x86_64__)
constexpr const char* kDebianLibraries = "/usr/lib/x86_64-linux-gnu";
constexpr const char* kDebianLibraries32 = "/usr/lib/i386-linux-gnu";
constexpr const char* kProgramLoader = "/lib64/ld-linux-x86-64.so.2";  // by the ABI
#else
constexpr const char* kDebianLibraries = "/usr/lib/aarch64-linux-gnu";
constexpr const char* kDebianLibraries32 = "/usr/lib/arm-linux-gnueabihf";
constexpr const char* kProgramLoader = "/lib/ld-linux-aarch64.so.1";  // by the ABI
#endif

// Debian, Arch and Alpine; Fedora, RHEL and openSUSE.
constexpr std::array kXorgDirectories{"/usr/lib/xorg/modules", "/usr/lib64/xorg/modules"};

constexpr const char* kLibraries = "/usr/lib64";
constexpr const char* kLibraries32 = "/usr/lib32";

/// The 32-bit library directory of other distributions: /usr/lib32, or /usr/lib if that is not the
/// 64-bit directory.
ContainerPath other_library32_directory(const RootDir& rootfs) {
  ContainerPath lib32(kLibraries32);
  if (rootfs.open(lib32.str(), O_PATH | O_DIRECTORY)) return lib32;
  const UniqueFd lib = rootfs.open("/usr/lib", O_PATH | O_DIRECTORY);
  const UniqueFd lib64 = rootfs.open("/usr/lib64", O_PATH | O_DIRECTORY);
  if (!lib) return lib32;
  if (lib64 && rootfs.path_of(lib.get()) == rootfs.path_of(lib64.get())) return lib32;
  return ContainerPath("/usr/lib");
}

bool has_file(const RootDir& rootfs, const std::string& path) {
  const UniqueFd fd = rootfs.open(path, O_PATH);
  return fd && status_of(fd.get()).is_regular();
}

ContainerPath find_xorg_directory(const RootDir& rootfs) {
  for (const char* directory : kXorgDirectories) {
    if (rootfs.open(directory, O_PATH | O_DIRECTORY)) return ContainerPath(directory);
  }
  return {};
}

}  // namespace

ContainerFacts probe_container(const RootDir& rootfs, const ContainerQuery& query) {
  ContainerFacts facts;
  if (rootfs.open("/etc/debian_version", O_PATH)) {
    facts.library_directory = ContainerPath(kDebianLibraries);
    facts.library32_directory = ContainerPath(kDebianLibraries32);
  } else {
    facts.library_directory = ContainerPath(kLibraries);
    facts.library32_directory = other_library32_directory(rootfs);
  }
  facts.musl_path_file = find_musl_path_file(rootfs);
  if (query.compat) facts.compat = find_compat_libraries(rootfs, kCompatDirectory, facts.notes);
  facts.manifests = find_image_manifests(rootfs, query.manifest_directories);
  for (const std::string& interpreter : query.interpreters) {
    if (!has_file(rootfs, interpreter)) facts.missing_interpreters.insert(interpreter);
  }
  if (!facts.missing_interpreters.empty() && has_file(rootfs, kProgramLoader)) {
    facts.program_loader = ContainerPath(kProgramLoader);
  }
  if (query.xorg_modules) facts.xorg_directory = find_xorg_directory(rootfs);
  return facts;
}

ContainerFacts empty_image() {
  return {.library_directory = ContainerPath(kLibraries),
          .library32_directory = ContainerPath(kLibraries32)};
}

}  // namespace nvhook
