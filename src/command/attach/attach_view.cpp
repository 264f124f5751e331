// SPDX-License-Identifier: Apache-2.0
// Says what was given in one line, because most of the steps are the same for every container.
#include "command/attach/attach_view.hpp"

#include "command/attach/live_view.hpp"
#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

std::vector<std::string> nodes_of(const Plan& steps) {
  std::vector<std::string> nodes;
  for (const BindMount& mount : steps.mounts) {
    if (mount.type == SourceType::character_device) nodes.push_back(mount.target.str());
  }
  return nodes;
}

std::vector<std::string> files_of(const Plan& steps) {
  std::vector<std::string> files;
  for (const BindMount& mount : steps.mounts) {
    if (mount.type != SourceType::character_device) files.push_back(mount.target.str());
  }
  for (const TmpfsMount& mount : steps.tmpfs) files.push_back(mount.target.str());
  return files;
}

std::vector<std::string> rules_of(const Attachment& attachment) {
  std::vector<std::string> rules;
  for (const DeviceRule& rule : attachment.denied) rules.push_back(to_rule(rule.device));
  return rules;
}

std::string summary(const Attachment& attachment, const AttachResult& result) {
  const std::string devices =
      attachment.devices.empty() ? "the driver" : join(attachment.devices, ", ");
  if (attachment.is_complete()) return "nothing to do: it has " + devices;
  return (result.is_dry_run ? "would get " : "got ") + devices + ": " +
         counted(nodes_of(attachment.steps).size(), "node", "nodes") + ", " +
         counted(files_of(attachment.steps).size(), "mount", "mounts") + ", " +
         counted(attachment.denied.size(), "device rule", "device rules");
}

}  // namespace

std::string attachment_text(const Attachment& attachment, const AttachResult& result,
                            const Style& style) {
  std::string text =
      live_headline(result.container, summary(attachment, result), outcome_of(result), style);
  if (result.is_dry_run) {
    for (const std::string& node : nodes_of(attachment.steps)) text += "  node  " + node + "\n";
    for (const std::string& file : files_of(attachment.steps)) text += "  mount " + file + "\n";
    for (const std::string& rule : rules_of(attachment)) text += "  rule  " + rule + " rw\n";
  }
  return text + warning_lines(result.notes);
}

Json attachment_json(const Attachment& attachment, const AttachResult& result) {
  Json document = live_document("attach", result.container, result.is_dry_run);
  document["result"] = attachment.is_complete() ? "nothing-to-do" : "attached";
  document["devices"] = json_of(attachment.devices);
  document["nodes"] = json_of(nodes_of(attachment.steps));
  document["mounts"] = json_of(files_of(attachment.steps));
  document["rules"] = json_of(rules_of(attachment));
  document["notes"] = json_of(result.notes);
  return document;
}

Outcome outcome_of(const AttachResult& result) {
  return has_warning(result.notes) ? Outcome::warning : Outcome::good;
}

}  // namespace nvhook
