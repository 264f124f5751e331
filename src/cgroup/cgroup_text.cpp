// SPDX-License-Identifier: Apache-2.0
// A mount counts only if no other mount hides it.
#include "cgroup/cgroup_text.hpp"

#include <algorithm>
#include <cstdint>

#include "formats/mountinfo.hpp"
#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Hierarchy = DeviceCgroup::Version;

using Mount = MountinfoLine;

bool contains(const std::vector<std::string_view>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  for (const std::string_view line : split(mountinfo, '\n')) {
    if (const auto mount = parse_mountinfo_line(line)) mounts.push_back(*mount);
  }
  return mounts;
}

const Mount* find_mount(std::uint64_t id, const std::vector<Mount>& mounts) {
  const auto found = std::find_if(mounts.begin(), mounts.end(),
                                  [&](const Mount& mount) { return mount.id == id; });
  return found == mounts.end() ? nullptr : &*found;
}

/// Whether another mount covers `point` on `parent`, or a directory above it. `way` is the mount
/// that the path continues with; nullptr at its end.
bool is_covered(const Mount& parent, std::string_view point, const Mount* way,
                const std::vector<Mount>& mounts) {
  return std::any_of(mounts.begin(), mounts.end(), [&](const Mount& other) {
    return other.parent == parent.id && other.id != parent.id && &other != way &&
           rest_below(point, other.point).has_value();
  });
}

/// The path to a mount leads through all mounts below it, and each of them can be covered. LXC
/// mounts new cgroups over the old ones, which stay in the list.
bool is_hidden(const Mount& mount, const std::vector<Mount>& mounts) {
  if (is_covered(mount, mount.point, nullptr, mounts)) return true;
  const Mount* way = &mount;
  // No path is longer than the list; the bound also ends a loop in a forged text.
  for (std::size_t step = 0; step < mounts.size(); ++step) {
    const Mount* parent = find_mount(way->parent, mounts);
    if (parent == nullptr || parent == way) return false;
    if (is_covered(*parent, way->point, way, mounts)) return true;
    way = parent;
  }
  return false;
}

bool shows(const Mount& mount, Hierarchy version) {
  if (version == Hierarchy::v2) return mount.type == "cgroup2";
  return mount.type == "cgroup" && contains(split_list(mount.super_options, ','), "devices");
}

bool has_dot_dot(std::string_view path) { return contains(split(path, '/'), ".."); }

bool names(std::string_view word, unsigned number) {
  return word == "*" || parse_unsigned(word) == number;
}

std::optional<std::string> directory_of(const DeviceCgroup& listed,
                                        const std::vector<Mount>& mounts) {
  if (has_dot_dot(listed.directory)) return std::nullopt;
  for (const Mount& mount : mounts) {
    if (!shows(mount, listed.version)) continue;
    const auto rest = rest_below(listed.directory, unescape_mountinfo(mount.root));
    if (!rest || is_hidden(mount, mounts)) continue;
    std::string directory = unescape_mountinfo(mount.point) + std::string(*rest);
    if (!has_dot_dot(directory)) return directory;
  }
  return std::nullopt;
}

}  // namespace

std::vector<DeviceCgroup> listed_device_cgroups(std::string_view cgroup) {
  std::optional<DeviceCgroup> v1;
  std::optional<DeviceCgroup> v2;
  for (const std::string_view line : split(cgroup, '\n')) {
    // `hierarchy:controllers:path`; the path may contain colons.
    const auto first = line.find(':');
    const auto second = line.find(':', first == std::string_view::npos ? first : first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (!path.starts_with('/')) continue;
    if (!v2 && line.substr(0, first) == "0" && controllers.empty()) {
      v2 = DeviceCgroup{.version = Hierarchy::v2, .directory = path};
    } else if (!v1 && contains(split(controllers, ','), "devices")) {
      v1 = DeviceCgroup{.version = Hierarchy::v1, .directory = path};
    }
  }
  std::vector<DeviceCgroup> listed;
  if (v1) listed.push_back(std::move(*v1));
  if (v2) listed.push_back(std::move(*v2));
  return listed;
}

std::vector<DeviceCgroup> find_device_cgroups(std::string_view cgroup, std::string_view mountinfo) {
  const std::vector<Mount> mounts = parse_mounts(mountinfo);
  std::vector<DeviceCgroup> found;
  for (const DeviceCgroup& listed : listed_device_cgroups(cgroup)) {
    if (auto directory = directory_of(listed, mounts)) {
      found.push_back({.version = listed.version, .directory = std::move(*directory)});
    }
  }
  return found;
}

std::optional<std::string> parent_scope(std::string_view directory) {
  const auto slash = directory.rfind('/');
  if (slash == std::string_view::npos || slash + 1 == directory.size()) return std::nullopt;
  const std::string_view parent = directory.substr(0, slash);
  if (!parent.ends_with(".scope")) return std::nullopt;
  return std::string(parent);
}

std::string missing_device_access(std::string_view list, DeviceNumber device) {
  std::string missing = "rw";
  for (const std::string_view line : split(list, '\n')) {
    // `c 195:* rwm`, or `a *:* rwm` if everything is allowed.
    const auto words = split_list(line, ' ');
    if (words.size() != 3 || (words[0] != "c" && words[0] != "a")) continue;
    const auto numbers = split(words[1], ':');
    if (numbers.size() != 2 || !names(numbers[0], device.major) ||
        !names(numbers[1], device.minor)) {
      continue;
    }
    const auto is_allowed = [&](char access) {
      return words[2].find(access) != std::string_view::npos;
    };
    if (is_allowed('r') && is_allowed('w')) return {};
    const bool is_exact = numbers[0] != "*" && numbers[1] != "*";
    if (is_exact) std::erase_if(missing, is_allowed);
  }
  return missing;
}

}  // namespace nvhook
