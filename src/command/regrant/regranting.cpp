// SPDX-License-Identifier: Apache-2.0
// The process is pinned first, so that all that is read of it belongs to one container.
#include "command/regrant/regranting.hpp"

#include <fcntl.h>

#include <algorithm>
#include <set>

#include "command/containers/container_cgroup.hpp"
#include "command/containers/container_lookup.hpp"
#include "command/containers/container_plan.hpp"
#include "command/containers/process_view.hpp"
#include "inject/container_process.hpp"
#include "inject/device_grant.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Result = Regrant::Result;

constexpr std::size_t kMostNames = 4096;

std::optional<DeviceNumber> number_of(const RootDir& root, const std::string& path) {
  const UniqueFd node = root.open(path, O_PATH | O_NOFOLLOW);
  if (!node) return std::nullopt;
  const FileStatus status = status_of(node.get());
  if (!status.is_character_device()) return std::nullopt;
  return DeviceNumber{status.device_major, status.device_minor};
}

/// Returns the devices whose nodes are in the container where `plan` mounts them. A hostile
/// container can add some, but only the rules of the plan are granted.
std::set<DeviceNumber> devices_in(const RootDir& root, const Plan& plan) {
  std::set<DeviceNumber> devices;
  const auto add = [&](const std::string& path) {
    if (const auto number = number_of(root, path)) devices.insert(*number);
  };
  for (const BindMount& mount : plan.mounts) {
    const std::string& target = mount.target.str();
    if (mount.type == SourceType::character_device) add(target);
    // MIG administration mounts a whole directory of nodes.
    if (mount.type != SourceType::directory || mount.attributes.no_dev) continue;
    std::vector<std::string> names = root.list(target);
    names.resize(std::min(names.size(), kMostNames));
    for (const std::string& name : names) add(target + "/" + name);
  }
  return devices;
}

/// Returns the rules of `plan` that the container was given when it started: since then the numbers
/// of GPUs may have changed.
std::vector<DeviceRule> rules_given(const Plan& plan, const RootDir& root, Notes& notes) {
  const std::set<DeviceNumber> given = devices_in(root, plan);
  std::vector<DeviceRule> rules;
  for (const DeviceRule& rule : plan.device_rules) {
    if (given.contains(rule.device)) {
      rules.push_back(rule);
      continue;
    }
    notes.push_back(warning("left out " + to_rule(rule.device) +
                            (rule.node.str().empty() ? "" : " (" + rule.node.str() + ")") +
                            ": the container has no node of it, so it was not given this device; "
                            "restart the container to get it"));
  }
  return rules;
}

/// Returns why the devices of the container are not ours to give; empty if they are.
std::string reason_to_leave_alone(const ContainerPlan& plan) {
  if (!plan.has_config) return "its config.json is not known, so neither is what it was given";
  switch (plan.injector) {
    case Injector::nobody:
      return plan.is_changed ? plan.no_request : "it does not ask for GPUs";
    case Injector::engine:
      return "its engine gave it the GPUs itself (CDI), by rules that are not known here; if it "
             "lost them, restart it";
    case Injector::completing_hook:
    case Injector::this_hook:
      return {};
  }
  return {};
}

std::string own_cgroups_of(const ContainerRecord& record, const ContainerPlan& plan,
                           const ContainerProcess& process) {
  auto own = own_cgroups(process.cgroup_text(), plan.cgroups_path, record.id);
  if (own) return *std::move(own);
  throw Error(Code::cgroup_not_found,
              "process " + std::to_string(record.pid) + " is not in the cgroup of " +
                  describe(record) + ", `" +
                  (plan.cgroups_path.empty() ? record.id : plan.cgroups_path) + "`",
              "look whether that container still runs, and restart it");
}

std::vector<DeviceRule> rules_for(const std::vector<DeviceNumber>& devices,
                                  const std::vector<DeviceRule>& rules) {
  std::vector<DeviceRule> chosen;
  for (const DeviceRule& rule : rules) {
    if (std::binary_search(devices.begin(), devices.end(), rule.device)) chosen.push_back(rule);
  }
  return chosen;
}

void grant_or_undo(DeviceGrant& grant, const ContainerProcess& process) {
  try {
    grant.grant(process);
  } catch (...) {
    grant.revoke();
    throw;
  }
}

void append(Notes& notes, const Notes& more) {
  notes.insert(notes.end(), more.begin(), more.end());
}

}  // namespace

Regrant regrant(const ContainerRecord& record, const HostConfig& config, CommandContext& context,
                Granting granting) {
  Regrant done{.container = record, .result = Result::left_alone};
  if (!record.user.empty()) {
    done.reason = "it is rootless, and no device rules are in force in a user namespace";
    return done;
  }
  const ContainerProcess process(record.pid);
  const RootDir root = ProcessView(record.pid, context.system).root();
  const ContainerPlan plan = plan_again(record, root, config, context);
  done.reason = reason_to_leave_alone(plan);
  if (!done.reason.empty()) {
    done.is_unknown = plan.injector != Injector::nobody || !plan.has_config;
    return done;
  }
  if (plan.failure) throw Error(*plan.failure);
  const std::vector<DeviceRule> rules = rules_given(plan.planned->plan, root, done.notes);
  DeviceGrant grant(context.system, plan.planned->host.driver_root, plan.config_json);
  grant.expect_granted(devices_of(plan.planned->plan.device_rules));
  grant.prepare(own_cgroups_of(record, plan, process), rules);
  done.rules = rules_for(grant.missing(), rules);
  if (!done.rules.empty()) {
    done.result = Result::granted;
  } else {
    done.rules = rules;
    // With an edited config.json it is the runtime that tells systemd, in ways of its own.
    const bool is_kept = plan.injector == Injector::completing_hook || grant.is_known_to_systemd();
    done.result = is_kept ? Result::nothing_to_do : Result::told_to_systemd;
  }
  if (done.result != Result::nothing_to_do && granting == Granting::done) {
    grant_or_undo(grant, process);
  }
  append(done.notes, grant.notes());
  return done;
}

}  // namespace nvhook
