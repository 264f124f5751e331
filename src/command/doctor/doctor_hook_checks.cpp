// SPDX-License-Identifier: Apache-2.0
// Checks the hook itself, other programs with its names, and whatever would inject the driver
// twice.
#include <algorithm>
#include <array>

#include "command/doctor/doctor_checks.hpp"
#include "command/engines/engine_config.hpp"
#include "command/engines/hook_definition.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kSetUp = "sudo apt-get install --reinstall oci-nvidia-hook";

Seen look_at_hook(const HostReport& report) {
  if (report.hook.path.empty()) {
    return {Verdict::bad, "oci-nvidia-hook is not installed",
            "sudo apt-get install oci-nvidia-hook"};
  }
  return {Verdict::good, report.hook.path};
}

Seen look_at_names(const HostReport& report) {
  std::vector<std::string> foreign;
  std::vector<std::string> absent;
  for (const NamedProgram& named : report.names) {
    if (named.first.path.empty()) {
      absent.push_back(named.name);
    } else if (named.first.origin != Origin::ours) {
      foreign.push_back(named.first.path);
    }
  }
  if (!foreign.empty()) {
    return {Verdict::warning,
            "not ours, and first on PATH: " + join(foreign, ", ") + " (NVIDIA's Container Toolkit)",
            "sudo apt-get remove nvidia-container-toolkit nvidia-container-toolkit-base "
            "libnvidia-container-tools  # or dnf remove; else: sudo rm " +
                join(foreign, " ")};
  }
  if (!absent.empty()) return {Verdict::note, "not on PATH: " + join(absent, ", "), kSetUp};
  return {Verdict::good, "all lead to this hook"};
}

/// Returns the definitions that engines read, without masked ones.
std::vector<const HookDefinition*> definitions_of(const HostReport& report) {
  std::vector<const HookDefinition*> definitions;
  for (const HookDirectory& directory : report.hook_directories) {
    for (const HookDefinition& definition : directory.definitions) {
      if (!definition.is_masked) definitions.push_back(&definition);
    }
  }
  return definitions;
}

std::string directories_of(const HostReport& report) {
  std::vector<std::string> paths;
  for (const HookDirectory& directory : report.hook_directories) paths.push_back(directory.path);
  return join(paths, ", ");
}

Seen look_at_definitions(const HostReport& report) {
  const auto definitions = definitions_of(report);
  for (const HookDefinition* definition : definitions) {
    if (!definition->fault) continue;
    return {Verdict::bad, definition->fault->what + ": Podman and CRI-O start no container at all",
            "sudo mv " + shell_word(definition->file) + " " +
                shell_word(definition->file + ".disabled")};
  }
  return {Verdict::good, std::to_string(definitions.size()) +
                             (definitions.size() == 1 ? " file in " : " files in ") +
                             directories_of(report)};
}

Seen look_at_programs(const HostReport& report) {
  for (const HookDefinition* definition : definitions_of(report)) {
    if (definition->fault || !definition->program.path.empty()) continue;
    if (definition->cannot_execute) {
      return {
          Verdict::bad,
          definition->file + " names `" + definition->program_path +
              "`, which is no executable file: every container that the definition is for fails",
          "sudo chmod 755 " + shell_word(definition->program_path) + "  # or: sudo rm " +
              shell_word(definition->file)};
    }
    const bool is_gpu_hook = definition->is_gpu_hook();
    return {is_gpu_hook ? Verdict::bad : Verdict::warning,
            definition->file + " names `" + definition->program_path +
                "`, which does not exist: engines pass over the file without a word",
            is_gpu_hook ? kSetUp : "sudo rm " + shell_word(definition->file)};
  }
  return {Verdict::good, "every definition leads to a program"};
}

Seen look_at_stages(const HostReport& report) {
  const EngineReport* crio = find_engine(report, "crio");
  const bool has_crio = crio != nullptr && !crio->program.empty();
  for (const HookDirectory& directory : report.hook_directories) {
    const bool is_crios =
        crio != nullptr && std::find(crio->hook_directories.begin(), crio->hook_directories.end(),
                                     directory.path) != crio->hook_directories.end();
    for (const HookDefinition& definition : directory.definitions) {
      if (!is_crios || std::find(definition.stages.begin(), definition.stages.end(),
                                 kPrecreateStage) == definition.stages.end()) {
        continue;
      }
      return {has_crio ? Verdict::bad : Verdict::warning,
              definition.file +
                  " is for the stage precreate of Podman, in a directory that CRI-O " +
                  (has_crio ? "reads, too: it refuses to start" : "would read, too"),
              "sudo install -d /etc/containers/oci/podman-hooks.d && sudo mv " +
                  shell_word(definition.file) +
                  " /etc/containers/oci/podman-hooks.d/  # and name that directory in hooks_dir of "
                  "containers.conf"};
    }
  }
  return {Verdict::good, "every stage is known to all engines"};
}

Seen look_for_two(const HostReport& report) {
  std::vector<const HookDefinition*> found;
  for (const HookDefinition* definition : definitions_of(report)) {
    if (definition->is_gpu_hook() && !definition->program.path.empty()) found.push_back(definition);
  }
  if (found.size() < 2) return {Verdict::good, "no GPU hook is there twice"};
  std::vector<std::string> files;
  files.reserve(found.size());
  for (const HookDefinition* definition : found) files.push_back(definition->file);
  const auto is_ours = [](const HookDefinition* definition) {
    return definition->program.origin == Origin::ours;
  };
  // Remove NVIDIA's; if both are ours, the second.
  const auto foreign = std::find_if_not(found.begin(), found.end(), is_ours);
  const HookDefinition& superfluous = foreign == found.end() ? *found.back() : **foreign;
  return {Verdict::warning, "the driver is put into every container twice: " + join(files, ", "),
          "sudo rm " + shell_word(superfluous.file)};
}

/// Returns the command that brings the program at `path`, which the hooks of `file` start.
std::string bringing(const std::string& path, const std::string& file) {
  const std::string name = file_name(path);
  const bool is_cdi_hook = name == "nvidia-cdi-hook";
  if (!is_cdi_hook && name != "nvidia-ctk" && name != "oci-nvidia-hook") {
    return "sudo rm " + shell_word(file) + "  # or write it anew with what wrote it";
  }
  std::string install = is_cdi_hook ? "sudo apt-get install oci-nvidia-cdi-hook" : kSetUp;
  const std::string ours = "/usr/bin/" + name;
  if (path == ours) return install;
  return install + " && sudo install -d " + shell_word(path.substr(0, path.rfind('/'))) +
         " && sudo ln -s " + ours + " " + shell_word(path);
}

Seen look_at_cdi_programs(const HostReport& report) {
  for (const FoundCdiSpec& spec : report.cdi_specs) {
    if (spec.missing_programs.empty()) continue;
    return {Verdict::bad,
            spec.file + " names `" + join(spec.missing_programs, "`, `") +
                "`, which is not there: no container with a device of " + spec.kind + " starts",
            bringing(spec.missing_programs.front(), spec.file)};
  }
  return {Verdict::good, "every specification's hooks are there"};
}

Seen look_at_cdi(const HostReport& report) {
  std::vector<std::string> ours;
  for (const FoundCdiSpec& spec : report.cdi_specs) {
    if (spec.kind != kGpuKind) continue;
    if (spec.uses_our_hook) {
      ours.push_back(spec.file);
      continue;
    }
    return {Verdict::warning,
            spec.file +
                " is NVIDIA's CDI spec, beside this hook: a container that asks by --device "
                "and by NVIDIA_VISIBLE_DEVICES gets the driver twice",
            "sudo oci-nvidia cdi generate --output " + shell_word(spec.file) + "  # or: sudo rm " +
                shell_word(spec.file)};
  }
  if (!ours.empty()) return {Verdict::good, join(ours, ", ") + "; see `oci-nvidia cdi check`"};
  return {Verdict::good, "no CDI spec for nvidia.com/gpu"};
}

constexpr std::array kHookChecks{
    Check{"hook", "hook", "", look_at_hook},
    Check{"names", "names of the hook", "hook", look_at_names},
    Check{"hooks-json", "hook definitions", "", look_at_definitions},
    Check{"hooks-program", "their programs", "hook", look_at_programs},
    Check{"hooks-stage", "their stages", "hooks-json", look_at_stages},
    Check{"hooks-twice", "one GPU hook", "hooks-json", look_for_two},
    Check{"cdi-programs", "programs of CDI", "", look_at_cdi_programs},
    Check{"cdi", "CDI beside the hook", "cdi-programs", look_at_cdi},
};

}  // namespace

std::span<const Check> hook_checks() { return kHookChecks; }

}  // namespace nvhook
