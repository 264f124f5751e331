// SPDX-License-Identifier: Apache-2.0
// Reads hook definitions and CDI specifications.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "command/doctor/doctor_read.hpp"
#include "command/engines/engine_config.hpp"
#include "command/engines/hook_definition.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxCdiSpec = std::size_t{16} << 20U;
constexpr std::string_view kKind = "nvidia.com/gpu";

std::optional<HookDefinition> read_definition(const RootDir& system, const std::string& path) {
  HookDefinition definition{.file = path};
  const auto text = system.read(path, kMaxSettings);
  if (!text && errno == ENOENT) return std::nullopt;  // a link to nothing, which engines pass over
  if (!text) {
    definition.fault = {.what = path + " cannot be read", .remedy = "make it a readable file"};
    return definition;
  }
  try {
    HookText parsed = parse_hook_definition(*text, path);
    definition.program_path = std::move(parsed.path);
    definition.stages = std::move(parsed.stages);
    // Relative to where the engine runs; it finds nothing there.
    if (!definition.program_path.starts_with('/')) return definition;
    definition.program = program_at(system, definition.program_path);
    definition.cannot_execute =
        definition.program.path.empty() && is_there(system, definition.program_path);
  } catch (const Error& error) {
    definition.fault = fault_of(error);
  }
  return definition;
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Of YAML, which NVIDIA's generator writes, only a line `kind: nvidia.com/gpu` is recognised.
bool has_yaml_kind(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with("kind:")) continue;
    std::string_view value = trim(line.substr(std::string_view("kind:").size()));
    if (value.size() > 1 && (value.front() == '"' || value.front() == '\'')) {
      value = value.substr(1, value.size() - 2);
    }
    return value == kKind;
  }
  return false;
}

bool is_of_gpus(const std::string& file, const std::string& text) {
  if (!file.ends_with(".json")) return has_yaml_kind(text);
  try {
    const Json spec = parse_json_object(text, file);
    const auto kind = spec.find("kind");
    return kind != spec.end() && *kind == kKind;
  } catch (const Error&) {
    return false;  // `oci-nvidia cdi check` reports such a file
  }
}

}  // namespace

std::vector<HookDirectory> read_hook_directories(const RootDir& system,
                                                 const std::vector<std::string>& paths) {
  std::vector<HookDirectory> directories;
  for (const std::string& path : paths) {
    HookDirectory directory{.path = path};
    const auto names =
        system.list(path, [](std::string_view name) { return name.ends_with(".json"); });
    for (const std::string& name : names) {
      auto definition = read_definition(system, path + (path.ends_with('/') ? "" : "/") + name);
      if (definition) directory.definitions.push_back(*std::move(definition));
    }
    directories.push_back(std::move(directory));
  }
  std::set<std::string> names;
  std::for_each(directories.rbegin(), directories.rend(), [&](HookDirectory& directory) {
    for (HookDefinition& definition : directory.definitions) {
      definition.is_masked = !names.insert(file_name(definition.file)).second;
    }
  });
  return directories;
}

std::vector<FoundCdiSpec> read_cdi_specs(const RootDir& system) {
  std::vector<FoundCdiSpec> specs;
  std::set<std::string> seen;  // /var/run is usually a link to /run
  for (const char* directory : {"/etc/cdi/", "/var/run/cdi/", "/run/cdi/"}) {
    const UniqueFd opened = system.open(directory, O_PATH | O_DIRECTORY);
    if (!opened || !seen.insert(system.path_of(opened.get())).second) continue;
    for (const std::string& name : system.list(directory)) {
      const std::string file = directory + name;
      if (!name.ends_with(".json") && !name.ends_with(".yaml") && !name.ends_with(".yml")) continue;
      const auto text = system.read(file, kMaxCdiSpec);
      if (!text || !is_of_gpus(file, *text)) continue;
      specs.push_back(
          {.file = file, .uses_our_hook = text->find("oci-nvidia-hook") != std::string::npos});
    }
  }
  return specs;
}

}  // namespace nvhook
