// SPDX-License-Identifier: Apache-2.0
// Says what was taken, and what cannot be taken back.
#include "command/attach/detach_view.hpp"

#include <algorithm>

#include "command/containers/container_lookup.hpp"
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

std::string line_of(const Holder& holder) {
  return "process " + std::to_string(holder.pid) + " (" + printable(holder.name) + ") has " +
         holder.node + " open, and keeps that until it ends";
}

Json strings(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

}  // namespace

std::string detachment_text(const Detachment& detachment, const DetachResult& result,
                            const Style& style) {
  const Colour colour = outcome_of(result) == Outcome::good ? Colour::good : Colour::warning;
  std::string text = printable(describe(result.container)) + ": " +
                     style(colour, printable(summary(detachment, result))) + "\n";
  if (result.is_dry_run) {
    for (const DeviceRule& rule : detachment.rules) {
      text += "  deny   " + to_rule(rule.device) + "\n";
    }
    for (const std::string& path : removed(detachment)) text += "  remove " + path + "\n";
  }
  for (const Holder& holder : result.holders) text += "  " + line_of(holder) + "\n";
  for (const Note& note : result.notes) {
    if (note.level == Note::Level::warning) text += "  " + printable(note.text) + "\n";
  }
  return text;
}

Json detachment_json(const Detachment& detachment, const DetachResult& result) {
  Json document = json_document("detach", 1);
  const ContainerRecord& container = result.container;
  document["dry_run"] = result.is_dry_run;
  document["engine"] = container.engine;
  document["id"] = container.id;
  document["name"] = container.name;
  document["pid"] = container.pid;
  if (!container.user.empty()) document["user"] = container.user;
  document["result"] = detachment.is_complete() ? "nothing-to-do" : "detached";
  document["devices"] = strings(detachment.devices);
  document["removed"] = strings(removed(detachment));
  document["rules"] = Json::array();
  for (const DeviceRule& rule : detachment.rules) {
    document["rules"].push_back(to_rule(rule.device));
  }
  document["driver"] = detachment.is_last;
  document["holders"] = Json::array();
  for (const Holder& holder : result.holders) {
    document["holders"].push_back(
        {{"pid", holder.pid}, {"name", holder.name}, {"node", holder.node}});
  }
  document["notes"] = Json::array();
  for (const Note& note : result.notes) document["notes"].push_back(note.text);
  return document;
}

Outcome outcome_of(const DetachResult& result) {
  const bool has_warning =
      std::any_of(result.notes.begin(), result.notes.end(),
                  [](const Note& note) { return note.level == Note::Level::warning; });
  return has_warning || !result.holders.empty() ? Outcome::warning : Outcome::good;
}

}  // namespace nvhook
