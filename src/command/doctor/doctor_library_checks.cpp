// SPDX-License-Identifier: Apache-2.0
// Checks the driver's user-space files.
#include <array>

#include "command/doctor/doctor_checks.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

Seen look_at_libraries(const HostReport& report) {
  const LibrariesReport& libraries = report.libraries;
  if (libraries.missing) return {Verdict::bad, libraries.missing->what, libraries.missing->remedy};
  if (libraries.mismatch) return {Verdict::good, "there are some"};
  if (!libraries.damaged.empty()) {
    return {Verdict::bad, "damaged, cut off or overwritten: " + some_of(libraries.damaged),
            "(sudo apt-get install --reinstall $(dpkg -S " + libraries.damaged.front() +
                " | cut -d: -f1) || sudo dnf reinstall $(rpm -qf " + libraries.damaged.front() +
                "))  # look whether the disk is full: df -h /usr"};
  }
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
  const std::string remedy = "sudo ldconfig";
  if (!libraries.foreign.empty()) {
    return {Verdict::bad,
            libraries.cache + " leads programs of this host out of the loader's directories: " +
                some_of(libraries.foreign),
            remedy};
  }
  if (!libraries.not_in_cache.empty()) {
    return {Verdict::warning,
            libraries.cache + " lacks " + join(libraries.not_in_cache, ", ") +
                ": programs of this host do not find the driver",
            remedy};
  }
  if (!libraries.gone.empty()) {
    return {Verdict::warning,
            libraries.cache + " has libraries that are not there: " + some_of(libraries.gone),
            remedy};
  }
  return {Verdict::good, libraries.cache + " knows the driver's libraries"};
}

/// Empty files can be removed, because no driver file is empty. For a link to one, the package or
/// Debian's alternatives restores the old target.
std::string remedy_of(const LeftoversReport& leftovers) {
  std::vector<std::string> empty = leftovers.files;
  empty.insert(empty.end(), leftovers.nodes.begin(), leftovers.nodes.end());
  std::vector<std::string> steps;
  if (!empty.empty()) steps.push_back("sudo rm " + join(empty, " "));
  for (const std::string& group : leftovers.alternatives) {
    steps.push_back("sudo update-alternatives --auto " + group);
  }
  if (!leftovers.links.empty() && leftovers.alternatives.empty()) {
    const std::string& link = leftovers.links.front();
    steps.push_back("(sudo apt-get install --reinstall $(dpkg -S " + link +
                    " | cut -d: -f1) || sudo dnf reinstall $(rpm -qf " + link + "))");
  }
  if (!leftovers.files.empty() || !leftovers.links.empty()) steps.emplace_back("sudo ldconfig");
  if (!leftovers.nodes.empty()) steps.emplace_back("sudo oci-nvidia-hook create-device-nodes");
  return join(steps, " && ");
}

Seen look_at_leftovers(const HostReport& report) {
  const LeftoversReport& leftovers = report.leftovers;
  if (leftovers.is_empty()) return {Verdict::good, "no empty file has a name of the driver"};
  std::vector<std::string> what;
  if (!leftovers.links.empty()) {
    what.push_back("links that lead to empty files: " + some_of(leftovers.links));
  }
  std::vector<std::string> empty = leftovers.files;
  empty.insert(empty.end(), leftovers.nodes.begin(), leftovers.nodes.end());
  if (!empty.empty()) what.push_back("empty files: " + some_of(empty));
  return {Verdict::bad,
          join(what, "; ") + "; a container with this directory as a volume has left them",
          remedy_of(leftovers)};
}

Seen look_at_mps(const HostReport& report) {
  const auto& fault = report.libraries.mps;
  if (!fault) return {Verdict::good, "nobody but root has made a directory for it"};
  return {Verdict::warning, fault->what, fault->remedy};
}

constexpr std::array kLibraryChecks{
    Check{"leftovers", "empty driver files", "driver-root", look_at_leftovers},
    Check{"libraries", "driver libraries", "module driver-root", look_at_libraries},
    Check{"version", "their version", "libraries", look_at_version},
    Check{"library-owner", "who may change them", "version", look_at_safety},
    Check{"loader-cache", "loader cache", "version", look_at_cache},
    Check{"mps", "directory of MPS", "module driver-root", look_at_mps},
};

}  // namespace

std::span<const Check> library_checks() { return kLibraryChecks; }

}  // namespace nvhook
