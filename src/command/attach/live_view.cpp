// SPDX-License-Identifier: Apache-2.0
// Names of containers and notes may have bytes that control a terminal.
#include "command/attach/live_view.hpp"

#include <algorithm>

#include "command/containers/container_lookup.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

bool is_warning(const Note& note) { return note.level == Note::Level::warning; }

}  // namespace

Json live_document(std::string_view name, const ContainerRecord& container, bool is_dry_run) {
  Json document = json_document(name, 1);
  document["dry_run"] = is_dry_run;
  document["engine"] = container.engine;
  document["id"] = container.id;
  document["name"] = container.name;
  document["pid"] = container.pid;
  if (!container.user.empty()) document["user"] = container.user;
  return document;
}

Json json_of(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

Json json_of(const Notes& notes) {
  Json list = Json::array();
  for (const Note& note : notes) list.push_back(note.text);
  return list;
}

Json json_of(const std::vector<Holder>& holders) {
  Json list = Json::array();
  for (const Holder& holder : holders) {
    list.push_back({{"pid", holder.pid}, {"name", holder.name}, {"node", holder.node}});
  }
  return list;
}

std::string live_headline(const ContainerRecord& container, const std::string& what,
                          Outcome outcome, const Style& style) {
  const Colour colour = outcome == Outcome::good ? Colour::good : Colour::warning;
  return printable(describe(container)) + ": " + style(colour, printable(what)) + "\n";
}

std::string warning_lines(const Notes& notes) {
  std::string lines;
  for (const Note& note : notes) {
    if (is_warning(note)) lines += "  " + printable(note.text) + "\n";
  }
  return lines;
}

bool has_warning(const Notes& notes) { return std::any_of(notes.begin(), notes.end(), is_warning); }

}  // namespace nvhook
