// SPDX-License-Identifier: Apache-2.0
// Looks for the name that the runtime chose in the path of each hierarchy.
#include "command/containers/container_cgroup.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "text/text.hpp"

namespace nvhook {
namespace {

using Path = std::vector<std::string_view>;

constexpr std::string_view kScope = ".scope";
// The cgroup that crun's systemd manager makes for the container below its scope.
constexpr std::string_view kBelowScope = "container";

/// The names between the slashes as they are: a cgroup's name may begin or end with a space.
Path components_of(std::string_view path) {
  Path parts = split(path, '/');
  std::erase(parts, "");
  return parts;
}

/// Returns the name of the scope that `slice:prefix:name` stands for; empty for a plain path.
std::string scope_of(std::string_view cgroups_path) {
  const auto parts = split(cgroups_path, ':');
  if (parts.size() != 3 || cgroups_path.starts_with('/')) return {};
  if (parts[2].ends_with(".slice")) return std::string(parts[2]);
  const std::string prefix = parts[1].empty() ? "" : std::string(parts[1]) + "-";
  return prefix + std::string(parts[2]) + std::string(kScope);
}

/// What the container's cgroup may be named: a runtime without systemd takes any text for a path.
std::vector<std::string> names_of(std::string_view cgroups_path, std::string_view id) {
  if (cgroups_path.empty()) {
    const std::string name(id);
    return {name, "runc-" + name + std::string(kScope), "crun-" + name + std::string(kScope),
            "lxc.payload." + name};
  }
  std::vector<std::string> names = {std::string(cgroups_path)};
  if (std::string scope = scope_of(cgroups_path); !scope.empty()) names.push_back(scope);
  return names;
}

/// Returns how many components of `path` lead to the outermost cgroup called `name`; 0 if none is.
std::size_t end_of(const Path& path, std::string_view name) {
  const Path wanted = components_of(name);
  if (wanted.empty()) return 0;
  const auto found = std::search(path.begin(), path.end(), wanted.begin(), wanted.end());
  if (found == path.end()) return 0;
  return static_cast<std::size_t>(found - path.begin()) + wanted.size();
}

/// Returns the container's cgroup in `path`; empty if it is not there.
std::string own_path(std::string_view path, const std::vector<std::string>& names) {
  const Path parts = components_of(path);
  std::size_t size = 0;
  for (const std::string& name : names) {
    if (size == 0) size = end_of(parts, name);
  }
  if (size == 0) return {};
  if (size < parts.size() && parts[size - 1].ends_with(kScope) && parts[size] == kBelowScope) {
    ++size;
  }
  std::string own;
  for (std::size_t at = 0; at < size; ++at) own.append("/").append(parts[at]);
  return own;
}

}  // namespace

std::string parse_cgroups_path(std::string_view config_json) {
  const auto json = nlohmann::json::parse(config_json, nullptr, false);
  const auto at = nlohmann::json::json_pointer("/linux/cgroupsPath");
  if (json.is_discarded() || !json.contains(at) || !json[at].is_string()) return {};
  return json[at].get<std::string>();
}

std::optional<std::string> own_cgroups(std::string_view cgroup, std::string_view cgroups_path,
                                       std::string_view id) {
  if (cgroups_path.empty() && id.empty()) return std::nullopt;
  const std::vector<std::string> names = names_of(cgroups_path, id);
  std::string text;
  for (const std::string_view line : split(cgroup, '\n')) {
    // `hierarchy:controllers:path`; only the path may have further colons.
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string own = own_path(line.substr(second + 1), names);
    if (!own.empty()) text.append(line.substr(0, second + 1)).append(own).append("\n");
  }
  return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace nvhook
