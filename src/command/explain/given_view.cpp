// SPDX-License-Identifier: Apache-2.0
// config.json has no names of specifications, so the form of a hook says who wrote its own.
#include "command/explain/given_view.hpp"

#include <algorithm>
#include <vector>

#include "command/render/table.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kShownFiles = 3;
constexpr std::size_t kShownNodes = 8;
constexpr const char* kOurs = "a specification of `oci-nvidia cdi generate`";
constexpr const char* kNvidias = "a specification of NVIDIA's form";

std::string command_line(const SpecHook& hook) {
  std::vector<std::string> words{hook.path};
  if (hook.arguments.size() > 1) {
    words.insert(words.end(), hook.arguments.begin() + 1, hook.arguments.end());
  }
  return cut_text(join(words, " "), 121);
}

/// Returns the first of `names`, and how many more there are.
std::string first_of(const std::vector<std::string>& names, std::size_t shown) {
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(shown, names.size()));
  std::string text = join({names.begin(), end}, ", ");
  if (names.size() > shown) text += ", and " + std::to_string(names.size() - shown) + " more";
  return text;
}

void add_hooks(Table& table, const std::vector<SpecHook>& hooks, const char* writer) {
  for (const SpecHook& hook : hooks) {
    table.rows.push_back(
        {{"  Hook"}, {command_line(hook)}, {"at " + hook.stage + ", of " + writer}});
  }
}

void add_hooks(Json& list, const std::vector<SpecHook>& hooks, const char* writer) {
  for (const SpecHook& hook : hooks) {
    list.push_back({{"stage", hook.stage},
                    {"path", hook.path},
                    {"arguments", hook.arguments},
                    {"writer", writer}});
  }
}

}  // namespace

std::string given_text(const GivenDriver& given, const Style& style) {
  Table table;
  for (const auto& [key, value] : given.names) {
    table.rows.push_back({{"  Asked for"}, {value}, {"annotation " + key}});
  }
  if (!given.nodes.empty()) {
    table.rows.push_back({{"  Devices"}, {first_of(given.nodes, kShownNodes)}});
  }
  if (!given.files.empty()) {
    table.rows.push_back({{"  Files"}, {first_of(given.files, kShownFiles)}});
  }
  add_hooks(table, given.own_hooks, kOurs);
  add_hooks(table, given.nvidia_hooks, kNvidias);
  return "\n" + style(Colour::bold, "Given by CDI, as far as config.json tells") + "\n" +
         to_text(table, style);
}

Json given_json(const GivenDriver& given) {
  Json hooks = Json::array();
  add_hooks(hooks, given.own_hooks, "oci-nvidia");
  add_hooks(hooks, given.nvidia_hooks, "nvidia");
  Json names = Json::object();
  for (const auto& [key, value] : given.names) names[key] = value;
  return {{"devices", given.nodes},
          {"files", given.files},
          {"hooks", std::move(hooks)},
          {"names", std::move(names)}};
}

}  // namespace nvhook
