// SPDX-License-Identifier: Apache-2.0
// The steps of a plan as lines.
#include "command/plan_table.hpp"

#include "system/loader_files.hpp"

namespace nvhook {
namespace {

std::string_view name_of(const BindMount& mount) {
  switch (mount.type) {
    case SourceType::regular:
      return "file";
    case SourceType::directory:
      return "directory";
    case SourceType::socket:
      return "socket";
    case SourceType::character_device:
      return "device";
  }
  return {};
}

std::string source_of(const BindMount& mount, const Config& config) {
  const bool is_prefixed = mount.source.root == HostRoot::driver && config.driver_root != "/";
  const std::string path = (is_prefixed ? config.driver_root : "") + mount.source.path.str();
  return path == mount.target.str() ? "" : path;
}

std::string number_of(DeviceNumber device) {
  return "c " + std::to_string(device.major) + ":" + std::to_string(device.minor);
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
    add(name_of(step), step.target.str(), source_of(step, config), step.reason);
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
    add("allow", number_of(step.device) + " rw", "", step.reason);
  }
  return table;
}

std::size_t step_count(const Plan& plan) {
  return plan.tmpfs.size() + plan.mounts.size() + plan.symlinks.size() +
         (plan.loader_entries.empty() ? 0 : 1) + (plan.loader_path ? 1 : 0) +
         plan.device_rules.size();
}

}  // namespace nvhook
