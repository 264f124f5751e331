// SPDX-License-Identifier: Apache-2.0
// Follows systemd's rules for names of cgroups and slices.
#include "cgroup/systemd/scope_unit.hpp"

#include <algorithm>
#include <set>

#include "cgroup/cgroup_text.hpp"
#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kScope = ".scope";
constexpr std::string_view kBpfProgram = "BPFProgram";
constexpr std::string_view kDeviceKind = "device:";  // of a BPFProgram
constexpr const char* kDropInHead =
    "# Made by oci-nvidia-hook, so that the container keeps its GPUs when systemd applies its\n"
    "# device policy again (systemctl daemon-reload). Goes with the unit.\n"
    "[Scope]\n";

bool is_user_manager(std::string_view name) {
  return name.starts_with("user@") && name.ends_with(".service");
}

std::optional<NamedScope> scope_in(std::string_view path) {
  const auto parts = split_list(path, '/');
  if (std::any_of(parts.begin(), parts.end(), is_user_manager)) return std::nullopt;
  for (std::size_t back = 1; back <= std::min<std::size_t>(parts.size(), 2); ++back) {
    std::string_view name = parts[parts.size() - back];
    // systemd puts `_` before names that the kernel could use for a file of its own.
    if (name.starts_with('_')) name.remove_prefix(1);
    if (!name.ends_with(kScope) || name == kScope) continue;
    NamedScope scope{.unit = std::string(name)};
    for (std::size_t at = 0; at + back <= parts.size(); ++at) {
      scope.control_group.append("/").append(parts[at]);
    }
    return scope;
  }
  return std::nullopt;
}

/// A line `key=value` of a unit file; empty for other lines.
struct Setting {
  std::string_view key = {};
  std::string_view value = {};
};

Setting setting_of(std::string_view line) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return {};
  return {.key = trim(line.substr(0, equals)), .value = trim(line.substr(equals + 1))};
}

std::string device_allow_line(DeviceNumber device) {
  return "DeviceAllow=/dev/char/" + to_string(device) + " rw";
}

/// Whether a line is `DeviceAllow=/dev/null rw`, `DevicePolicy=strict` or the like.
bool restricts(std::string_view line) {
  const Setting setting = setting_of(line);
  return (setting.key == "DeviceAllow" && !setting.value.empty()) ||
         (setting.key == "DevicePolicy" &&
          (setting.value == "strict" || setting.value == "closed"));
}

/// Adds systemd's `_` to names that need it. Only the cases that a unit with a container is likely
/// to have; systemd also marks some names that begin like a controller. If one of these is taken
/// for unmarked, the scope counts as another's, which is safe.
std::string marked(std::string_view name) {
  const bool needs_mark =
      name.starts_with('_') || name.starts_with('.') || name.starts_with("cgroup.");
  return (needs_mark ? "_" : "") + std::string(name);
}

/// Returns `/a.slice/a-b.slice` for `a-b.slice`; nullopt if it is not the name of a slice.
std::optional<std::string> path_of_slice(std::string_view slice) {
  constexpr std::string_view kSlice = ".slice";
  if (slice == "-.slice") return std::string();  // the root
  if (!slice.ends_with(kSlice) || slice.find('/') != std::string_view::npos) return std::nullopt;
  const std::string_view stem = slice.substr(0, slice.size() - kSlice.size());
  std::string path;
  for (std::size_t end = 0; end < stem.size();) {
    const auto dash = std::min(stem.find('-', end), stem.size());
    if (dash == end || dash + 1 == stem.size()) return std::nullopt;  // an empty part
    path += "/" + marked(std::string(stem.substr(0, dash)) + std::string(kSlice));
    end = dash + 1;
  }
  return path.empty() ? std::nullopt : std::optional(path);
}

/// The values of BPFProgram= that are in force, in their order.
std::vector<std::string_view> bpf_programs(std::string_view unit_text) {
  std::vector<std::string_view> programs;
  for (const std::string_view line : split(unit_text, '\n')) {
    const Setting setting = setting_of(line);
    if (setting.key != kBpfProgram) continue;
    if (setting.value.empty()) {
      programs.clear();
    } else {
      programs.push_back(setting.value);
    }
  }
  return programs;
}

}  // namespace

std::optional<NamedScope> container_scope(std::string_view cgroup) {
  for (const DeviceCgroup& listed : listed_device_cgroups(cgroup)) {
    if (auto scope = scope_in(listed.directory)) return scope;
  }
  return std::nullopt;
}

std::optional<std::string> control_group_by_slice(std::string_view unit,
                                                  std::string_view unit_text) {
  std::string_view slice = "system.slice";
  for (const std::string_view line : split(unit_text, '\n')) {
    const Setting setting = setting_of(line);
    if (setting.key == "Slice") slice = setting.value;
  }
  const auto path = path_of_slice(slice);
  if (!path) return std::nullopt;
  return *path + "/" + marked(unit);
}

bool restricts_devices(std::string_view unit_text) {
  const auto lines = split(unit_text, '\n');
  return std::any_of(lines.begin(), lines.end(), restricts);
}

DevicePolicy device_policy(std::string_view unit_text) {
  DevicePolicy policy;
  for (const std::string_view line : split(unit_text, '\n')) {
    const Setting setting = setting_of(line);
    if (setting.key == "DevicePolicy") policy.name = setting.value;
    if (setting.key != "DeviceAllow") continue;
    if (setting.value.empty()) {
      policy.allowed.clear();
    } else {
      policy.allowed.push_back(setting.value);
    }
  }
  return policy;
}

std::string without_devices(std::string_view unit_text, const std::vector<DeviceNumber>& devices) {
  std::set<std::string> removed;
  for (const DeviceNumber& device : devices) removed.insert(device_allow_line(device));
  std::string text;
  for (const std::string_view line : split(unit_text, '\n')) {
    if (!removed.contains(std::string(line))) text.append(line).append("\n");
  }
  return text;
}

bool allows_devices(std::string_view unit_text, const std::vector<DeviceNumber>& devices) {
  std::set<std::string_view> allowed;
  for (const std::string_view value : device_policy(unit_text).allowed) {
    const auto space = value.find(' ');
    const std::string_view access = value.substr(std::min(space, value.size()));
    if (access.find('r') == std::string_view::npos || access.find('w') == std::string_view::npos)
      continue;
    allowed.insert(value.substr(0, space));
  }
  return std::all_of(devices.begin(), devices.end(), [&](DeviceNumber device) {
    return allowed.contains(std::string("/dev/char/") + to_string(device));
  });
}

std::optional<std::string> pinned_device_filter(std::string_view unit_text) {
  std::optional<std::string> path;
  for (const std::string_view program : bpf_programs(unit_text)) {
    if (program.starts_with(kDeviceKind)) path = program.substr(kDeviceKind.size());
  }
  return path;
}

std::string pinned_filter_drop_in(std::string_view unit_text, std::string_view path) {
  const std::string assignment = std::string(kBpfProgram) + "=";
  std::string text = kDropInHead + assignment + "\n";
  for (const std::string_view program : bpf_programs(unit_text)) {
    if (!program.starts_with(kDeviceKind)) text.append(assignment).append(program).append("\n");
  }
  return text.append(assignment).append(kDeviceKind).append(path).append("\n");
}

std::string pin_name(std::string_view scope) {
  std::string name(scope);
  std::replace(name.begin(), name.end(), '.', '+');
  return name;
}

std::string device_allow_drop_in(const std::vector<DeviceNumber>& devices) {
  std::string text = kDropInHead;
  for (const DeviceNumber& device : devices) {
    text += device_allow_line(device) + "\n";
  }
  return text;
}

}  // namespace nvhook
