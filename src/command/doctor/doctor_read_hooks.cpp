// SPDX-License-Identifier: Apache-2.0
// Reads hook definitions and CDI specifications.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <set>

#include "command/cdi/cdi_files.hpp"
#include "command/doctor/doctor_read.hpp"
#include "command/engines/engine_config.hpp"
#include "command/engines/hook_definition.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

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

void for_each_hook(const CdiSpec& spec, const std::function<void(const CdiHook&)>& look) {
  for (const CdiHook& hook : spec.edits.hooks) look(hook);
  for (const CdiDevice& device : spec.devices) {
    for (const CdiHook& hook : device.edits.hooks) look(hook);
  }
}

FoundCdiSpec look_at_spec(const RootDir& system, const std::string& file, const CdiSpec& spec) {
  FoundCdiSpec found{.file = file, .kind = spec.kind, .uses_our_hook = is_of_this_program(spec)};
  for_each_hook(spec, [&](const CdiHook& hook) {
    const Program program = program_at(system, hook.path);
    auto& missing = found.missing_programs;
    if (!program.path.empty()) {
      found.uses_our_hook = found.uses_our_hook || program.origin == Origin::ours;
    } else if (std::find(missing.begin(), missing.end(), hook.path) == missing.end()) {
      missing.push_back(hook.path);
    }
  });
  return found;
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

std::vector<FoundCdiSpec> read_cdi_specs(const RootDir& system,
                                         const std::vector<EngineReport>& engines) {
  std::vector<std::string> directories{"/etc/cdi", "/var/run/cdi", "/run/cdi"};
  for (const EngineReport& engine : engines) {
    directories.insert(directories.end(), engine.cdi_directories.begin(),
                       engine.cdi_directories.end());
  }
  std::set<std::string> seen;  // /var/run is usually a link to /run
  std::erase_if(directories, [&](const std::string& directory) {
    const UniqueFd opened = system.open(directory, O_PATH | O_DIRECTORY);
    return !opened || !seen.insert(system.path_of(opened.get())).second;
  });
  std::vector<FoundCdiSpec> specs;
  for (const CdiFile& file : read_cdi_files(system, directories)) {
    // `oci-nvidia cdi check` reports a file that is no specification.
    if (file.spec) specs.push_back(look_at_spec(system, file.path, *file.spec));
  }
  return specs;
}

}  // namespace nvhook
