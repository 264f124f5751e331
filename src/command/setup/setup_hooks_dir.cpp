// SPDX-License-Identifier: Apache-2.0
// Plans for Podman and CRI-O, which read hook definitions from directories and have drop-in files.
#include <algorithm>

#include "command/engines/crio_config.hpp"
#include "command/engines/docker_config.hpp"
#include "command/engines/hooks_dir_config.hpp"
#include "command/setup/setup_plan.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxFile = 64UL << 10U;
constexpr const char* kDefinition = "oci-nvidia-hook.json";
constexpr const char* kDropInName = "99-oci-nvidia.conf";

/// Configuration files and directories in the order in which the engine reads them; later ones
/// count more.
using Places = std::vector<std::string>;

/// Reads files, and the `*.conf` files of directories. Unreadable ones are skipped: the engine
/// cannot read them either.
std::vector<NamedText> read_all_of(const RootDir& system, const Places& places) {
  std::vector<NamedText> files;
  const auto add = [&](const std::string& path) {
    if (auto text = system.read(path, kMaxFile)) files.push_back({path, *std::move(text)});
  };
  for (const std::string& place : places) {
    add(place);
    const auto names =
        system.list(place, [](std::string_view name) { return name.ends_with(".conf"); });
    for (const std::string& name : names) add(place + "/" + name);
  }
  return files;
}

std::vector<NamedText> without_file(std::vector<NamedText> files, const std::string& path) {
  files.erase(std::remove_if(files.begin(), files.end(),
                             [&](const NamedText& file) { return file.path == path; }),
              files.end());
  return files;
}

bool has_definition(const RootDir& system, const std::string& dir) {
  return has_file(system, dir + "/" + kDefinition);
}

/// Returns the first of `dirs` that has our definition; empty if there is none.
std::string dir_with_definition(const RootDir& system, const std::vector<std::string>& dirs) {
  const auto found = std::find_if(dirs.begin(), dirs.end(), [&](const std::string& dir) {
    return has_definition(system, dir);
  });
  return found == dirs.end() ? std::string() : *found;
}

/// Returns the directories that have to be read besides `dirs` so that our definition is found, and
/// the administrator's own, if there is one.
std::vector<std::string> missing_hooks_dirs(const RootDir& system,
                                            const std::vector<std::string>& dirs,
                                            const DropInKeys& keys) {
  std::vector<std::string> missing;
  const auto is_wanted = [&](const char* dir) {
    return has_definition(system, dir) && std::find(dirs.begin(), dirs.end(), dir) == dirs.end();
  };
  if (dir_with_definition(system, dirs).empty()) {
    for (const char* dir : {OCI_NVIDIA_HOOKS_DIR, kDefaultHooksDir}) {
      if (missing.empty() && is_wanted(dir)) missing.emplace_back(dir);
    }
  }
  // Last, because a definition of the same name in a later directory replaces the earlier one.
  if (keys.names_hooks_dirs && is_wanted(kOwnHooksDir)) missing.emplace_back(kOwnHooksDir);
  return missing;
}

/// Returns the value that `hooks_dir` needs in our file; empty if the other files need no help.
std::vector<std::string> needed_hooks_dirs(const RootDir& system,
                                           const std::vector<NamedText>& others, const DropIn& now,
                                           const DropInKeys& keys, SetupPlan& plan) {
  std::vector<std::string> dirs = hooks_dirs_of(others, keys);
  const std::vector<std::string> missing = missing_hooks_dirs(system, dirs, keys);
  dirs.insert(dirs.end(), missing.begin(), missing.end());
  const std::string found = dir_with_definition(system, dirs);
  if (found.empty()) {
    plan.lacking.push_back(std::string(OCI_NVIDIA_HOOKS_DIR) + "/" + kDefinition +
                           " is not there: install oci-nvidia-hook");
    return now.hooks_dirs;
  }
  const bool is_named = !keys.names_hooks_dirs || sets_hooks_dirs(others, keys);
  if (!missing.empty() || !is_named) return dirs;
  plan.found.push_back(found + "/" + kDefinition + ": the hook is found");
  return {};
}

/// Returns the lines that the table of our runtime needs in CRI-O: those of the default runtime.
std::vector<std::string> runtime_settings(const RootDir& system,
                                          const std::vector<NamedText>& others, SetupPlan& plan) {
  std::vector<std::string> lines = crio_runtime_settings(others);
  const auto says = [&](const char* key) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.starts_with(std::string(key) + " = ");
    });
  };
  if (!says("runtime_type")) lines.emplace_back("runtime_type = \"oci\"");
  std::vector<NamedText> all = others;
  all.push_back({"", "[crio.runtime.runtimes.nvidia]\n" + join(lines, "\n") + "\n"});
  if (!needs_conmon_on_path(all, kRuntimeName) || !find_program(system, "conmon").empty()) {
    return lines;
  }
  const std::string conmon = std::string(kCrioPrograms) + "/conmon";
  if (has_file(system, conmon)) {
    lines.push_back("monitor_path = \"" + conmon + "\"");
  } else {
    plan.lacking.emplace_back(
        "conmon is not in the directories in which services look, and CRI-O does not start without "
        "it: install conmon, or name it as monitor_path of the default runtime in crio.conf");
  }
  return lines;
}

DropIn wanted(const SetupRequest& request, const RootDir& system,
              const std::vector<NamedText>& others, const DropIn& now, const DropInKeys& keys,
              SetupPlan& plan) {
  DropIn drop_in = now;
  if (!request.handler_alone) {
    drop_in.hooks_dirs = needed_hooks_dirs(system, others, now, keys, plan);
  }
  if (!request.runtime && now.runtime.empty()) return drop_in;
  if (keys.runtime_is_table) drop_in.runtime_settings = runtime_settings(system, others, plan);
  if (!request.runtime) return drop_in;
  if (const auto other = other_runtime(others, keys)) {
    throw Error(Code::config_invalid,
                *other + ": the runtime `nvidia` is not " + std::string(kRuntimeProgram),
                "take it out there; setup replaces nothing that is there");
  }
  drop_in.runtime = runtime_program(request, system, plan);
  drop_in.all_modes = request.all_modes;
  drop_in.as_default = drop_in.as_default || request.set_default;
  return drop_in;
}

/// Adds a line to `plan.lacking` if the engine would not find our definition with the new drop-in
/// file.
void check_result(const RootDir& system, std::vector<NamedText> others, const FileChange& change,
                  const DropInKeys& keys, SetupPlan& plan) {
  if (!change.after) return;
  const std::string dir = change.path.substr(0, change.path.rfind('/') + 1);
  const auto later = std::find_if(others.begin(), others.end(), [&](const NamedText& file) {
    return file.path.starts_with(dir) && file.path > change.path;
  });
  others.insert(later, {change.path, *change.after});
  const bool is_found = !dir_with_definition(system, hooks_dirs_of(others, keys)).empty();
  if (!is_found && plan.lacking.empty()) {
    plan.lacking.push_back("a file that is read after " + change.path + " sets `hooks_dir`: add " +
                           OCI_NVIDIA_HOOKS_DIR + " to it");
  }
}

SetupPlan plan_drop_in(const SetupRequest& request, const RootDir& system, const std::string& path,
                       const Places& places, const DropInKeys& keys) {
  SetupPlan plan;
  FileChange change{.path = path, .before = read_engine_file(system, path)};
  const DropIn now = change.before ? parse_drop_in({path, *change.before}, keys) : DropIn();
  if (!request.undo) {
    const auto others = without_file(read_all_of(system, places), path);
    const DropIn drop_in = wanted(request, system, others, now, keys, plan);
    if (!drop_in.is_empty()) change.after = to_text(drop_in, keys);
    if (!request.handler_alone) check_result(system, others, change, keys, plan);
  }
  plan.changes.push_back(std::move(change));
  return plan;
}

}  // namespace

SetupPlan plan_podman(const SetupRequest& request, const RootDir& system) {
  const std::string& user = request.user_config;
  const std::string top = user.empty() ? "/etc/containers" : user + "/containers";
  const std::string dir = top + "/containers.conf.d";
  Places places{"/usr/share/containers/containers.conf", "/etc/containers/containers.conf",
                "/etc/containers/containers.conf.d"};
  if (!user.empty()) places.insert(places.end(), {top + "/containers.conf", dir});
  const std::string path =
      request.config_file.empty() ? dir + "/" + kDropInName : request.config_file;
  SetupPlan plan = plan_drop_in(request, system, path, places, kPodmanKeys);
  if (request.undo) return plan;
  plan.next.push_back(std::string("podman run --rm ") +
                      (request.runtime ? "--runtime nvidia " : "") +
                      "-e NVIDIA_VISIBLE_DEVICES=all debian nvidia-smi -L");
  return plan;
}

SetupPlan plan_crio(const SetupRequest& request, const RootDir& system) {
  const std::string dir = "/etc/crio/crio.conf.d";
  const std::string path =
      request.config_file.empty() ? dir + "/" + kDropInName : request.config_file;
  SetupPlan plan = plan_drop_in(request, system, path, {"/etc/crio/crio.conf", dir}, kCrioKeys);
  if (plan.changes.front().is_needed()) plan.activation = {"systemctl", "restart", "crio"};
  if (request.undo) return plan;
  plan.next.emplace_back(
      request.runtime
          ? "kubectl: a RuntimeClass with `handler: nvidia`, and `runtimeClassName` in the pod"
          : "kubectl: a pod with `nvidia.com/gpu` in its limits");
  return plan;
}

}  // namespace nvhook
