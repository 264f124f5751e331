// SPDX-License-Identifier: Apache-2.0
// Checks of the driver's user-space files.
#include <array>

#include "command/doctor_checks.hpp"
#include "core/text.hpp"

namespace nvhook {
namespace {

Seen look_at_libraries(const HostReport& report) {
  const LibrariesReport& libraries = report.libraries;
  if (libraries.missing) return {Verdict::bad, libraries.missing->what, libraries.missing->remedy};
  if (libraries.mismatch) return {Verdict::good, "there are some"};
  if (libraries.cuda.empty()) {
    return {Verdict::bad,
            "libcuda of the driver is missing, though " + libraries.management + " is there",
            "sudo apt-get install libcuda1  # Fedora, RHEL: nvidia-driver-cuda-libs"};
  }
  return {Verdict::good, std::to_string(libraries.libraries) + " libraries, " + libraries.cuda};
}

Seen look_at_version(const HostReport& report) {
  const LibrariesReport& libraries = report.libraries;
  if (libraries.mismatch) {
    return {Verdict::bad, libraries.mismatch->what, libraries.mismatch->remedy};
  }
  return {Verdict::good, "kernel module and libraries are of one version"};
}

Seen look_at_safety(const HostReport& report) {
  const auto& unsafe = report.libraries.unsafe;
  if (unsafe.empty()) return {Verdict::good, "only root can write the driver's files"};
  return {
      Verdict::bad,
      unsafe.front() + " can be written by others than root: it would be code in every container",
      "sudo chown root:root " + join(unsafe, " ") + " && sudo chmod go-w " + join(unsafe, " ")};
}

Seen look_at_cache(const HostReport& report) {
  const LibrariesReport& libraries = report.libraries;
  if (!libraries.has_cache) {
    return {Verdict::note,
            "none at " + libraries.cache +
                " (NixOS, minimal systems): the hook searches well-known directories"};
  }
  if (libraries.not_in_cache.empty()) {
    return {Verdict::good, libraries.cache + " knows the driver's libraries"};
  }
  return {Verdict::warning,
          libraries.cache + " lacks " + join(libraries.not_in_cache, ", ") +
              ": programs of this host do not find the driver",
          "sudo ldconfig"};
}

constexpr std::array kChecks{
    Check{"libraries", "driver libraries", "module driver-root", look_at_libraries},
    Check{"version", "their version", "libraries", look_at_version},
    Check{"library-owner", "who may change them", "version", look_at_safety},
    Check{"loader-cache", "loader cache", "version", look_at_cache},
};

}  // namespace

std::span<const Check> library_checks() { return kChecks; }

}  // namespace nvhook
