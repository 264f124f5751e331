// SPDX-License-Identifier: Apache-2.0
// Elements are spliced into the text, so that all other bytes stay as they are.
#include "plan/spec_edit.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "oci/spec_text.hpp"
#include "os/device_number.hpp"
#include "plan/node_access.hpp"
#include "plan/spec_hooks.hpp"
#include "plan/spec_steps.hpp"
#include "request/device_words.hpp"
#include "text/error.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::ordered_json;

/// The JSON elements to add to each list.
struct Additions {
  std::vector<std::string> mounts = {};
  std::vector<std::string> nodes = {};
  std::vector<std::string> rules = {};
  std::vector<std::string> groups = {};
};

std::string text_of(const Json& element) {
  try {
    return element.dump();
  } catch (const Json::exception&) {
    throw Error(Code::spec_invalid,
                "cannot write into config.json what is no UTF-8: " +
                    element.dump(-1, ' ', false, Json::error_handler_t::replace),
                "rename that file of the driver");
  }
}

/// The element without its ID mappings, if it is a mount that names a device and has some.
std::optional<std::string> unmapped(std::string_view element) {
  if (element.find("Mappings") == std::string_view::npos) return std::nullopt;
  Json mount = Json::parse(element, nullptr, false);
  if (!mount.is_object()) return std::nullopt;
  const auto text_at = [&](const char* name) {
    const auto found = mount.find(name);
    return found != mount.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!names_device({.source = text_at("source"), .destination = text_at("destination")})) {
    return std::nullopt;
  }
  return mount.erase("uidMappings") + mount.erase("gidMappings") == 0
             ? std::nullopt
             : std::optional(text_of(mount));
}

std::string mount_element(const BindMount& mount, const std::string& driver_root) {
  std::vector<std::string> options = option_names(mount.attributes);
  options.insert(options.begin(), "bind");
  options.emplace_back("private");
  return text_of({{"destination", mount.target.str()},
                  {"type", "bind"},
                  {"source", host_path(mount.source, driver_root)},
                  {"options", options}});
}

std::string node_element(const ContainerPath& path, DeviceNumber number, const NodeStatus& status) {
  return text_of({{"path", path.str()},
                  {"type", "c"},
                  {"major", number.major},
                  {"minor", number.minor},
                  {"fileMode", status.mode},
                  {"uid", status.owner},
                  {"gid", status.group}});
}

std::string rule_element(DeviceNumber number) {
  return text_of({{"allow", true},
                  {"type", "c"},
                  {"major", number.major},
                  {"minor", number.minor},
                  {"access", "rw"}});
}

std::string hook_element(const SpecEdit& edit) {
  return text_of(
      {{"path", edit.hook}, {"args", edit.hook_arguments}, {"env", Json::array({kHookPath})}});
}

Additions additions_of(std::string_view json, const Plan& plan, const SpecEdit& edit) {
  const SpecSteps steps(json);
  Additions added;
  if (const std::string_view mounts = json_member(json, "mounts", "config.json"); !mounts.empty()) {
    for (const JsonPart& mount : json_elements(mounts, "mounts")) {
      if (auto text = unmapped(mount.value())) added.mounts.push_back(*std::move(text));
    }
  }
  for (const unsigned group : missing_groups(plan, json)) {
    added.groups.push_back(std::to_string(group));
  }
  for (const BindMount& mount : plan.mounts) {
    if (is_for_spec(mount, plan) && !steps.mounts(mount, edit.driver_root)) {
      added.mounts.push_back(mount_element(mount, edit.driver_root));
    }
    const auto node = edit.nodes.find(mount.target);
    if (node != edit.nodes.end() && mount.device && steps.can_make_node(mount.target) &&
        !steps.has_node(mount.target)) {
      added.nodes.push_back(node_element(mount.target, *mount.device, node->second));
    }
  }
  for (const DeviceRule& rule : plan.device_rules) {
    if (steps.has_device_rules() && !steps.allows(rule.device)) {
      added.rules.push_back(rule_element(rule.device));
    }
  }
  return added;
}

std::string hook_path(std::string_view element) {
  const std::string_view path = json_member(element, "path", "hooks");
  return path.empty() ? std::string() : json_string(path, "hooks");
}

/// Returns `object` with `added` appended to its list `name`.
std::string with_list(std::string_view object, const std::string& name,
                      const std::vector<std::string>& added, const std::string& where) {
  const auto keep_all = [](std::string_view) { return false; };
  return with_member(
      object, name, "[]",
      [&](std::string_view list) { return with_elements(list, keep_all, added, where); }, where);
}

std::string with_devices(std::string_view linux_object, const Additions& added) {
  const std::string with_nodes = with_list(linux_object, "devices", added.nodes, "linux.devices");
  return with_member(
      with_nodes, "resources", "{}",
      [&](std::string_view resources) {
        return with_list(resources, "devices", added.rules, "linux.resources.devices");
      },
      "linux");
}

std::string with_groups(std::string_view spec, const std::vector<std::string>& groups) {
  return with_member(
      spec, "process", "{}",
      [&](std::string_view process) {
        return with_member(
            process, "user", "{}",
            [&](std::string_view user) {
              return with_list(user, "additionalGids", groups, "process.user.additionalGids");
            },
            "process.user");
      },
      "process");
}

std::string with_hook(std::string_view hooks, const SpecEdit& edit) {
  const auto is_ours_or_theirs = [&](std::string_view element) {
    const std::string path = hook_path(element);
    return path == edit.hook || is_driver_hook(path);
  };
  std::string text(hooks);
  for (const auto& [stage, added] : {std::pair{"prestart", std::vector<std::string>()},
                                     std::pair{"createRuntime", std::vector{hook_element(edit)}}}) {
    const std::string where = std::string("hooks.") + stage;
    text = with_member(
        text, stage, "[]",
        [&, &entries = added](std::string_view list) {
          return with_elements(list, is_ours_or_theirs, entries, where);
        },
        where);
  }
  return text;
}

}  // namespace

bool is_for_spec(const BindMount& mount, const Plan& plan) {
  const bool is_file = mount.type == SourceType::regular || mount.type == SourceType::directory;
  return is_file && !mount.optional &&
         std::none_of(plan.tmpfs.begin(), plan.tmpfs.end(), [&](const TmpfsMount& tmpfs) {
           return mount.target.str().starts_with(tmpfs.target.str() + "/");
         });
}

std::string edit_spec(std::string_view json, const Plan& plan, const SpecEdit& edit) {
  const auto extent = first_json_object(json);
  if (!extent || !trim(extent->rest).empty()) {
    throw_spec_invalid("config.json is not one whole JSON object");
  }
  const Additions added = additions_of(extent->object, plan, edit);
  std::string spec = with_member(
      extent->object, "mounts", "[]",
      [&](std::string_view list) {
        return with_elements(
            list, [](std::string_view mount) { return unmapped(mount).has_value(); }, added.mounts,
            "mounts");
      },
      "mounts");
  if (!added.groups.empty()) spec = with_groups(spec, added.groups);
  spec = with_member(
      spec, "linux", "{}", [&](std::string_view object) { return with_devices(object, added); },
      "linux");
  spec = with_member(
      spec, "hooks", "{}", [&](std::string_view object) { return with_hook(object, edit); },
      "hooks");
  const auto start = static_cast<std::size_t>(extent->object.data() - json.data());
  return std::string(json.substr(0, start))
      .append(spec)
      .append(json.substr(start + extent->object.size()));
}

Plan plan_within_rules(Plan plan, std::string_view json) {
  const SpecSteps steps(json);
  std::erase_if(plan.device_rules, [&](const DeviceRule& rule) {
    if (!steps.denies(rule.device)) return false;
    plan.notes.push_back(warning("`" + rule.node.str() +
                                 "` is left out: the device rules of config.json, which the engine "
                                 "made by the CDI specification, deny it"));
    return true;
  });
  std::erase_if(plan.mounts, [&](const BindMount& mount) {
    return mount.device && steps.denies(*mount.device);
  });
  return plan;
}

Plan remaining_plan(Plan plan, std::string_view json, const std::string& driver_root) {
  const SpecSteps steps(json);
  const auto is_done = [&](const BindMount& mount) {
    return mount.device ? steps.makes_node(mount.target, *mount.device)
                        : steps.mounts(mount, driver_root);
  };
  for (Symlink& link : plan.symlinks) {
    const ContainerPath library = link.link.parent() / link.target;
    const auto mount = std::find_if(plan.mounts.begin(), plan.mounts.end(),
                                    [&](const BindMount& one) { return one.target == library; });
    if (!link.replace || mount == plan.mounts.end() || !is_done(*mount)) continue;
    link.cover = *mount;
    link.cover->target = link.link;
  }
  std::erase_if(plan.mounts, is_done);
  auto& rules = plan.device_rules;
  const auto granted =
      std::stable_partition(rules.begin(), rules.end(),
                            [&](const DeviceRule& rule) { return !steps.allows(rule.device); });
  plan.rules_of_runtime.assign(granted, rules.end());
  rules.erase(granted, rules.end());
  return plan;
}

}  // namespace nvhook
