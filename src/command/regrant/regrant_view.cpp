// SPDX-License-Identifier: Apache-2.0
// Formats what became of each container.
#include "command/regrant/regrant_view.hpp"

#include <algorithm>

#include "command/containers/container_lookup.hpp"
#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Result = Regrant::Result;

std::string_view word_of(Result result) {
  switch (result) {
    case Result::granted:
      return "granted";
    case Result::told_to_systemd:
      return "told-to-systemd";
    case Result::nothing_to_do:
      return "nothing-to-do";
    case Result::left_alone:
      return "left-alone";
    case Result::failed:
      return "failed";
  }
  return {};
}

std::string names_of(const std::vector<DeviceRule>& rules) {
  std::vector<std::string> names;
  names.reserve(rules.size());
  for (const DeviceRule& rule : rules) {
    const std::string& node = rule.node.str();
    names.push_back((node.empty() ? "" : node + " ") + "(" + to_rule(rule.device) + ")");
  }
  return join(names, ", ");
}

std::string text_of(const Regrant& one, Granting granting) {
  const bool is_done = granting == Granting::done;
  switch (one.result) {
    case Result::granted:
      return (is_done ? "granted again " : "would be granted again ") + names_of(one.rules);
    case Result::told_to_systemd:
      return std::string("has its devices; systemd ") +
             (is_done ? "was told of them" : "would be told of them") +
             ", and keeps them at systemctl daemon-reload";
    case Result::nothing_to_do:
      return one.rules.empty() ? "nothing to do: the hook gives it no device rules"
                               : "nothing to do: it may use " + names_of(one.rules);
    case Result::left_alone:
      return "left alone: " + one.reason;
    case Result::failed:
      return one.reason;
  }
  return {};
}

Colour colour_of(Outcome outcome) {
  if (outcome == Outcome::good) return Colour::good;
  return outcome == Outcome::warning ? Colour::warning : Colour::bad;
}

Outcome outcome_of(const Regrant& one, Granting granting) {
  const bool is_shown = granting == Granting::only_shown;
  if (one.result == Result::failed) return Outcome::broken;
  if (one.result == Result::granted && is_shown) return Outcome::broken;
  if (one.result == Result::told_to_systemd && is_shown) return Outcome::warning;
  const bool has_warning = std::any_of(one.notes.begin(), one.notes.end(), [](const Note& note) {
    return note.level == Note::Level::warning;
  });
  return has_warning || one.is_unknown ? Outcome::warning : Outcome::good;
}

}  // namespace

std::string regrants_text(const std::vector<Regrant>& all, Granting granting, const Style& style) {
  if (all.empty()) return "no container runs\n";
  std::string text;
  for (const Regrant& one : all) {
    text += printable(describe(one.container)) + ": " +
            style(colour_of(outcome_of(one, granting)), printable(text_of(one, granting))) + "\n";
    for (const Note& note : one.notes) text += "  " + printable(note.text) + "\n";
  }
  return text;
}

Json regrants_json(const std::vector<Regrant>& all, Granting granting) {
  Json document = json_document("regrant", 1);
  document["dry_run"] = granting == Granting::only_shown;
  document["containers"] = Json::array();
  for (const Regrant& one : all) {
    const ContainerRecord& container = one.container;
    Json entry = {{"engine", container.engine},    {"id", container.id},
                  {"name", container.name},        {"pid", container.pid},
                  {"result", word_of(one.result)}, {"reason", one.reason}};
    if (!container.user.empty()) entry["user"] = container.user;
    entry["devices"] = Json::array();
    for (const DeviceRule& rule : one.rules) {
      entry["devices"].push_back(
          {{"node", rule.node.str()}, {"major", rule.device.major}, {"minor", rule.device.minor}});
    }
    entry["notes"] = Json::array();
    for (const Note& note : one.notes) entry["notes"].push_back(note.text);
    document["containers"].push_back(std::move(entry));
  }
  return document;
}

Outcome outcome_of(const std::vector<Regrant>& all, Granting granting) {
  Outcome worst = Outcome::good;
  for (const Regrant& one : all) worst = std::max(worst, outcome_of(one, granting));
  return worst;
}

}  // namespace nvhook
