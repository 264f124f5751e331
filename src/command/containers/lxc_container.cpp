// SPDX-License-Identifier: Apache-2.0
// lxc.container.conf(5); the cgroup is named as LXC 4 and later do.
#include "command/containers/lxc_container.hpp"

#include <fcntl.h>

#include "command/containers/container_cgroup.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxRecord = 1UL << 20U;

std::string config_of(const std::string& name) { return "/var/lib/lxc/" + name + "/config"; }

/// Whether the process is the first one of its PID namespace, by the NSpid of its status.
bool is_first_process(std::string_view status) {
  for (const std::string_view line : split_list(status, '\n')) {
    if (!line.starts_with("NSpid:")) continue;
    const auto numbers = split_list(line, '\t');
    return numbers.size() > 2 && numbers.back() == "1";
  }
  return false;
}

pid_t first_process_of(const std::string& name, const RootDir& system) {
  const auto is_number = [](std::string_view word) { return parse_unsigned(word).has_value(); };
  for (const std::string& pid : system.list("/proc", is_number)) {
    const auto cgroup = system.read("/proc/" + pid + "/cgroup", kMaxRecord);
    if (!cgroup || !own_cgroups(*cgroup, "", name)) continue;
    const auto status = system.read("/proc/" + pid + "/status", kMaxRecord);
    if (status && is_first_process(*status)) return static_cast<pid_t>(*parse_unsigned(pid));
  }
  return 0;
}

}  // namespace

std::optional<ContainerRecord> find_lxc_container(const std::string& name, const RootDir& system) {
  const bool is_name =
      !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
  if (!is_name || !system.open(config_of(name), O_PATH)) return std::nullopt;
  return ContainerRecord{
      .engine = std::string(kLxc), .id = name, .name = name, .pid = first_process_of(name, system)};
}

std::string parse_lxc_rootfs(std::string_view config) {
  std::string path;
  for (const std::string_view line : split_list(config, '\n')) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || trim(line.substr(0, equals)) != "lxc.rootfs.path") {
      continue;
    }
    std::string_view value = trim(line.substr(equals + 1));
    if (value.starts_with("dir:")) value.remove_prefix(4);
    path = value.starts_with('/') ? std::string(value) : std::string();
  }
  return path;
}

std::string lxc_rootfs(const std::string& name, const RootDir& system) {
  return parse_lxc_rootfs(system.read(config_of(name), kMaxRecord).value_or(""));
}

}  // namespace nvhook
