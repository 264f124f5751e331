// SPDX-License-Identifier: Apache-2.0
// Says what was taken, and what cannot be taken back.
#include "command/attach/detach_view.hpp"

#include "command/attach/live_view.hpp"
#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string summary(const Detachment& detachment, const DetachResult& result) {
  if (detachment.is_complete()) return "nothing to do: it has none of these devices";
  return (result.is_dry_run ? "would lose " : "lost ") + join(detachment.devices, ", ") +
         (detachment.is_last ? ", its last, and the driver" : "");
}

std::vector<std::string> removed(const Detachment& detachment) {
  std::vector<std::string> paths;
  for (const Removal& removal : detachment.steps.removals) paths.push_back(removal.path.str());
  return paths;
}

}  // namespace

std::string detachment_text(const Detachment& detachment, const DetachResult& result,
                            const Style& style) {
  std::string text =
      live_headline(result.container, summary(detachment, result), outcome_of(result), style);
  if (result.is_dry_run) {
    for (const DeviceRule& rule : detachment.rules) {
      text += "  deny   " + to_rule(rule.device) + "\n";
    }
    for (const std::string& path : removed(detachment)) text += "  remove " + path + "\n";
  }
  for (const Holder& holder : result.holders) text += "  " + line_of(holder) + "\n";
  return text + warning_lines(result.notes);
}

Json detachment_json(const Detachment& detachment, const DetachResult& result) {
  Json document = live_document("detach", result.container, result.is_dry_run);
  document["result"] = detachment.is_complete() ? "nothing-to-do" : "detached";
  document["devices"] = json_of(detachment.devices);
  document["removed"] = json_of(removed(detachment));
  document["rules"] = Json::array();
  for (const DeviceRule& rule : detachment.rules) {
    document["rules"].push_back(to_rule(rule.device));
  }
  document["driver"] = detachment.is_last;
  document["holders"] = json_of(result.holders);
  document["notes"] = json_of(result.notes);
  return document;
}

Outcome outcome_of(const DetachResult& result) {
  return has_warning(result.notes) || !result.holders.empty() ? Outcome::warning : Outcome::good;
}

}  // namespace nvhook
