// SPDX-License-Identifier: Apache-2.0
// The planner is the hook's; the container does not exist yet, and its image is not known.
#include "command/nri/nri_planner.hpp"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <ostream>

#include "config/config_files.hpp"
#include "host/host_facts.hpp"
#include "image/image_view.hpp"
#include "inject/spec_sources.hpp"
#include "nri/nri_adjustment.hpp"
#include "nri/nri_container.hpp"
#include "oci/container_spec.hpp"
#include "plan/container_task.hpp"
#include "plan/node_access.hpp"
#include "plan/run.hpp"
#include "plan/spec_hooks.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// A cluster's scheduler hands out GPUs, so what an image says of itself does not count.
Config cluster_defaults() {
  Config config;
  config.accept_envvar_when_unprivileged = false;
  config.accept_volume_mounts = true;
  return config;
}

bool may_annotate(const nri::Pod& pod, const NriOptions& options) {
  return options.annotation_namespaces.contains("*") ||
         options.annotation_namespaces.contains(pod.namespace_());
}

/// Who is meant, in the log: `namespace/pod/container`.
std::string name_of(const nri::CreateContainerRequest& request) {
  return printable(request.pod().namespace_() + "/" + request.pod().name() + "/" +
                   request.container().name());
}

void say(const std::string& name, const std::string& text, CommandContext& context) {
  context.err << name << ": " << printable(text) << '\n';
}

void say(const std::string& name, const Notes& notes, CommandContext& context) {
  for (const Note& note : notes) {
    if (note.level == Note::Level::warning) say(name, "warning: " + note.text, context);
    context.log.notes({note});
  }
}

/// The container's task, by the annotations of its pod if they name devices.
ContainerTask task_of(const nri::CreateContainerRequest& request, const std::string& json,
                      Config& config, const NriOptions& options, CommandContext& context) {
  const std::string annotated = annotated_devices(request);
  if (annotated.empty()) return derive_task(json, parse_spec(json), config);
  if (!may_annotate(request.pod(), options)) {
    say(name_of(request),
        "warning: its annotation nvidia.cdi.k8s.io is ignored: --annotations-of does not name its "
        "namespace",
        context);
    return derive_task(json, parse_spec(json), config);
  }
  config.mode = RuntimeMode::cdi;
  config.annotation_prefixes = {"nvidia.cdi.k8s.io/"};
  nri::Container annotated_container = request.container();
  annotated_container.mutable_annotations()->clear();
  (*annotated_container.mutable_annotations())["nvidia.cdi.k8s.io/container"] = annotated;
  const std::string with_annotation = config_json_of(annotated_container);
  ContainerTask task = derive_task(with_annotation, parse_spec(with_annotation), config);
  task.config_json = json;
  return task;
}

/// Whether the container asks for something by any configuration.
bool may_ask(const nri::CreateContainerRequest& request, const std::string& json) {
  if (!annotated_devices(request).empty()) return true;
  Config config = cluster_defaults();
  config.accept_envvar_when_unprivileged = true;
  try {
    const ContainerTask task = derive_task(json, parse_spec(json), config);
    return reason_to_do_nothing(task, Role::adjuster).empty();
  } catch (const Error&) {
    return true;  // what it asks for is wrong
  }
}

/// A configuration that cannot be used is an error of the containers that may ask for GPUs, and
/// nullopt for all others of the node.
std::optional<Config> config_for(const nri::CreateContainerRequest& request,
                                 const std::string& json, CommandContext& context) {
  try {
    return load_config(context.config_file, context.caller, cluster_defaults()).config;
  } catch (const Error& error) {
    if (may_ask(request, json)) throw;
    say(name_of(request), "warning: " + to_line(error), context);
    return std::nullopt;
  }
}

/// Without it a runtime would refuse the container in words that nobody understands.
void require_hook(const std::string& hook, const RootDir& system) {
  if (system.open(hook, O_PATH)) return;
  throw Error(Code::config_invalid,
              "the host has no `" + hook + "`, which completes what a container gets by NRI",
              "install oci-nvidia-hook on the host, or name it with --hook");
}

/// A runtime that waits in vain creates the container without its GPUs, so the plugin answers
/// before, and be it with an error. Everything but the driver's answer takes milliseconds.
std::chrono::milliseconds probe_deadline(std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kForTheRest{500};
  return std::min(Config().probe_deadline, std::max(patience - kForTheRest, patience / 2));
}

std::vector<std::string> hook_arguments(const Request& request, CommandContext& context) {
  std::vector<std::string> arguments{"oci-nvidia-hook"};
  if (!context.config_file.empty()) arguments.push_back("-config=" + context.config_file);
  const bool all = request.capabilities == CapabilitySet::all();
  arguments.push_back(kCdiFlag + ("=" + (all ? "all" : to_string(request.capabilities))));
  arguments.emplace_back("createRuntime");
  return arguments;
}

/// Without a hook nobody looks at the image, so the host's own root stands for it.
ImageView view_of(const NriOptions& options, const CommandContext& context) {
  return {.rootfs = options.hook.empty() ? &context.system : nullptr};
}

/// The hook that completes knows the devices by their nodes, so all of them must be there. In a
/// user namespace a runtime takes those of /dev, also where the driver has nodes of its own.
void require_nodes(const Plan& plan, const RootDir& system, SpecEdit& edit) {
  constexpr unsigned kPermissions = 07777;
  for (const BindMount& mount : plan.mounts) {
    if (!mount.device || edit.nodes.contains(mount.target)) continue;
    const UniqueFd node = system.open(mount.target.str(), O_PATH | O_NOFOLLOW);
    const FileStatus status = node ? status_of(node.get()) : FileStatus();
    const DeviceNumber number{status.device_major, status.device_minor};
    if (status.is_character_device() && number == *mount.device) {
      edit.nodes[mount.target] = {
          .mode = status.mode & kPermissions, .owner = status.owner, .group = status.group};
      continue;
    }
    throw Error(Code::device_node_missing,
                "the host has no " + mount.target.str() +
                    ", where a runtime takes the nodes of a user namespace from",
                "make the driver's nodes in /dev of the host (oci-nvidia-devices.service)");
  }
}

}  // namespace

nri::CreateContainerResponse plan_by_nri(const nri::CreateContainerRequest& request,
                                         const NriOptions& options, CommandContext& context) {
  const std::string json = config_json_of(request.container());
  auto readable = config_for(request, json, context);
  if (!readable) return {};
  Config& config = *readable;
  const ContainerTask task = task_of(request, json, config, options, context);
  say(name_of(request), task.request.notes, context);
  if (!reason_to_do_nothing(task, Role::adjuster).empty()) return {};
  const Request& asked = *task.request.request;
  if (asked.is_exclusive || asked.free_gpus != 0) {
    throw Error(Code::invalid_request,
                "a lease is bound to a process, and by NRI there is none yet",
                "use the runtime handler nvidia for containers with leases");
  }
  if (!options.hook.empty()) require_hook(options.hook, context.system);
  if (context.system.open(options.probe, O_PATH)) config.probe = options.probe;
  config.probe_deadline = probe_deadline(options.patience);
  const RunContext run{config, context.system, context.log, CachePolicy::use};
  const Planned planned = plan_container(task, view_of(options, context), run);
  say(name_of(request), access_notes(planned.plan, json), context);
  SpecEdit edit{.driver_root = config.driver_root,
                .nodes = check_sources(json, planned, run),
                .hook = options.hook};
  require_nodes(planned.plan, context.system, edit);
  if (!edit.hook.empty()) edit.hook_arguments = hook_arguments(asked, context);
  nri::CreateContainerResponse response;
  *response.mutable_adjust() = adjustment_of(planned.plan, edit);
  remount_requests(request.container(), *response.mutable_adjust());
  say(name_of(request),
      "gets " + std::to_string(edit.nodes.size()) + " devices, by " + asked.devices_source,
      context);
  const std::string lacking = edit.hook.empty() ? lacking_without_hook(planned.plan) : "";
  if (!lacking.empty()) say(name_of(request), "lacks, without a hook: " + lacking, context);
  return response;
}

}  // namespace nvhook
