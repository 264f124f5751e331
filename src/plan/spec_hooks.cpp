// SPDX-License-Identifier: Apache-2.0
// Reads the lists of hooks only of a config.json that can have what is looked for.
#include "plan/spec_hooks.hpp"

#include <algorithm>
#include <array>

#include "oci/spec_text.hpp"
#include "text/json_extent.hpp"
#include "text/paths.hpp"

namespace nvhook {
namespace {

constexpr std::array kHookNames{"nvidia-container-runtime-hook", "nvidia-container-toolkit",
                                "oci-nvidia-hook"};
constexpr std::array kStages{"prestart", "createRuntime", "createContainer", "startContainer"};
constexpr std::string_view kCdiProgram = "nvidia-cdi-hook";
constexpr std::string_view kCtkProgram = "nvidia-ctk";

std::string name_of(const std::string& path) { return HostPath(path).filename(); }

SpecHook hook_of(const std::string& stage, std::string_view element) {
  SpecHook hook{.stage = stage};
  const std::string_view path = json_member(element, "path", "hooks");
  if (!path.empty()) hook.path = json_string(path, "hooks");
  const std::string_view list = json_member(element, "args", "hooks");
  if (list.empty()) return hook;
  for (const JsonPart& part : json_elements(list, "hooks")) {
    hook.arguments.push_back(json_string(part.value(), "hooks"));
  }
  return hook;
}

/// Returns the hooks at `stage` of a text in which one of `words` must occur for there to be any of
/// interest: most files have none, and parsing costs more than a search.
std::vector<SpecHook> hooks_at(std::string_view json, const std::string& stage,
                               const std::vector<std::string_view>& words) {
  const auto occurs = [&](std::string_view word) {
    return json.find(word) != std::string_view::npos;
  };
  // `\\u` may spell any letter.
  if (std::none_of(words.begin(), words.end(), occurs) && !occurs("\\u00")) return {};
  const auto extent = first_json_object(json);
  if (!extent) throw_spec_invalid("config.json is not one whole JSON object");
  const std::string_view hooks = json_member(extent->object, "hooks", "config.json");
  const std::string_view list = hooks.empty() ? hooks : json_member(hooks, stage, "hooks");
  std::vector<SpecHook> found;
  if (list.empty()) return found;
  for (const JsonPart& entry : json_elements(list, "hooks." + stage)) {
    found.push_back(hook_of(stage, entry.value()));
  }
  return found;
}

/// Returns the hooks of this program, wherever installed, with this flag (with or without a value).
std::vector<SpecHook> own_hooks_with(const std::string& flag, std::string_view json) {
  std::vector<SpecHook> hooks = hooks_at(json, "createRuntime", {flag});
  std::erase_if(hooks, [&](const SpecHook& hook) {
    const std::vector<std::string>& words = hook.arguments;
    return words.empty() || !is_driver_hook(words.front()) ||
           std::none_of(words.begin(), words.end(), [&](const std::string& word) {
             return word == flag || word.starts_with(flag + "=");
           });
  });
  return hooks;
}

/// The name under which the hook's program is started.
std::string program_of(const SpecHook& hook) {
  const std::string name = name_of(hook.path);
  const bool is_known = name == kCdiProgram || name == kCtkProgram || hook.arguments.empty();
  return is_known ? name : name_of(hook.arguments.front());
}

}  // namespace

bool is_driver_hook(const std::string& path) {
  return std::find(kHookNames.begin(), kHookNames.end(), name_of(path)) != kHookNames.end();
}

bool has_driver_hook(std::string_view json) {
  const std::vector<std::string_view> names(kHookNames.begin(), kHookNames.end());
  return std::any_of(kStages.begin(), kStages.end(), [&](const char* stage) {
    const std::vector<SpecHook> hooks = hooks_at(json, stage, names);
    return std::any_of(hooks.begin(), hooks.end(),
                       [](const SpecHook& hook) { return is_driver_hook(hook.path); });
  });
}

bool is_edited(std::string_view json) { return !own_hooks_with(kCompleteFlag, json).empty(); }

std::vector<SpecHook> own_cdi_hooks(std::string_view json) {
  return own_hooks_with(kCdiFlag, json);
}

bool has_cdi_hook(std::string_view json) { return !own_cdi_hooks(json).empty(); }

std::vector<SpecHook> nvidia_cdi_hooks(std::string_view json) {
  std::vector<SpecHook> hooks;
  for (const char* stage : kStages) {
    for (SpecHook& hook : hooks_at(json, stage, {kCdiProgram, kCtkProgram})) {
      if (!cdi_command(hook).empty()) hooks.push_back(std::move(hook));
    }
  }
  return hooks;
}

std::string_view cdi_command(const SpecHook& hook) {
  const std::vector<std::string>& words = hook.arguments;
  const std::string program = program_of(hook);
  if (program == kCdiProgram && words.size() > 1) return words[1];
  const bool is_ctk = program == kCtkProgram && words.size() > 2 && words[1] == "hook";
  return is_ctk ? std::string_view(words[2]) : std::string_view();
}

bool serves_driver(const SpecHook& hook) {
  constexpr std::array<std::string_view, 5> kCommands{
      "create-symlinks", "update-ldcache", "enable-cuda-compat", "disable-device-node-modification",
      "update-application-profile"};
  return std::find(kCommands.begin(), kCommands.end(), cdi_command(hook)) != kCommands.end();
}

bool has_gpus_hook(std::string_view json) {
  static const std::vector<std::string> kDockers{"nvidia-container-runtime-hook", "prestart"};
  const std::vector<SpecHook> hooks = hooks_at(json, "prestart", {kDockers.front()});
  return std::any_of(hooks.begin(), hooks.end(),
                     [](const SpecHook& hook) { return hook.arguments == kDockers; });
}

}  // namespace nvhook
