// SPDX-License-Identifier: Apache-2.0
// Today's plan, less what is there; what is stale gives way to its successor, or goes.
#include "command/refresh/refreshing.hpp"

#include <fcntl.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "command/attach/live_request.hpp"
#include "command/containers/root_request.hpp"
#include "command/refresh/wanted.hpp"
#include "command/render/mount_table.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "inject/applied_steps.hpp"
#include "inject/apply_plan.hpp"
#include "os/mount_root.hpp"
#include "plan/run.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

bool is_on_any(const std::vector<TmpfsMount>& mounts, const std::string& path) {
  return std::any_of(mounts.begin(), mounts.end(), [&](const TmpfsMount& mount) {
    return path.starts_with(mount.target.str() + "/");
  });
}

bool has_rule(const std::vector<DeviceRule>& rules, DeviceNumber device) {
  return std::any_of(rules.begin(), rules.end(),
                     [&](const DeviceRule& rule) { return rule.device == device; });
}

/// The kernel marks the path of a file that has been removed, also where it is mounted.
std::string without_mark(const std::string& path) {
  constexpr std::string_view kMark = " (deleted)";
  return path.ends_with(kMark) ? path.substr(0, path.size() - kMark.size()) : path;
}

/// Turns a plan of today into the steps for one container.
class Steps {
 public:
  Steps(const RootDir& root, const ContainerDriver& has, const StaleDriver& stale, Plan plan)
      : root_(root), has_(has), stale_(stale), plan_(std::move(plan)) {}

  Plan make() {
    for (const StaleMount& mount : stale_.mounts) left_.emplace(mount.target, mount.shown);
    leave_out_good_nodes();
    for (BindMount& mount : plan_.mounts) {
      if (!is_on_any(plan_.tmpfs, mount.target.str())) take_over(mount);
    }
    cover_again();
    remove_mounts();
    remove_nodes();
    change_links();
    for (const LoaderEntry& entry : stale_.cached) {
      const auto& now = plan_.loader_entries;
      if (std::find(now.begin(), now.end(), entry) != now.end()) continue;
      plan_.stale_loader_entries.push_back(entry);
    }
    return std::move(plan_);
  }

 private:
  /// A node may have been made by the runtime, so that it shows no source.
  void leave_out_good_nodes() {
    std::erase_if(plan_.mounts, [&](const BindMount& mount) {
      return mount.device &&
             std::any_of(has_.nodes.begin(), has_.nodes.end(), [&](const ContainerNode& node) {
               return node.path == mount.target.str() && node.number == *mount.device;
             });
    });
  }

  /// A mount of a file that is stale would only be hidden otherwise.
  void take_over(BindMount& mount) {
    const UniqueFd there = root_.open(mount.target.str(), O_PATH);
    const auto shown = there ? mounted_file(there.get(), root_) : std::nullopt;
    if (!shown) return;
    const std::string place = without_mark(root_.path_of(there.get()));
    const auto stale = left_.find(place);
    const bool is_stale_file = stale != left_.end() && stale->second == *shown;
    if (!is_stale_file && !mount.device) return;
    if (is_stale_file) left_.erase(stale);
    mount.target = ContainerPath(place);
    mount.takes_over = shown;
  }

  /// In an image with files where links would be, those were covered.
  void cover_again() {
    std::vector<BindMount> covers;
    std::erase_if(plan_.symlinks, [&](const Symlink& link) {
      const auto stale = left_.find(link.link.str());
      if (stale == left_.end()) return false;
      const auto library = std::find_if(
          plan_.mounts.begin(), plan_.mounts.end(),
          [&](const BindMount& mount) { return mount.target == link.link.parent() / link.target; });
      if (!link.cover && library == plan_.mounts.end()) return false;
      BindMount cover = link.cover ? *link.cover : *library;
      cover.target = link.link;
      cover.takes_over = stale->second;
      covers.push_back(std::move(cover));
      left_.erase(stale);
      return true;
    });
    std::move(covers.begin(), covers.end(), std::back_inserter(plan_.mounts));
  }

  void remove_mounts() {
    for (const auto& [target, shown] : left_) {
      if (is_on_any(plan_.tmpfs, target)) continue;
      plan_.removals.push_back(
          {.kind = Removal::Kind::stale, .path = ContainerPath(target), .shown = shown});
    }
  }

  void remove_nodes() {
    for (const ContainerNode& node : stale_.nodes) {
      const bool is_replaced =
          std::any_of(plan_.mounts.begin(), plan_.mounts.end(),
                      [&](const BindMount& mount) { return mount.target.str() == node.path; });
      if (is_replaced) continue;
      plan_.removals.push_back(
          {.kind = Removal::Kind::node, .path = ContainerPath(node.path), .device = node.number});
    }
  }

  /// A link that leads to what goes is the driver's, so that it may be led elsewhere.
  void change_links() {
    for (const Symlink& old : stale_.links) {
      const auto now = std::find_if(plan_.symlinks.begin(), plan_.symlinks.end(),
                                    [&](const Symlink& link) { return link.link == old.link; });
      if (now != plan_.symlinks.end()) {
        now->replace = true;
      } else if (!is_on_any(plan_.tmpfs, old.link.str())) {
        plan_.removals.push_back(
            {.kind = Removal::Kind::link, .path = old.link, .link_target = old.target});
      }
    }
  }

  const RootDir& root_;
  const ContainerDriver& has_;
  const StaleDriver& stale_;
  Plan plan_;
  std::map<std::string, FileIdentity> left_ = {};  // stale mounts that nothing takes over
};

/// Whether something is missing that the container must have.
bool lacks_anything(const Plan& steps, const std::vector<DeviceRule>& denied) {
  return !steps.tmpfs.empty() || !denied.empty() ||
         std::any_of(steps.mounts.begin(), steps.mounts.end(),
                     [](const BindMount& mount) { return !mount.optional; });
}

/// Whether config.json gives the container the device under another name: the number may be that of
/// another driver today.
bool is_given_otherwise(const DeviceRule& rule, const std::vector<SpecNode>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(), [&](const SpecNode& node) {
    return node.number == rule.device && node.path != rule.node.str();
  });
}

std::vector<DeviceRule> stale_rules(const StaleDriver& stale) {
  std::vector<SpecNode> nodes;
  nodes.reserve(stale.nodes.size());
  for (const ContainerNode& node : stale.nodes) nodes.push_back({node.path, node.number});
  return rules_of(nodes);
}

void erase_rules(std::vector<DeviceRule>& from, const std::vector<DeviceRule>& rules) {
  std::erase_if(from, [&](const DeviceRule& rule) { return has_rule(rules, rule.device); });
}

/// The rules of `today` whose devices have nodes in the container.
std::vector<DeviceRule> rules_with_nodes(std::vector<DeviceRule> today,
                                         const ContainerDriver& has) {
  std::erase_if(today, [&](const DeviceRule& rule) {
    return std::none_of(has.nodes.begin(), has.nodes.end(),
                        [&](const ContainerNode& node) { return node.number == rule.device; });
  });
  return today;
}

/// Grants today's numbers, and withdraws those of before that the container may use, unless they
/// have a meaning today.
void change_rules(const LiveContainer& container, const ContainerDriver& has, const RootDir& system,
                  Refreshment& made) {
  Plan& steps = made.steps;
  if (steps.device_rules.empty()) return;  // the device cgroup is to be left alone
  const RootDir& driver = made.host.driver_root;
  made.withdrawn = stale_rules(made.stale);
  std::vector<DeviceRule> had = rules_with_nodes(steps.device_rules, has);
  had.insert(had.end(), made.withdrawn.begin(), made.withdrawn.end());
  made.denied = denied_of(container, steps.device_rules, had, system, driver);
  const auto denied_before = denied_of(container, made.withdrawn, had, system, driver);
  const auto given =
      container.spec ? parse_linux_spec(container.config_json).nodes : std::vector<SpecNode>();
  erase_rules(made.withdrawn, denied_before);
  erase_rules(made.withdrawn, steps.device_rules);
  std::erase_if(made.withdrawn,
                [&](const DeviceRule& rule) { return is_given_otherwise(rule, given); });
  if (!container.has_own_cgroup) {
    require_own_cgroup(container, made.denied);
    steps.device_rules.clear();
    return;
  }
  erase_rules(had, made.denied);
  erase_rules(had, denied_before);
  steps.granted_rules = std::move(had);
  steps.withdrawn_rules = made.withdrawn;
}

/// Sets the steps from the plan for what the container is to have.
void plan_today(const Wanted& wanted, const ContainerDriver& has, const LiveContainer& container,
                const HostConfig& host_config, CommandContext& context, Refreshment& made) {
  const OwnLayer layer = container.layer();
  const Config config = config_for_root(host_config.as_written.config);
  Planned planned =
      plan_container(wanted.task, layer.view(), {config, context.system, context.log});
  const SelectedDevices selected =
      select_devices(wanted.task.request.request->devices, made.host.inventory);
  made.devices = names_of(selected);
  if (const auto before = container.changes->read(); before && !wanted.notes.empty()) {
    made.after = *before;
    made.after->devices = lasting_names(selected);
  }
  Plan lacking = without_applied(std::move(planned.plan), *container.root, context.system,
                                 made.host.driver_root);
  made.steps = Steps(*container.root, has, made.stale, std::move(lacking)).make();
  change_rules(container, has, context.system, made);
}

}  // namespace

Refreshment plan_refresh(const LiveContainer& container, const HostConfig& host_config,
                         CommandContext& context) {
  require_mount_calls();
  const auto mounts = parse_mount_table(container.process->mountinfo());
  const ContainerDriver has = look_at_container(*container.root, mounts, nullptr);
  Wanted wanted = find_wanted(container, has, host_config, context);
  Refreshment made{.host = std::move(wanted.host)};
  made.has_driver = wanted.is_asked_for || !has.files.empty() || !has.nodes.empty();
  if (!made.has_driver) return made;
  made.stale = find_stale_driver(*container.root, has, made.host.inventory,
                                 container.spec ? &*container.spec : nullptr);
  if (made.stale.empty() && !wanted.is_asked_for) return made;

  plan_today(wanted, has, container, host_config, context, made);
  made.is_complete = made.stale.empty() && !lacks_anything(made.steps, made.denied);
  made.steps.notes.insert(made.steps.notes.end(), wanted.notes.begin(), wanted.notes.end());
  return made;
}

std::vector<Holder> holders_of_stale(const Refreshment& refreshment, const LiveContainer& container,
                                     const RootDir& system) {
  Holdable things;
  for (const ContainerNode& node : refreshment.stale.nodes) {
    things.nodes.push_back({.device = node.number, .node = HostPath(node.path)});
  }
  for (const StaleMount& mount : refreshment.stale.mounts) {
    things.files.emplace(mount.shown, mount.target);
  }
  return holders_of(container, things, refreshment.host.inventory, system);
}

Notes apply_refresh(const Refreshment& refreshment, const LiveContainer& container,
                    CommandContext& context) {
  const OwnLayer layer = container.layer();
  return apply_confined(refreshment.steps, *container.process, *container.root, layer,
                        context.system, refreshment.host.driver_root, context.log,
                        container.config_json);
}

}  // namespace nvhook
