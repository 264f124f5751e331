// SPDX-License-Identifier: Apache-2.0
// Formats the verdict, the request and the configuration that counted; plan_table formats the
// steps.
#include "command/explain/explain_view.hpp"

#include <algorithm>
#include <variant>

#include "command/containers/no_request.hpp"
#include "command/explain/given_view.hpp"
#include "command/explain/selected_devices.hpp"
#include "command/render/folded_text.hpp"
#include "command/render/narrow_table.hpp"
#include "command/render/plan_table.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "plan/plan_json.hpp"
#include "text/overloaded.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string_view to_string(Injector injector) {
  switch (injector) {
    case Injector::nobody:
      return "none";
    case Injector::this_hook:
      return "hook";
    case Injector::completing_hook:
      return "completion";
    case Injector::engine:
      return "engine";
  }
  return {};
}

std::string_view to_string(NoRequest why) {
  switch (why) {
    case NoRequest::unset:
      return "unset";
    case NoRequest::empty:
      return "empty";
    case NoRequest::is_void:
      return "void";
    case NoRequest::unprivileged:
      return "unprivileged";
  }
  return {};
}

std::string selection_text(const DeviceSelection& selection) {
  return std::visit(Overloaded{[](AllDevices) { return std::string("all"); },
                               [](NoDevices) { return std::string("none"); },
                               [](const DeviceNames& names) { return join(names, ","); },
                               [](const GrantedNodes&) { return std::string("those of CDI"); }},
                    selection);
}

std::string devices_text(const Request& request) {
  if (request.free_gpus != 0) return "any:" + std::to_string(request.free_gpus);
  return (request.is_exclusive ? "exclusive:" : "") + selection_text(request.devices);
}

/// Returns `NVIDIA_GDS` and other such features that are requested.
std::vector<std::string> extras_of(const Request& request) {
  std::vector<std::string> extras;
  const auto add = [&](bool wanted, const char* name) {
    if (wanted) extras.emplace_back(name);
  };
  add(request.mig_config, "NVIDIA_MIG_CONFIG_DEVICES");
  add(request.mig_monitor, "NVIDIA_MIG_MONITOR_DEVICES");
  add(request.features.gds, "NVIDIA_GDS");
  add(request.features.mofed, "NVIDIA_MOFED");
  add(request.features.gdrcopy, "NVIDIA_GDRCOPY");
  add(request.features.nvswitch, "NVIDIA_NVSWITCH");
  add(!request.imex_channels.empty() || request.all_imex_channels, "NVIDIA_IMEX_CHANNELS");
  return extras;
}

Table request_table(const Explanation& explanation, bool is_terminal) {
  const RequestResult& result = explanation.task->request;
  const Request& request = *result.request;
  Table table;
  table.rows.push_back({{"Devices"}, {devices_text(request)}, {"from " + result.devices_source}});
  if (explanation.inventory != nullptr) {
    const SelectedDevices selected = select_devices(request.devices, *explanation.inventory);
    table.rows.push_back(
        {{""}, {is_terminal ? selected_models(selected) : selected_text(selected)}});
  }
  table.rows.push_back(
      {{"Capabilities"},
       {to_string(request.capabilities)},
       {result.capabilities_source == "default"
            ? (is_terminal ? "by default" : "default: NVIDIA_DRIVER_CAPABILITIES is not set")
            : "from " + std::string(result.capabilities_source)}});
  for (const Requirement& requirement : request.requirements) {
    table.rows.push_back({{"Requirement"},
                          {cut_text(requirement.expression, 301)},
                          {"from " + requirement.variable}});
  }
  for (const std::string& extra : extras_of(request)) table.rows.push_back({{"Also"}, {extra}});
  return table;
}

/// In the place of the table of steps.
std::string steps_line(const Explanation& explanation) {
  const std::string version = explanation.inventory == nullptr
                                  ? std::string()
                                  : printable(explanation.inventory->driver.str());
  return (version.empty() ? "" : "Driver " + version + "; ") + "--steps shows the " +
         std::to_string(step_count(*explanation.plan)) + " steps and all notes.\n";
}

/// All of them, or only the warnings.
std::string notes_text(const Explanation& explanation, bool has_all, const Style& style) {
  std::string text;
  const auto add = [&](const Notes& notes) {
    for (const Note& note : notes) {
      const bool is_warning = note.level == Note::Level::warning;
      if (!has_all && !is_warning) continue;
      text +=
          "  " + style(is_warning ? Colour::warning : Colour::none, printable(note.text)) + "\n";
    }
  };
  add(explanation.notes);
  if (explanation.task) add(explanation.task->request.notes);
  add(explanation.requirements);
  if (explanation.plan) add(explanation.plan->notes);
  return text.empty() ? "" : "\n" + style(Colour::bold, "Notes") + "\n" + text;
}

std::string settings_text(const ConfigResult& config, const Style& style) {
  Table table;
  for (const Setting& setting : config.settings) {
    table.rows.push_back({{"  " + setting.key}, {setting.where}});
  }
  if (table.rows.empty()) return {};
  return "\n" + style(Colour::bold, "Settings that are not left as they are by default") + "\n" +
         to_text(table, style);
}

Json request_object(const RequestResult& result) {
  const Request& request = *result.request;
  Json requirements = Json::array();
  for (const Requirement& requirement : request.requirements) {
    requirements.push_back(
        {{"variable", requirement.variable}, {"expression", requirement.expression}});
  }
  return {{"devices", devices_text(request)},
          {"devices_source", result.devices_source},
          {"capabilities", to_string(request.capabilities)},
          {"capabilities_source", result.capabilities_source},
          {"requirements", std::move(requirements)},
          {"also", extras_of(request)}};
}

Json texts_of(const Notes& notes) {
  Json texts = Json::array();
  for (const Note& note : notes) texts.push_back(note.text);
  return texts;
}

}  // namespace

std::string verdict_of(const Explanation& explanation) {
  if (explanation.failure) return "It would not start: " + to_line(*explanation.failure);
  if (explanation.missing) {
    return "It asks for the driver, and has nothing of it: " + explanation.missing->cause +
           ". Try: " + explanation.missing->remedy;
  }
  const ContainerTask& task = *explanation.task;
  switch (task.injector) {
    case Injector::nobody:
      return "Nothing is injected: " + why_no_request(task.request, explanation.config) + ".";
    case Injector::engine:
      if (!explanation.cdi_devices.empty()) {
        return "The engine gives it the driver by CDI: " + join(explanation.cdi_devices, ", ") +
               "; oci-nvidia cdi list shows the specifications.";
      }
      return "The engine gives it the driver: config.json has it already, by CDI.";
    case Injector::completing_hook:
      return "config.json was edited for the driver: the runtime does of the " +
             std::to_string(step_count(*explanation.plan)) + " steps what it can, the hook in it " +
             std::to_string(step_count(*explanation.left_to_hook)) + ".";
    case Injector::this_hook:
      return "The hook injects the driver in " + std::to_string(step_count(*explanation.plan)) +
             " steps.";
  }
  return {};
}

std::string explanation_text(const Explanation& explanation, bool has_steps, const Style& style) {
  const bool is_bad = explanation.failure || explanation.missing;
  const Colour colour = is_bad ? Colour::bad : Colour::good;
  std::string text = style(Colour::bold, printable(explanation.subject)) + "\n" +
                     style(colour, printable(verdict_of(explanation))) + "\n";
  if (explanation.task && explanation.task->request.request) {
    text += "\n" + to_screen(request_table(explanation, style.columns != 0), style);
  }
  if (explanation.given) text += given_text(*explanation.given, style);
  if (explanation.plan && has_steps) {
    text += "\n" + to_screen(plan_table(*explanation.plan, explanation.config.config), style);
  } else if (explanation.plan) {
    text += "\n" + steps_line(explanation);
  }
  text += settings_text(explanation.config, style);
  text += notes_text(explanation, has_steps || !explanation.plan, style);
  return folded(text, style.columns);
}

Json explanation_json(const Explanation& explanation) {
  const std::string& driver_root = explanation.config.config.driver_root;
  const auto plan_object = [&](const std::optional<Plan>& plan) {
    return plan ? Json::parse(to_json(*plan, driver_root)) : Json();
  };
  Json document = json_document("explain", 1);
  document["subject"] = explanation.subject;
  document["verdict"] = verdict_of(explanation);
  document["duty"] = nullptr;
  document["no_request"] = nullptr;
  document["request"] = nullptr;
  if (explanation.task) {
    const ContainerTask& task = *explanation.task;
    document["duty"] = to_string(task.injector);
    if (task.injector == Injector::nobody) document["no_request"] = to_string(task.request.why_not);
    if (task.request.request) document["request"] = request_object(task.request);
  }
  document["requirements"] = texts_of(explanation.requirements);
  document["settings"] = Json::array();
  for (const Setting& setting : explanation.config.settings) {
    document["settings"].push_back({{"key", setting.key}, {"where", setting.where}});
  }
  document["given"] = explanation.given ? given_json(*explanation.given) : Json();
  document["plan"] = plan_object(explanation.plan);
  document["left_to_hook"] = plan_object(explanation.left_to_hook);
  document["notes"] = texts_of(explanation.notes);
  if (explanation.task) {
    for (const Note& note : explanation.task->request.notes) document["notes"].push_back(note.text);
  }
  document["error"] = nullptr;
  if (explanation.failure) {
    document["error"] = {{"code", to_string(explanation.failure->code())},
                         {"message", explanation.failure->what()},
                         {"remedy", explanation.failure->remedy()}};
  }
  return document;
}

}  // namespace nvhook
