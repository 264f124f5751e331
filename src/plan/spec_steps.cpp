// SPDX-License-Identifier: Apache-2.0
// Reads only the lists that a plan can be in; unknown members are ignored.
#include "plan/spec_steps.hpp"

#include <algorithm>

#include "oci/spec_text.hpp"
#include "os/device_number.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

const std::string kMounts = "mounts";
const std::string kNodes = "linux.devices";
const std::string kRules = "linux.resources.devices";

bool is_below(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory == "/" ? directory : directory + "/");
}

std::string text_in(std::string_view object, std::string_view name, const std::string& where) {
  const std::string_view value = json_member(object, name, where);
  return value.empty() ? std::string() : json_string(value, where);
}

/// Returns the elements of the list `name` of `object`; none if there is no list.
std::vector<JsonPart> list_in(std::string_view object, std::string_view name,
                              const std::string& where) {
  const std::string_view list = object.empty() ? object : json_member(object, name, where);
  return list.empty() ? std::vector<JsonPart>() : json_elements(list, where);
}

std::string_view object_in(std::string_view object, std::string_view name,
                           const std::string& where) {
  return object.empty() ? object : json_member(object, name, where);
}

bool contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

/// In a rule an absent or negative number matches all.
bool matches(const std::string& written, unsigned number) {
  return written.empty() || written.starts_with('-') || written == std::to_string(number);
}

}  // namespace

std::string host_path(const HostFile& file, const std::string& driver_root) {
  const bool prefixed = file.root == HostRoot::driver;
  return clean_path((prefixed ? driver_root : "") + file.path.str());
}

std::vector<std::string> option_names(const MountAttributes& attributes) {
  std::vector<std::string> names;
  if (attributes.read_only) names.emplace_back("ro");
  names.emplace_back("nosuid");
  if (attributes.no_dev) names.emplace_back("nodev");
  if (attributes.no_exec) names.emplace_back("noexec");
  return names;
}

SpecSteps::Mount SpecSteps::mount_of(std::string_view text) {
  Mount mount{.destination = clean_path(text_in(text, "destination", kMounts)),
              .source = clean_path(text_in(text, "source", kMounts)),
              .type = text_in(text, "type", kMounts)};
  for (const JsonPart& option : list_in(text, "options", kMounts)) {
    mount.options.push_back(json_string(option.value(), kMounts));
  }
  return mount;
}

SpecSteps::Device SpecSteps::device_of(std::string_view text) {
  return {.path = text_in(text, "path", kNodes),
          .type = text_in(text, "type", kNodes),
          .major = std::string(json_member(text, "major", kNodes)),
          .minor = std::string(json_member(text, "minor", kNodes)),
          .allow = json_member(text, "allow", kNodes) == "true",
          .access = text_in(text, "access", kNodes)};
}

SpecSteps::SpecSteps(std::string_view json) {
  const auto extent = first_json_object(json);
  if (!extent) throw_spec_invalid("config.json is not one whole JSON object");
  const std::string_view spec = extent->object;
  const std::string_view linux_object = object_in(spec, "linux", "linux");
  const std::string_view resources = object_in(linux_object, "resources", "linux.resources");
  for (const JsonPart& mount : list_in(spec, "mounts", kMounts)) {
    mounts_.push_back(mount_of(mount.value()));
  }
  for (const JsonPart& node : list_in(linux_object, "devices", kNodes)) {
    nodes_.push_back(device_of(node.value()));
  }
  for (const JsonPart& one : list_in(linux_object, "namespaces", "linux")) {
    if (text_in(one.value(), "type", "linux.namespaces") == "user") has_user_namespace_ = true;
  }
  for (const JsonPart& rule : list_in(resources, "devices", kRules)) {
    rules_.push_back(device_of(rule.value()));
  }
}

bool SpecSteps::mounts(const BindMount& mount, const std::string& driver_root) const {
  const auto on_top = std::find_if(mounts_.rbegin(), mounts_.rend(), [&](const Mount& other) {
    return is_below(mount.target.str(), other.destination);
  });
  if (on_top == mounts_.rend() || on_top->destination != mount.target.str() ||
      on_top->source != host_path(mount.source, driver_root)) {
    return false;
  }
  std::vector<std::string> needed = option_names(mount.attributes);
  needed.emplace_back("bind");
  return std::all_of(needed.begin(), needed.end(),
                     [&](const std::string& option) { return contains(on_top->options, option); });
}

bool SpecSteps::has_node(const ContainerPath& path) const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [&](const Device& node) { return node.path == path.str(); });
}

bool SpecSteps::makes_node(const ContainerPath& path, DeviceNumber number) const {
  const auto is_it = [&](const Device& node) {
    return node.path == path.str() && (node.type == "c" || node.type == "u") &&
           node.major == std::to_string(number.major) && node.minor == std::to_string(number.minor);
  };
  return can_make_node(path) && std::any_of(nodes_.begin(), nodes_.end(), is_it);
}

bool SpecSteps::can_make_node(const ContainerPath& path) const {
  const Mount* around = nullptr;
  for (const Mount& mount : mounts_) {
    if (!is_below(path.str(), mount.destination)) continue;
    const bool is_nearer =
        around == nullptr || mount.destination.size() >= around->destination.size();
    if (is_nearer) around = &mount;
  }
  return around != nullptr && around->destination == "/dev" && around->type == "tmpfs";
}

bool SpecSteps::allows(DeviceNumber device) const {
  bool reads = false;
  bool writes = false;
  for (const Device& rule : rules_) {
    const bool is_for_nodes = rule.type.empty() || rule.type == "a" || rule.type == "c";
    if (!is_for_nodes || !matches(rule.major, device.major) || !matches(rule.minor, device.minor)) {
      continue;
    }
    const bool all = rule.access.empty();
    if (all || rule.access.find('r') != std::string::npos) reads = rule.allow;
    if (all || rule.access.find('w') != std::string::npos) writes = rule.allow;
  }
  return reads && writes;
}

}  // namespace nvhook
