// SPDX-License-Identifier: Apache-2.0
// Compares owner and mode of the host's nodes with the user of config.json.
#include "plan/node_access.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <set>
#include <string>

#include "oci/spec_text.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr unsigned kReadAndWrite = 06;
constexpr unsigned kGroupShift = 3;
constexpr unsigned kOwnerShift = 6;

bool lets(unsigned mode, unsigned shift, const ClosedNode& node) {
  const unsigned wanted = (node.mode >> kOwnerShift) & kReadAndWrite;
  return ((mode >> shift) & wanted) == wanted;
}

/// Whether membership in the node's group is enough.
bool is_for_group(const ClosedNode& node) {
  return node.group && *node.group != 0 && lets(node.mode, kGroupShift, node);
}

std::string_view member(std::string_view object, const char* name) {
  return object.empty() ? object : json_member(object, name, "config.json");
}

std::vector<JsonPart> list(std::string_view object, const char* name) {
  const std::string_view value = member(object, name);
  return value.empty() ? std::vector<JsonPart>() : json_elements(value, name);
}

std::uint64_t number(std::string_view text) { return parse_unsigned(text).value_or(0); }

/// What config.json says of the process's user and of the container's user namespace.
struct ProcessUser {
  std::uint64_t user = 0;
  std::set<std::uint64_t> groups = {};
  bool has_namespace = false;
  struct Range {
    std::uint64_t inside = 0;
    std::uint64_t outside = 0;
    std::uint64_t count = 0;
  };
  std::vector<Range> group_map = {};

  explicit ProcessUser(std::string_view json) {
    const auto extent = first_json_object(json);
    if (!extent) throw_spec_invalid("config.json is not one whole JSON object");
    const std::string_view written = member(member(extent->object, "process"), "user");
    user = number(member(written, "uid"));
    groups.insert(number(member(written, "gid")));
    for (const JsonPart& group : list(written, "additionalGids")) {
      groups.insert(number(group.value()));
    }
    const std::string_view linux_object = member(extent->object, "linux");
    for (const JsonPart& one : list(linux_object, "namespaces")) {
      const std::string_view type = member(one.value(), "type");
      if (!type.empty() && json_string(type, "linux.namespaces") == "user") has_namespace = true;
    }
    for (const JsonPart& range : list(linux_object, "gidMappings")) {
      group_map.push_back({.inside = number(member(range.value(), "containerID")),
                           .outside = number(member(range.value(), "hostID")),
                           .count = number(member(range.value(), "size"))});
    }
  }

  /// What the container calls the host's group; nullopt if it does not have it.
  [[nodiscard]] std::optional<unsigned> inside(unsigned group) const {
    if (!has_namespace) return group;
    for (const Range& range : group_map) {
      if (group < range.outside || group - range.outside >= range.count) continue;
      return static_cast<unsigned>(range.inside + (group - range.outside));
    }
    return std::nullopt;
  }

  [[nodiscard]] bool is_in(unsigned group) const {
    const auto own = inside(group);
    return own && groups.contains(*own);
  }

  [[nodiscard]] bool may_open(const ClosedNode& node) const {
    // Without a group that is known here, the process is not the root that the node belongs to.
    const bool is_root = user == 0 && !has_namespace && node.group.has_value();
    return is_root || (!has_namespace && user == node.owner) ||
           (is_for_group(node) && is_in(*node.group));
  }
};

std::string mode_text(unsigned mode) {
  std::array<char, 8> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%04o", mode));
  return text.data();
}

/// For one of several nodes that are closed in the same way.
Note access_note(const ClosedNode& node, std::size_t count, const ProcessUser& process) {
  const std::string more = count == 1 ? "" : " and " + std::to_string(count - 1) + " more";
  const std::string what = "`" + node.path + "`" + more + " (mode " + mode_text(node.mode) +
                           ") cannot be opened by the container's process, user " +
                           std::to_string(process.user) + ": ";
  const std::string open_to_all = "or make it open to all (NVreg_DeviceFileMode=0666)";
  const auto own = node.group ? process.inside(*node.group) : std::nullopt;
  if (is_for_group(node) && own) {
    return warning(what + "start it with --group-add " + std::to_string(*own) +
                   ", or with the runtime oci-nvidia-runtime, which does that, " + open_to_all);
  }
  if (is_for_group(node) || !node.group) {
    return warning(what +
                   "its group is not in the container's user namespace; with Podman and "
                   "crun, be in that group and use --group-add keep-groups, " +
                   open_to_all);
  }
  return warning(what + "it is for its owner alone; run the process as root, " + open_to_all);
}

}  // namespace

std::optional<ClosedNode> closed_node(const DeviceNode& node) {
  const ClosedNode closed{
      .path = node.file.path.str(), .mode = node.mode, .owner = node.owner, .group = node.group};
  if (lets(node.mode, 0, closed)) return std::nullopt;
  return closed;
}

std::vector<unsigned> groups_of(const std::vector<ClosedNode>& nodes) {
  std::set<unsigned> groups;
  for (const ClosedNode& node : nodes) {
    if (is_for_group(node)) groups.insert(*node.group);
  }
  return {groups.begin(), groups.end()};
}

std::vector<unsigned> missing_groups(const Plan& plan, std::string_view json) {
  std::vector<unsigned> missing;
  const std::vector<unsigned> groups = groups_of(plan.closed_nodes);
  if (groups.empty()) return missing;
  const ProcessUser process(json);
  for (const unsigned group : groups) {
    const auto own = process.inside(group);
    if (own && !process.groups.contains(*own)) missing.push_back(*own);
  }
  return missing;
}

Notes access_notes(const Plan& plan, std::string_view json) {
  constexpr std::string_view kKeepsGroups = "run.oci.keep_original_groups";
  Notes notes;
  if (plan.closed_nodes.empty() || json.empty()) return notes;
  if (json.find(kKeepsGroups) != std::string_view::npos) return notes;
  const ProcessUser process(json);
  const auto is_alike = [](const ClosedNode& a, const ClosedNode& b) {
    return a.mode == b.mode && a.owner == b.owner && a.group == b.group;
  };
  std::vector<ClosedNode> kinds;
  for (const ClosedNode& node : plan.closed_nodes) {
    if (process.may_open(node)) continue;
    const auto like = [&](const ClosedNode& other) { return is_alike(node, other); };
    if (std::any_of(kinds.begin(), kinds.end(), like)) continue;
    kinds.push_back(node);
    const auto count = std::count_if(plan.closed_nodes.begin(), plan.closed_nodes.end(), like);
    notes.push_back(access_note(node, static_cast<std::size_t>(count), process));
  }
  return notes;
}

}  // namespace nvhook
