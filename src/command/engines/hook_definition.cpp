// SPDX-License-Identifier: Apache-2.0
// The rules of containers/common, pkg/hooks: types are checked for every member, used or not.
#include "command/engines/hook_definition.hpp"

#include <algorithm>
#include <array>

#include "command/engines/engine_config.hpp"
#include "command/engines/go_regexp.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

bool is_stage(const std::string& stage) {
  constexpr std::array<std::string_view, 7> kStages{
      "prestart",  "createRuntime", "createContainer", "startContainer",
      "poststart", "poststop",      kPrecreateStage};
  return std::find(kStages.begin(), kStages.end(), stage) != kStages.end();
}

using IsType = bool (*)(const Json& value);
bool is_text(const Json& value) { return value.is_string(); }
bool is_boolean(const Json& value) { return value.is_boolean(); }
bool is_object(const Json& value) { return value.is_object(); }
bool is_whole_number(const Json& value) { return value.is_number_integer(); }
bool is_text_or_null(const Json& value) { return value.is_string() || value.is_null(); }
bool is_texts(const Json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), is_text_or_null);
}
bool is_map_of_texts(const Json& value) {
  return value.is_object() && std::all_of(value.begin(), value.end(), is_text_or_null);
}

class Definition {
 public:
  explicit Definition(std::string_view filename) : filename_(filename) {}

  [[nodiscard]] HookText read(std::string_view text) const {
    if (text.starts_with("\xEF\xBB\xBF")) fail("begins with a byte order mark");
    const Json document = parse_json_object(well_formed(text), filename_);
    const Json* const version = member(document, "version", is_text, "version");
    const std::string written = version == nullptr ? "" : version->get<std::string>();
    HookText definition;
    if (written == "1.0.0") {
      definition = read_today(document);
    } else if (written.empty() || written == "0.1.0") {
      definition = read_first(document);
    } else {
      fail("`version` is `" + written + "`, which must be `1.0.0`");
    }
    for (const std::string& stage : definition.stages) {
      if (!is_stage(stage)) fail("unknown stage `" + stage + "`");
    }
    return definition;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(Code::config_invalid, filename_ + ": " + why,
                "correct or remove the file: see oci-hooks(5)");
  }

  /// The last member of that name in any case; nullptr if there is none or it is null.
  const Json* member(const Json& object, std::string_view name, IsType is_type,
                     const std::string& shown) const {
    const Json* found = nullptr;
    for (const auto& [key, value] : object.items()) {
      if (!equals_ignoring_case(key, name) || value.is_null()) continue;
      if (!is_type(value)) fail("`" + shown + "` is of the wrong type: `" + value.dump() + "`");
      found = &value;
    }
    return found;
  }

  static std::vector<std::string> texts(const Json& list) {
    std::vector<std::string> items;
    for (const Json& item : list) items.push_back(item.is_null() ? "" : item.get<std::string>());
    return items;
  }

  [[nodiscard]] HookText read_today(const Json& document) const {
    HookText definition;
    if (const Json* const hook = member(document, "hook", is_object, "hook")) {
      const Json* const path = member(*hook, "path", is_text, "hook.path");
      if (path != nullptr) definition.path = path->get<std::string>();
      member(*hook, "args", is_texts, "hook.args");
      member(*hook, "env", is_texts, "hook.env");
      member(*hook, "timeout", is_whole_number, "hook.timeout");
    }
    if (const Json* const when = member(document, "when", is_object, "when")) check_when(*when);
    if (definition.path.empty()) fail("`hook.path` is missing or empty");
    const Json* const stages = member(document, "stages", is_texts, "stages");
    if (stages == nullptr) fail("`stages` names no stage: it is missing");
    definition.stages = texts(*stages);
    return definition;
  }

  void check_when(const Json& when) const {
    member(when, "always", is_boolean, "when.always");
    member(when, "hasBindMounts", is_boolean, "when.hasBindMounts");
    if (const Json* const commands = member(when, "commands", is_texts, "when.commands")) {
      for (const std::string& pattern : texts(*commands)) check_pattern(pattern, "when.commands");
    }
    const Json* const annotations =
        member(when, "annotations", is_map_of_texts, "when.annotations");
    if (annotations == nullptr) return;
    for (const auto& [key, value] : annotations->items()) {
      check_pattern(key, "when.annotations");
      if (value.is_string()) check_pattern(value.get<std::string>(), "when.annotations");
    }
  }

  /// `hook` is the path itself; `stage`, `cmd` and `annotation` have two spellings each.
  [[nodiscard]] HookText read_first(const Json& document) const {
    const Json* const path = member(document, "hook", is_text, "hook");
    if (path == nullptr || path->get<std::string>().empty()) fail("`hook` is missing or empty");
    member(document, "arguments", is_texts, "arguments");
    member(document, "hasbindmounts", is_boolean, "hasbindmounts");
    const auto stages = one_of(document, "stages", "stage");
    if (!stages) fail("`stages` names no stage: it is missing");
    for (const std::string& pattern : one_of(document, "cmds", "cmd").value_or(Texts{})) {
      check_pattern(pattern, "cmds");
    }
    for (const std::string& pattern :
         one_of(document, "annotations", "annotation").value_or(Texts{})) {
      check_pattern(pattern, "annotations");
    }
    return {.path = path->get<std::string>(), .stages = *stages};
  }

  using Texts = std::vector<std::string>;
  [[nodiscard]] std::optional<Texts> one_of(const Json& document, const std::string& many,
                                            const std::string& one) const {
    const Json* const first = member(document, many, is_texts, many);
    const Json* const second = member(document, one, is_texts, one);
    if (first != nullptr && second != nullptr) fail("both `" + many + "` and `" + one + "`");
    if (first == nullptr && second == nullptr) return std::nullopt;
    return texts(first != nullptr ? *first : *second);
  }

  void check_pattern(const std::string& pattern, const std::string& where) const {
    const auto fault = go_regexp_fault(pattern);
    if (fault) {
      fail("`" + pattern + "` in `" + where + "` is no regular expression of Go: " + *fault);
    }
  }

  std::string filename_;
};

}  // namespace

HookText parse_hook_definition(std::string_view text, std::string_view filename) {
  return Definition(filename).read(text);
}

}  // namespace nvhook
