// SPDX-License-Identifier: Apache-2.0
// Formats what was found in the container, and the findings about it.
#include "command/inspect/inspect_view.hpp"

#include <algorithm>

#include "command/containers/container_lookup.hpp"
#include "command/render/folded_text.hpp"
#include "command/render/narrow_table.hpp"
#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string_view to_string(Finding::Level level) {
  switch (level) {
    case Finding::Level::good:
      return "good";
    case Finding::Level::warning:
      return "warning";
    case Finding::Level::bad:
      return "bad";
  }
  return {};
}

Colour colour_of(Finding::Level level) {
  switch (level) {
    case Finding::Level::good:
      return Colour::good;
    case Finding::Level::warning:
      return Colour::warning;
    case Finding::Level::bad:
      return Colour::bad;
  }
  return Colour::none;
}

bool is_denied(const ContainerNode& node, const DeviceAccess& access) {
  return std::find(access.denied.begin(), access.denied.end(), node.number) != access.denied.end();
}

Cell state_cell(const std::string& why_stale) {
  if (why_stale.empty()) return {"ok", Colour::good};
  return {why_stale, Colour::warning};
}

std::string number_of(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s") + " as they should be\n";
}

std::string files_text(const Inspection& inspection, bool is_whole, const Style& style) {
  Table table{.head = {"FILE", "MOUNTED FROM", "STATE"}};
  std::size_t good = 0;
  for (const MountedFile& file : inspection.driver.files) {
    const std::string stale = why_stale(file, inspection.today);
    if (!is_whole && stale.empty()) {
      ++good;
      continue;
    }
    const bool same = file.source == file.target;
    table.rows.push_back({{file.target}, {same ? "" : file.source}, state_cell(stale)});
  }
  return (table.rows.empty() ? "" : "\n" + to_screen(table, style)) +
         (good == 0 ? "" : number_of(good, "file"));
}

/// `0 NVIDIA A100-SXM4-40GB`: a node's number is the minor, which is not the index of the GPU.
std::string gpu_of(const ContainerNode& node, const Inventory* today) {
  if (today == nullptr) return {};
  for (const DeviceNode& one : today->nodes) {
    if (one.role != DeviceRole::gpu || !(one.number == node.number)) continue;
    for (const Gpu& gpu : today->gpus) {
      if (gpu.minor == one.gpu_minor) {
        return std::to_string(gpu.index) + (gpu.model.empty() ? "" : " " + gpu.model);
      }
    }
  }
  return {};
}

std::string nodes_text(const Inspection& inspection, bool is_whole, const Style& style) {
  Table table{.head = {"NODE", "DEVICE", "GPU", "STATE"}};
  std::size_t good = 0;
  for (const ContainerNode& node : inspection.driver.nodes) {
    const bool denied = is_denied(node, inspection.access);
    const std::string stale = why_stale(node, inspection.today);
    const std::string gpu = gpu_of(node, inspection.today);
    if (!is_whole && !denied && stale.empty() && gpu.empty()) {
      ++good;
      continue;
    }
    table.rows.push_back(
        {{node.path},
         {to_rule(node.number)},
         {gpu},
         denied ? Cell{"denied by the device cgroup", Colour::bad} : state_cell(stale)});
  }
  return (table.rows.empty() ? "" : "\n" + to_screen(table, style)) +
         (good == 0 ? "" : number_of(good, "other node"));
}

std::string details_text(const Inspection& inspection, const Style& style) {
  std::string text = "\n" + style(Colour::bold, "Loader and devices") + "\n";
  text += "  loader cache: " + std::to_string(inspection.driver.cached.size()) +
          " libraries of the driver\n";
  for (const std::string& line : inspection.access.told) text += "  " + printable(line) + "\n";
  for (const Note& note : inspection.notes) text += "  " + printable(note.text) + "\n";
  return text;
}

}  // namespace

std::string inspection_text(const Inspection& inspection, bool is_whole, const Style& style) {
  std::string subject = describe(inspection.container);
  if (!inspection.container.id.empty()) {
    subject += ", process " + std::to_string(inspection.container.pid);
  }
  std::string text = style(Colour::bold, printable(subject)) + "\n";
  for (const Finding& finding : inspection.findings) {
    text += style(colour_of(finding.level), printable(finding.text)) +
            (finding.remedy.empty() ? "" : ". Try: " + printable(finding.remedy)) + "\n";
  }
  text += files_text(inspection, is_whole, style) + nodes_text(inspection, is_whole, style);
  text += details_text(inspection, style);
  if (!is_whole) text += "\n--all shows every file and node.\n";
  return folded(text, style.columns);
}

Json inspection_json(const Inspection& inspection) {
  const ContainerDriver& driver = inspection.driver;
  Json document = json_document("inspect", 1);
  document["container"] = {{"engine", inspection.container.engine},
                           {"id", inspection.container.id},
                           {"name", inspection.container.name},
                           {"pid", inspection.container.pid},
                           {"bundle", inspection.container.bundle}};
  if (!inspection.container.user.empty()) document["container"]["user"] = inspection.container.user;
  document["findings"] = Json::array();
  for (const Finding& finding : inspection.findings) {
    document["findings"].push_back(
        {{"level", to_string(finding.level)}, {"text", finding.text}, {"remedy", finding.remedy}});
  }
  document["files"] = Json::array();
  for (const MountedFile& file : driver.files) {
    document["files"].push_back({{"target", file.target},
                                 {"source", file.source},
                                 {"component", file.component->name},
                                 {"version", file.version},
                                 {"deleted", file.is_deleted},
                                 {"stale", !why_stale(file, inspection.today).empty()}});
  }
  document["nodes"] = Json::array();
  for (const ContainerNode& node : driver.nodes) {
    document["nodes"].push_back({{"path", node.path},
                                 {"major", node.number.major},
                                 {"minor", node.number.minor},
                                 {"denied", is_denied(node, inspection.access)},
                                 {"stale", !why_stale(node, inspection.today).empty()}});
  }
  document["gpus"] = driver.gpus;
  document["loader_cache"] = {{"libraries", driver.cached}, {"missing", driver.missing_cached}};
  document["dangling_links"] = driver.dangling_links;
  document["missing"] = driver.missing;
  document["device_access"] = inspection.access.told;
  document["notes"] = Json::array();
  for (const Note& note : inspection.notes) document["notes"].push_back(note.text);
  return document;
}

}  // namespace nvhook
