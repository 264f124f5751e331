// SPDX-License-Identifier: Apache-2.0
// Recognises driver files, nodes, links and cache entries in a running container.
#include "command/containers/container_driver.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <set>

#include "formats/ld_cache.hpp"
#include "inject/loader_files.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxLoaderCache = 64UL << 20U;
constexpr std::size_t kMaxNodes = 4096;
constexpr std::string_view kVersion = "$VERSION";

bool is_own(const Component& row) { return row.versioning == Versioning::own; }

/// Recognises `libcuda.so.535.309.01` and returns its component and version. The name
/// `libcuda.so.1`, under which the library may have been mounted, contains no driver version.
std::optional<MountedFile> as_library(const std::string& name) {
  const std::string_view base = library_base_name(name);
  const Component* row = base == name ? nullptr : classify_library(base);
  if (row == nullptr) return std::nullopt;
  std::string version = name.substr(base.size() + 1);
  if (is_own(*row) || !is_driver_version(version)) version.clear();
  return MountedFile{.component = row, .version = std::move(version)};
}

/// Recognises for example `/lib/firmware/nvidia/535.309.01/gsp_ga10x.bin`.
std::optional<MountedFile> as_firmware(const std::string& target) {
  constexpr std::string_view kDirectory = "/firmware/nvidia/";
  const auto at = target.find(kDirectory);
  const auto end = at == std::string::npos ? at : target.find('/', at + kDirectory.size());
  if (end == std::string::npos) return std::nullopt;
  const auto start = at + kDirectory.size();
  return MountedFile{.component = &firmware_component(),
                     .version = target.substr(start, end - start)};
}

/// Returns `text` without `prefix`; nullopt if it does not start with it.
std::optional<std::string> behind(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return std::string(text.substr(prefix.size()));
}

/// Recognises a data file or a module of the X server, of which `row` has a pattern or a name with
/// the place of the version.
std::optional<MountedFile> as_data_file(const Component& row, const std::string& target,
                                        const std::string& name) {
  // A module of RPM packages has no version in its name.
  const bool is_module = row.kind == ComponentKind::xorg_module;
  if (is_module && name == library_base_name(row.name)) return MountedFile{.component = &row};
  const auto at = row.name.find(kVersion);
  if (at == std::string_view::npos) {
    if (!matches_pattern("*/" + std::string(row.name), target)) return std::nullopt;
    return MountedFile{.component = &row};
  }
  const std::string_view file = row.name.substr(row.name.rfind('/') + 1);
  auto rest = behind(name, file.substr(0, file.find(kVersion)));
  const std::string_view tail = row.name.substr(at + kVersion.size());
  if (!rest || !rest->ends_with(tail)) return std::nullopt;
  rest->resize(rest->size() - tail.size());
  return MountedFile{.component = &row, .version = *std::move(rest)};
}

/// Recognises a component of another kind, whose name may contain the driver's version.
std::optional<MountedFile> as_row(const Component& row, const std::string& target,
                                  const std::string& name) {
  switch (row.kind) {
    case ComponentKind::binary:
      if (name == row.name) return MountedFile{.component = &row};
      break;
    case ComponentKind::ipc_socket:
      // The host's /var/run is usually a link, and the mount is at the place that it leads to.
      if (target.ends_with(row.name.substr(std::string_view("/var/run").size()))) {
        return MountedFile{.component = &row};
      }
      break;
    case ComponentKind::ipc_directory:
      if (name == row.name) return MountedFile{.component = &row};
      break;
    case ComponentKind::data_file:
    case ComponentKind::xorg_module:
      return as_data_file(row, target, name);
    case ComponentKind::wsl_store:
      if (target.starts_with("/usr/lib/wsl/drivers/") && matches_pattern(row.name, name)) {
        return MountedFile{.component = &row};
      }
      break;
    case ComponentKind::library:
    case ComponentKind::firmware:
      break;
  }
  return std::nullopt;
}

std::optional<MountedFile> recognise(const std::string& target) {
  const std::string name = target.substr(target.rfind('/') + 1);
  for (const Component& row : components()) {
    if (auto file = as_row(row, target, name)) return file;
  }
  if (name.find(".so") != std::string::npos) return as_library(name);
  return as_firmware(target);
}

void find_nodes(const RootDir& root, ContainerDriver& driver) {
  struct NodeDirectory {
    const char* directory;
    bool (*keep)(std::string_view name);
  };
  constexpr auto kAny = [](std::string_view /*name*/) { return true; };
  constexpr auto kNvidia = [](std::string_view name) {
    return name.starts_with("nvidia") || name == "gdrdrv" || name == "dxg";
  };
  constexpr std::array kPlaces{
      NodeDirectory{"/dev", kNvidia}, NodeDirectory{"/dev/nvidia-caps", kAny},
      NodeDirectory{"/dev/nvidia-caps-imex-channels", kAny}, NodeDirectory{"/dev/dri", kAny}};
  for (const NodeDirectory& place : kPlaces) {
    for (const std::string& name : root.list(place.directory, place.keep)) {
      const std::string path = std::string(place.directory) + "/" + name;
      const UniqueFd fd = root.open(path, O_PATH | O_NOFOLLOW);
      if (!fd || driver.nodes.size() >= kMaxNodes) continue;
      const FileStatus status = status_of(fd.get());
      if (!status.is_character_device()) continue;
      driver.nodes.push_back(
          {.path = path, .number = {.major = status.device_major, .minor = status.device_minor}});
    }
  }
}

void find_dangling_links(const RootDir& root, ContainerDriver& driver) {
  std::set<std::string> directories;
  for (const MountedFile& file : driver.files) {
    if (file.component->kind != ComponentKind::library) continue;
    directories.insert(file.target.substr(0, file.target.rfind('/')));
  }
  for (const std::string& directory : directories) {
    const auto names = root.list(directory, [](std::string_view name) {
      return classify_library(library_base_name(name)) != nullptr;
    });
    for (const std::string& name : names) {
      const std::string path = directory + "/" + name;
      const UniqueFd link = root.open(path, O_PATH | O_NOFOLLOW);
      if (link && status_of(link.get()).is_symlink() && !root.open(path, O_PATH)) {
        driver.dangling_links.push_back(path);
      }
    }
  }
}

void find_cache_entries(const RootDir& root, ContainerDriver& driver) {
  const auto bytes = root.read(kLoaderCache.str(), kMaxLoaderCache);
  const auto entries = bytes ? parse_ld_cache(*bytes) : std::nullopt;
  if (!entries) return;
  for (const LdCacheEntry& entry : *entries) {
    if (classify_library(library_base_name(entry.name)) == nullptr) continue;
    driver.cached.push_back(entry.path);
    if (!root.open(entry.path, O_PATH)) driver.missing_cached.push_back(entry.path);
  }
}

bool is_there(const RootDir& root, const std::vector<MountEntry>& mounts, const BindMount& step) {
  const UniqueFd fd = root.open(step.target.str(), O_PATH);
  if (!fd) return false;
  if (step.device) return status_of(fd.get()).is_character_device();
  // An empty file that an earlier mount left behind does not count, so a mount must be there.
  const std::string resolved = root.path_of(fd.get());
  return std::any_of(mounts.begin(), mounts.end(),
                     [&](const MountEntry& entry) { return entry.target == resolved; });
}

void find_missing(const RootDir& root, const std::vector<MountEntry>& mounts, const Plan& plan,
                  ContainerDriver& driver) {
  for (const BindMount& step : plan.mounts) {
    if (!step.optional && !is_there(root, mounts, step)) {
      driver.missing.push_back(step.target.str());
    }
  }
  for (const Symlink& step : plan.symlinks) {
    if (!step.optional && !root.open(step.link.str(), O_PATH | O_NOFOLLOW)) {
      driver.missing.push_back(step.link.str());
    }
  }
}

}  // namespace

std::optional<MountedFile> as_driver_file(const MountEntry& entry) {
  if (entry.target.starts_with("/dev/") || entry.target.starts_with("/proc/")) return std::nullopt;
  auto file = recognise(entry.target);
  if (!file) return std::nullopt;
  file->target = entry.target;
  file->source = entry.source;
  file->is_deleted = entry.is_deleted;
  return file;
}

ContainerDriver look_at_container(const RootDir& root, const std::vector<MountEntry>& mounts,
                                  const Plan* plan) {
  ContainerDriver driver;
  for (const MountEntry& entry : mounts) {
    if (auto file = as_driver_file(entry)) driver.files.push_back(*std::move(file));
  }
  find_nodes(root, driver);
  driver.gpus = root.list("/proc/driver/nvidia/gpus");
  find_dangling_links(root, driver);
  find_cache_entries(root, driver);
  if (plan != nullptr) find_missing(root, mounts, *plan, driver);
  return driver;
}

}  // namespace nvhook
