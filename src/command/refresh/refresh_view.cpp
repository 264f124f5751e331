// SPDX-License-Identifier: Apache-2.0
// Counts what changed in one line, because an upgrade changes nearly every file.
#include "command/refresh/refresh_view.hpp"

#include <algorithm>

#include "command/attach/live_view.hpp"
#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Result = Refreshed::Result;

std::string_view word_of(Result result) {
  switch (result) {
    case Result::refreshed:
      return "refreshed";
    case Result::nothing_to_do:
      return "nothing-to-do";
    case Result::failed:
      return "failed";
  }
  return {};
}

std::vector<std::string> texts_of(const std::vector<DeviceRule>& rules) {
  std::vector<std::string> texts;
  texts.reserve(rules.size());
  for (const DeviceRule& rule : rules) texts.push_back(to_rule(rule.device));
  return texts;
}

Outcome outcome_of(const Refreshed& one) {
  if (one.result == Result::failed) return Outcome::broken;
  return has_warning(one.notes) || !one.holders.empty() ? Outcome::warning : Outcome::good;
}

std::string summary(const Refreshed& one, bool is_dry_run) {
  switch (one.result) {
    case Result::failed:
      return one.reason;
    case Result::nothing_to_do:
      return one.has_driver ? "nothing to do: up to date with the driver of the host"
                            : "nothing to do: it has nothing of the driver";
    case Result::refreshed:
      break;
  }
  const std::string devices = one.devices.empty() ? "no GPU" : join(one.devices, ", ");
  return (is_dry_run ? "would be refreshed: " : "refreshed: ") + std::to_string(one.added.size()) +
         " mounts new, " + std::to_string(one.removed.size()) + " of before gone, " +
         std::to_string(one.allowed.size()) + " devices allowed, " +
         std::to_string(one.denied.size()) + " denied; it has " + devices;
}

std::string lines(std::string_view what, const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) {
    all += "  " + std::string(what) + " " + printable(text) + "\n";
  }
  return all;
}

}  // namespace

Refreshed describe(const ContainerRecord& container, const Refreshment& refreshment) {
  Refreshed one{.container = container, .has_driver = refreshment.has_driver};
  one.devices = refreshment.devices;
  one.notes = refreshment.steps.notes;
  if (refreshment.is_complete) return one;
  one.result = Result::refreshed;
  for (const TmpfsMount& mount : refreshment.steps.tmpfs) one.added.push_back(mount.target.str());
  for (const BindMount& mount : refreshment.steps.mounts) one.added.push_back(mount.target.str());
  for (const StaleMount& mount : refreshment.stale.mounts) one.removed.push_back(mount.target);
  for (const ContainerNode& node : refreshment.stale.nodes) one.removed.push_back(node.path);
  one.allowed = texts_of(refreshment.denied);
  one.denied = texts_of(refreshment.withdrawn);
  return one;
}

std::string refreshed_text(const std::vector<Refreshed>& all, bool is_dry_run, const Style& style) {
  if (all.empty()) return "no container with GPUs runs\n";
  std::string text;
  for (const Refreshed& one : all) {
    text += live_headline(one.container, summary(one, is_dry_run), outcome_of(one), style);
    if (is_dry_run) {
      text += lines("remove", one.removed) + lines("mount ", one.added) +
              lines("allow ", one.allowed) + lines("deny  ", one.denied);
    }
    for (const Holder& holder : one.holders) text += "  " + line_of(holder) + "\n";
    text += warning_lines(one.notes);
  }
  return text;
}

Json refreshed_json(const std::vector<Refreshed>& all, bool is_dry_run) {
  Json document = json_document("refresh", 1);
  document["dry_run"] = is_dry_run;
  document["containers"] = Json::array();
  for (const Refreshed& one : all) {
    Json entry = {{"engine", one.container.engine},
                  {"id", one.container.id},
                  {"name", one.container.name},
                  {"pid", one.container.pid}};
    if (!one.container.user.empty()) entry["user"] = one.container.user;
    entry["result"] = word_of(one.result);
    entry["reason"] = one.reason;
    entry["devices"] = json_of(one.devices);
    entry["added"] = json_of(one.added);
    entry["removed"] = json_of(one.removed);
    entry["allowed"] = json_of(one.allowed);
    entry["denied"] = json_of(one.denied);
    entry["holders"] = json_of(one.holders);
    entry["notes"] = json_of(one.notes);
    document["containers"].push_back(std::move(entry));
  }
  return document;
}

Outcome outcome_of(const std::vector<Refreshed>& all) {
  Outcome worst = Outcome::good;
  for (const Refreshed& one : all) worst = std::max(worst, outcome_of(one));
  return worst;
}

}  // namespace nvhook
