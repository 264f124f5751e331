// SPDX-License-Identifier: Apache-2.0
// One JSON object for each step, in the order in which `apply` takes them.
#include "plan/plan_json.hpp"

#include <nlohmann/json.hpp>

#include "plan/spec_steps.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::ordered_json;

Json to_object(const TmpfsMount& step) {
  Json entries = Json::array();
  for (const TmpfsEntry& entry : step.entries) entries.push_back(entry.path);
  Json object = {{"op", "tmpfs"}, {"target", step.target.str()}, {"entries", std::move(entries)}};
  if (!step.label.empty()) object["label"] = step.label;
  if (step.read_only) object["readOnly"] = true;
  object["reason"] = step.reason;
  return object;
}

Json to_object(const BindMount& step, const std::string& driver_root) {
  const bool prefixed = step.source.root == HostRoot::driver && driver_root != "/";
  Json object = {{"op", "bind"},
                 {"type", to_string(step.type)},
                 {"source", (prefixed ? driver_root : "") + step.source.path.str()},
                 {"target", step.target.str()},
                 {"flags", option_names(step.attributes)}};
  if (step.device) object["device"] = to_rule(*step.device);
  if (step.optional) object["optional"] = true;
  object["reason"] = step.reason;
  return object;
}

Json to_object(const Symlink& step) {
  return {{"op", "symlink"},
          {"link", step.link.str()},
          {"target", step.target},
          {"replace", step.replace},
          {"reason", step.reason}};
}

Json to_object(const TextFile& step) {
  return {{"op", "text"}, {"path", step.path.str()}, {"reason", step.reason}};
}

Json to_object(const ModeChange& step) {
  return {{"op", "mode"}, {"path", step.path.str()}, {"mode", step.mode}};
}

Json to_object(const LoaderPath& step) {
  Json directories = Json::array();
  for (const ContainerPath& directory : step.directories) directories.push_back(directory.str());
  return {{"op", "loaderPath"}, {"file", step.file.str()}, {"directories", std::move(directories)}};
}

Json loader_cache_object(const std::vector<LoaderEntry>& entries) {
  Json libraries = Json::array();
  for (const LoaderEntry& entry : entries) {
    libraries.push_back({{"soname", entry.soname},
                         {"path", entry.path.str()},
                         {"abi", entry.abi == Abi::native ? "native" : "compat32"}});
  }
  return {{"op", "loaderCache"}, {"libraries", std::move(libraries)}};
}

Json to_object(const DeviceRule& step) {
  return {{"op", "allowDevice"},
          {"device", to_rule(step.device)},
          {"access", "rw"},
          {"reason", step.reason}};
}

}  // namespace

std::string_view to_string(SourceType type) {
  switch (type) {
    case SourceType::regular:
      return "file";
    case SourceType::directory:
      return "directory";
    case SourceType::socket:
      return "socket";
    case SourceType::character_device:
      return "device";
  }
  return {};
}

std::string to_json(const Plan& plan, const std::string& driver_root) {
  Json steps = Json::array();
  for (const TmpfsMount& step : plan.tmpfs) steps.push_back(to_object(step));
  for (const BindMount& step : plan.mounts) steps.push_back(to_object(step, driver_root));
  for (const Symlink& step : plan.symlinks) steps.push_back(to_object(step));
  for (const TextFile& step : plan.texts) steps.push_back(to_object(step));
  for (const ModeChange& step : plan.modes) steps.push_back(to_object(step));
  if (!plan.loader_entries.empty()) steps.push_back(loader_cache_object(plan.loader_entries));
  if (plan.loader_path) steps.push_back(to_object(*plan.loader_path));
  if (plan.cover_loader_files) steps.push_back({{"op", "coverLoaderFiles"}});
  for (const DeviceRule& step : plan.device_rules) steps.push_back(to_object(step));
  Json notes = Json::array();
  for (const Note& note : plan.notes) notes.push_back(note.text);
  const Json document = {{"version", 1}, {"steps", std::move(steps)}, {"notes", std::move(notes)}};
  // ASCII only: a name from the image must not control a terminal.
  return document.dump(1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace nvhook
