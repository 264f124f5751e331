// SPDX-License-Identifier: Apache-2.0
// The plan for containerd, whose config.toml imports further files.
#include "command/engines/containerd_config.hpp"
#include "command/engines/containerd_files.hpp"
#include "command/setup/setup_plan.hpp"

namespace nvhook {
namespace {

constexpr const char* kConfig = "/etc/containerd/config.toml";

/// Returns config.toml and what it imports; empty if it does not exist.
std::vector<NamedText> files_of(const RootDir& system, const FileChange& change) {
  if (!change.before) return {};
  return with_imports(system, {change.path, *change.before});
}

/// The text of a file that config.toml imports and that is ours alone.
std::optional<std::string> wanted_import(const SetupRequest& request, const RootDir& system,
                                         const FileChange& change, SetupPlan& plan) {
  const std::string& main = request.imported_by;
  std::vector<NamedText> files =
      with_imports(system, {main, read_engine_file(system, main).value_or("")});
  std::erase_if(files, [&](const NamedText& file) { return file.path == change.path; });
  const std::int64_t version = config_version(files.front());
  // What counts as imported is all but the first.
  files.insert(files.begin(), NamedText{change.path, ""});
  const ImportedRuntime others = imported_runtime(files);
  if (!others.path.empty()) {
    plan.found.push_back(others.path + ": the runtime nvidia");
    return change.before;
  }
  return with_containerd_runtime(change.before,
                                 {.program = runtime_program(request, system, plan),
                                  .all_modes = request.all_modes,
                                  .as_default = request.set_default,
                                  .uses_systemd = others.uses_systemd,
                                  .support = {.version = version}},
                                 change.path);
}

/// Returns the text that config.toml needs.
std::optional<std::string> wanted(const SetupRequest& request, const RootDir& system,
                                  const FileChange& change, SetupPlan& plan) {
  if (!request.imported_by.empty()) return wanted_import(request, system, change, plan);
  const std::string& path = change.path;
  const ImportedRuntime imported = imported_runtime(files_of(system, change));
  if (!imported.path.empty() && !has_containerd_runtime(*change.before, path)) {
    plan.found.push_back(imported.path + ": the runtime nvidia, imported by " + path);
    if (request.set_default && !imported.is_default) {
      plan.lacking.push_back("nvidia is not the default runtime: set default_runtime_name in " +
                             imported.path + ", where the runtime is");
    }
    return change.before;
  }
  const ContainerdRuntime runtime{
      .program = runtime_program(request, system, plan),
      .all_modes = request.all_modes,
      .as_default = request.set_default,
      .uses_systemd = imported.uses_systemd,
      .support = containerd_support(system, find_program(system, "containerd"))};
  return with_containerd_runtime(change.before, runtime, path);
}

/// Adds what keeps containerd from starting, or Kubernetes from seeing the runtime.
void check_result(const RootDir& system, const FileChange& change, SetupPlan& plan) {
  if (!change.after) return;
  if (disables_cri(*change.after, change.path)) {
    plan.lacking.push_back(change.path +
                           " has the CRI plugin in `disabled_plugins`: take it out there, "
                           "or Kubernetes sees no runtime");
  }
  if (const auto conflict = version_conflict(with_imports(system, {change.path, *change.after}))) {
    plan.lacking.push_back(*conflict + "; `containerd config migrate` prints " + change.path +
                           " in the newest version");
  }
}

}  // namespace

SetupPlan plan_containerd(const SetupRequest& request, const RootDir& system) {
  SetupPlan plan;
  const std::string path = request.config_file.empty() ? kConfig : request.config_file;
  FileChange change{.path = path, .before = read_engine_file(system, path)};
  if (request.undo) {
    change.after = without_containerd_runtime(change.before, path);
  } else {
    change.after = wanted(request, system, change, plan);
    if (request.cdi && change.after) change.after = with_containerd_cdi(*change.after, path);
    check_result(system, change, plan);
    plan.next.emplace_back(
        "kubectl: a RuntimeClass with `handler: nvidia`, and `runtimeClassName` in the pod");
    plan.next.emplace_back(
        "without a runtime, with containerd 2: the NRI plugin hook-injector, which reads the "
        "directory of hook definitions");
  }
  if (change.is_needed()) plan.activation = {"systemctl", "restart", "containerd"};
  plan.changes.push_back(std::move(change));
  return plan;
}

}  // namespace nvhook
