// SPDX-License-Identifier: Apache-2.0
// What NRI can express of a plan; the runtime adds the rule of each device itself.
#include "nri/nri_adjustment.hpp"

#include <algorithm>

#include "plan/spec_steps.hpp"
#include "request/device_words.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

void add_node(const BindMount& mount, const NodeStatus& status, nri::LinuxAdjustment& adjusted) {
  nri::LinuxDevice& device = *adjusted.add_devices();
  device.set_path(mount.target.str());
  device.set_type("c");
  device.set_major(mount.device->major);
  device.set_minor(mount.device->minor);
  device.mutable_file_mode()->set_value(status.mode);
  device.mutable_uid()->set_value(status.owner);
  device.mutable_gid()->set_value(status.group);
}

void add_rule(DeviceNumber number, nri::LinuxAdjustment& adjusted) {
  nri::DeviceRule& rule = *adjusted.mutable_resources()->add_devices();
  rule.set_allow(true);
  rule.set_type("c");
  rule.mutable_major()->set_value(number.major);
  rule.mutable_minor()->set_value(number.minor);
  rule.set_access("rw");
}

/// Of a device with a node, NRI adds the rule, too.
void add_devices(const Plan& plan, const SpecEdit& edit, nri::LinuxAdjustment& adjusted) {
  std::vector<DeviceNumber> with_node;
  for (const BindMount& mount : plan.mounts) {
    const auto node = edit.nodes.find(mount.target);
    if (!mount.device || node == edit.nodes.end()) continue;
    add_node(mount, node->second, adjusted);
    with_node.push_back(*mount.device);
  }
  for (const DeviceRule& rule : plan.device_rules) {
    if (std::find(with_node.begin(), with_node.end(), rule.device) == with_node.end()) {
      add_rule(rule.device, adjusted);
    }
  }
}

void add_file(const BindMount& mount, const std::string& driver_root, nri::Adjustment& adjusted) {
  nri::Mount& added = *adjusted.add_mounts();
  added.set_destination(mount.target.str());
  added.set_type("bind");
  added.set_source(host_path(mount.source, driver_root));
  added.add_options("bind");
  for (const std::string& option : option_names(mount.attributes)) added.add_options(option);
  added.add_options("private");
}

/// A loader that reads no cache finds a library by the name of its link, which NRI cannot make.
void add_files(const Plan& plan, const std::string& driver_root, nri::Adjustment& adjusted) {
  std::map<ContainerPath, const BindMount*> at;
  for (const BindMount& mount : plan.mounts) {
    if (!is_for_spec(mount, plan)) continue;
    add_file(mount, driver_root, adjusted);
    at[mount.target] = &mount;
  }
  // A link may lead to another one.
  for (std::size_t before = 0; before != at.size();) {
    before = at.size();
    for (const Symlink& link : plan.symlinks) {
      const auto target = at.find(link.link.parent() / link.target);
      if (target == at.end() || at.contains(link.link)) continue;
      BindMount named = *target->second;
      named.target = link.link;
      add_file(named, driver_root, adjusted);
      at[link.link] = target->second;
    }
  }
}

}  // namespace

nri::Adjustment adjustment_of(const Plan& plan, const SpecEdit& edit) {
  nri::Adjustment adjusted;
  nri::KeyValue& variable = *adjusted.add_env();
  variable.set_key("NVIDIA_VISIBLE_DEVICES");
  variable.set_value("void");
  add_devices(plan, edit, *adjusted.mutable_linux());
  if (edit.hook.empty()) {
    add_files(plan, edit.driver_root, adjusted);
    return adjusted;
  }
  nri::Hook& hook = *adjusted.mutable_hooks()->add_create_runtime();
  hook.set_path(edit.hook);
  for (const std::string& argument : edit.hook_arguments) hook.add_args(argument);
  hook.add_env(kHookPath);
  return adjusted;
}

void remount_requests(const nri::Container& container, nri::Adjustment& adjusted) {
  const auto& namespaces = container.linux().namespaces();
  if (std::none_of(namespaces.begin(), namespaces.end(),
                   [](const nri::LinuxNamespace& each) { return each.type() == "user"; })) {
    return;
  }
  for (const nri::Mount& mount : container.mounts()) {
    if (!names_device({.source = mount.source(), .destination = mount.destination()})) continue;
    adjusted.add_mounts()->set_destination("-" + mount.destination());  // takes it away
    *adjusted.add_mounts() = mount;
  }
}

std::string lacking_without_hook(const Plan& plan) {
  std::vector<std::string> lacking;
  if (!plan.loader_entries.empty() || plan.loader_path) lacking.emplace_back("the loader's cache");
  for (const TmpfsMount& tmpfs : plan.tmpfs) lacking.push_back(tmpfs.target.str());
  for (const BindMount& mount : plan.mounts) {
    const bool is_below_tmpfs =
        std::any_of(plan.tmpfs.begin(), plan.tmpfs.end(), [&](const TmpfsMount& tmpfs) {
          return mount.target.str().starts_with(tmpfs.target.str() + "/");
        });
    if (!mount.device && !is_below_tmpfs && !is_for_spec(mount, plan)) {
      lacking.push_back(mount.target.str());
    }
  }
  return join(lacking, ", ");
}

}  // namespace nvhook
