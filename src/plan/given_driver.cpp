// SPDX-License-Identifier: Apache-2.0
// Judges by nodes, mounts and hooks together, because each of them alone has other causes, too.
#include "plan/given_driver.hpp"

#include <algorithm>
#include <map>

#include "text/text.hpp"

namespace nvhook {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_driver_node(std::string_view path) {
  return path.starts_with("/dev/nvidia") || path == "/dev/dxg" || path.starts_with("/dev/dri/") ||
         path == "/dev/gdrdrv" || path.starts_with("/dev/infiniband/");
}

bool is_driver_file(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return contains(name, "nvidia") || name.starts_with("libcuda") || name.starts_with("libnv");
}

std::string program_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

bool is_given_by_engine(std::string_view json, const ContainerSpec& spec,
                        const LinuxSpec& linux_spec) {
  if (has_cdi_hook(json)) return true;
  if (is_edited(json)) return false;
  if (has_driver_by_engine(spec, linux_spec)) return true;
  if (!has_control_node(spec, linux_spec)) return false;
  const std::vector<SpecHook> hooks = nvidia_cdi_hooks(json);
  return std::any_of(hooks.begin(), hooks.end(), serves_driver) && !has_gpus_hook(json);
}

GivenDriver given_driver(std::string_view json, const ContainerSpec& spec,
                         const LinuxSpec& linux_spec) {
  GivenDriver given{.own_hooks = own_cdi_hooks(json), .nvidia_hooks = nvidia_cdi_hooks(json)};
  for (const SpecNode& node : linux_spec.nodes) {
    if (is_driver_node(node.path)) given.nodes.push_back(node.path);
  }
  for (const SpecMount& mount : spec.mounts) {
    if (is_driver_node(mount.destination)) {
      given.nodes.push_back(mount.destination);
    } else if (is_driver_file(mount.destination)) {
      given.files.push_back(mount.destination);
    }
  }
  for (const auto& [key, value] : parse_annotations(json)) {
    if (key.starts_with("cdi.k8s.io/")) given.names.emplace(key, value);
  }
  return given;
}

std::string described(const std::vector<SpecHook>& hooks) {
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> commands;
  for (const SpecHook& hook : hooks) {
    commands[{hook.stage, program_name(hook.path)}].emplace_back(cdi_command(hook));
  }
  std::vector<std::string> parts;
  parts.reserve(commands.size());
  for (const auto& [where, names] : commands) {
    parts.push_back(where.second + " " + join(names, ", ") + " at " + where.first);
  }
  return join(parts, "; ");
}

}  // namespace nvhook
