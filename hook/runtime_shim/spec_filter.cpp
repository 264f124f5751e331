// SPDX-License-Identifier: Apache-2.0
// Plans as the hook does, for a container that does not exist yet, and edits config.json.
#include "runtime_shim/spec_filter.hpp"

#include <fcntl.h>

#include "image/spec_layer.hpp"
#include "inject/spec_sources.hpp"
#include "mains.hpp"
#include "oci/container_spec.hpp"
#include "os/syscalls.hpp"
#include "plan/container_task.hpp"
#include "plan/run.hpp"
#include "plan/spec_edit.hpp"
#include "plan/spec_hooks.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

RootDir open_image(const ContainerSpec& spec, const std::string& directory,
                   const CallerContext& caller) {
  const std::string path = rootfs_path(spec, directory.empty() ? "." : directory);
  UniqueFd image =
      sys::open_beneath(caller.working_directory.get(), path.c_str(), O_PATH | O_DIRECTORY, 0);
  if (!image) {
    throw_errno(Code::rootfs_invalid, "open root file system `" + path + "`",
                "check root.path in config.json");
  }
  return RootDir(std::move(image), FileOwner::image);
}

/// Returns the absolute path of the configuration file, because the hook may be started in another
/// directory.
std::string named_config(const SpecFilter& filter) {
  const std::string& name =
      filter.config_file.empty() ? filter.caller.config_file : filter.config_file;
  if (name.empty() || name.front() == '/') return name;
  return filter.system.path_of(filter.caller.working_directory.get()) + "/" + name;
}

/// Our hook, which completes what is edited, or does everything.
SpecEdit edit_with_hook(const SpecFilter& filter, bool completes) {
  SpecEdit edit{.driver_root = filter.config.driver_root,
                .hook = own_executable(filter.system),
                .hook_arguments = {kProgram}};
  if (edit.hook.empty()) {
    throw Error(Code::internal, "read `/proc/self/exe`", "mount proc on /proc");
  }
  if (const std::string config = named_config(filter); !config.empty()) {
    edit.hook_arguments.push_back("-config=" + config);
  }
  if (filter.config.mode != RuntimeMode::automatic) {
    edit.hook_arguments.push_back(kModeFlag + ("=" + std::string(to_string(filter.config.mode))));
  }
  if (completes) edit.hook_arguments.emplace_back(kCompleteFlag);
  edit.hook_arguments.emplace_back("createRuntime");
  return edit;
}

/// A lease is bound to a process, and which GPUs there are to choose from is known when it starts.
std::optional<std::string> leave_to_hook(const std::string& text, const SpecFilter& filter) {
  filter.log.line("GPUs are leased when the container's process exists: left to the hook");
  if (has_driver_hook(text)) return std::nullopt;
  return edit_spec(text, Plan(), edit_with_hook(filter, false));
}

}  // namespace

std::optional<std::string> edit_container_spec(const std::string& text,
                                               const std::string& directory,
                                               const SpecFilter& filter) {
  const ContainerTask task = derive_task(text, parse_spec(text), filter.config);
  filter.log.notes(task.request.notes);
  filter.log.phase("reading config.json");
  if (const auto reason = reason_to_do_nothing(task, Role::spec_editor); !reason.empty()) {
    filter.log.line(reason);
    return std::nullopt;
  }
  filter.audit.describe(task);
  if (task.request.request->is_exclusive) return leave_to_hook(text, filter);
  const RootDir image = open_image(task.spec, directory, filter.caller);
  const SpecLayer layer(task.spec, &image);
  const RunContext run{filter.config, filter.system, filter.log, CachePolicy::use};
  const Planned planned = plan_container(task, layer.view(), run);
  SpecEdit edit = edit_with_hook(filter, true);
  edit.nodes = check_sources(text, planned, run);
  std::string edited = edit_spec(text, planned.plan, edit);
  filter.log.phase("editing config.json");
  return edited;
}

}  // namespace nvhook
