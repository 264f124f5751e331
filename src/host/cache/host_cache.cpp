// SPDX-License-Identifier: Apache-2.0
// All containers with the same capabilities share one file. Whoever reads the host again replaces
// the file by a rename; there is no lock.
#include "host/cache/host_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "host/cache/cache_dependencies.hpp"
#include "os/own_procfs.hpp"

namespace nvhook {
namespace {

std::string identity(const struct stat& status) {
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

/// Identifies this executable, because another version may look for other files. nullopt if it
/// cannot be examined.
std::optional<std::string> own_identity() {
  struct stat status {};
  if (::fstatat(own_procfs(), "self/exe", &status, 0) != 0) return std::nullopt;
  return identity(status) + ":" + std::to_string(status.st_ctim.tv_sec) + "." +
         std::to_string(status.st_ctim.tv_nsec);
}

}  // namespace

std::optional<HostCache> HostCache::at(const HostCacheFile& place, const HostRoots& roots,
                                       Notes& notes) {
  struct stat system {};
  struct stat driver {};
  const auto program = own_identity();
  if (!program || ::fstat(roots.system.fd(), &system) != 0 ||
      ::fstat(roots.driver.fd(), &driver) != 0) {
    return std::nullopt;
  }
  auto directory = RunDirectory::at(place.directory, notes);
  if (!directory) return std::nullopt;
  std::string key = "oci-nvidia-hook host; program " + *program + "; roots " + identity(system) +
                    " " + identity(driver) + "; " + place.question;
  return HostCache(*std::move(directory), place.file, std::move(key), roots);
}

std::optional<CachedHost> HostCache::recall(Notes& notes) const {
  const auto text = directory_.read(file_.c_str(), notes);
  if (!text) return std::nullopt;
  auto cached = parse_cached_host(*text, key_);
  const auto holds = [&](const CacheDependency& dependency) {
    return is_unchanged(dependency,
                        dependency.file.root == HostRoot::driver ? roots_.driver : roots_.system);
  };
  if (!cached || !std::all_of(cached->dependencies.begin(), cached->dependencies.end(), holds)) {
    notes.push_back(info("the host is read anew: what is kept of it is not about what is there"));
    return std::nullopt;
  }
  notes.push_back(info("GPUs and driver files are those of the last reading: nothing has changed"));
  return cached;
}

void HostCache::keep(CachedHost cached, const std::vector<Lookup>& system,
                     const std::vector<Lookup>& driver, std::time_t started, Notes& notes) const {
  auto of_system = dependencies_of(system, roots_.system, HostRoot::system);
  const auto of_driver = dependencies_of(driver, roots_.driver, HostRoot::driver);
  if (!of_system || !of_driver) return;
  cached.dependencies = *std::move(of_system);
  cached.dependencies.insert(cached.dependencies.end(), of_driver->begin(), of_driver->end());
  const auto is_old = [&](const CacheDependency& dependency) {
    return is_settled(dependency, started);
  };
  if (!std::all_of(cached.dependencies.begin(), cached.dependencies.end(), is_old)) {
    notes.push_back(
        info("not kept for the next container: a directory of the driver has changed "
             "within the last seconds"));
    return;
  }
  if (const auto text = to_text(cached, key_)) directory_.replace(file_.c_str(), *text, notes);
}

}  // namespace nvhook
