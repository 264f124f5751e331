// SPDX-License-Identifier: Apache-2.0
// Formats each kind of step: mounts, device nodes, links, the loader cache.
#include "command/render/plan_table.hpp"

#include "inject/loader_files.hpp"
#include "plan/plan_json.hpp"
#include "plan/spec_steps.hpp"

namespace nvhook {
namespace {

std::string source_of(const BindMount& mount, const Config& config) {
  const std::string path = host_path(mount.source, config.driver_root);
  return path == mount.target.str() ? "" : path;
}

}  // namespace

Table plan_table(const Plan& plan, const Config& config) {
  Table table{.head = {"STEP", "IN THE CONTAINER", "FROM", "WHY"}};
  const auto add = [&](std::string_view step, std::string where, std::string from,
                       std::string why) {
    table.rows.push_back(
        {{std::string(step)}, {std::move(where)}, {std::move(from)}, {std::move(why)}});
  };
  for (const TmpfsMount& step : plan.tmpfs) add("tmpfs", step.target.str(), "", step.reason);
  for (const BindMount& step : plan.mounts) {
    add(to_string(step.type), step.target.str(), source_of(step, config), step.reason);
  }
  for (const Symlink& step : plan.symlinks) {
    add("link", step.link.str(), "to " + step.target, step.reason);
  }
  if (!plan.loader_entries.empty()) {
    add("cache", kLoaderCache.str(), std::to_string(plan.loader_entries.size()) + " libraries",
        "so that the loader finds them by their names");
  }
  if (plan.loader_path) {
    add("path", plan.loader_path->file.str(),
        std::to_string(plan.loader_path->directories.size()) + " directories",
        "so that musl's loader finds the libraries");
  }
  for (const DeviceRule& step : plan.device_rules) {
    add("allow", to_rule(step.device) + " rw", "", step.reason);
  }
  return table;
}

std::size_t step_count(const Plan& plan) {
  return plan.tmpfs.size() + plan.mounts.size() + plan.symlinks.size() +
         (plan.loader_entries.empty() ? 0 : 1) + (plan.loader_path ? 1 : 0) +
         plan.device_rules.size();
}

}  // namespace nvhook
