// SPDX-License-Identifier: Apache-2.0
// Decides by the request, by hooks in config.json, and by devices that an engine gave by CDI.
#include "plan/container_task.hpp"

#include <utility>
#include <vector>

#include "plan/given_driver.hpp"
#include "plan/spec_hooks.hpp"
#include "plan/spec_steps.hpp"
#include "request/wanted_devices.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

/// Removes nodes without read and write access: a user can add a read-only node
/// (`--device /dev/nvidia3:/dev/nvidia3:r`) to those that CDI gives. A node that is not a character
/// device is kept, because it is an error if it has the name of a GPU.
Notes leave_out_denied(std::vector<SpecNode>& nodes, const SpecSteps& steps) {
  Notes notes;
  std::erase_if(nodes, [&](const SpecNode& node) {
    if (!node.number || !steps.denies(*node.number)) return false;
    notes.push_back(info("`" + node.path +
                         "` does not count as given: the device rules of config.json do not let "
                         "the container read and write it"));
    return true;
  });
  return notes;
}

/// Docker gives no error for `--gpus` beside `--device nvidia.com/gpu=…`. The edits by CDI usually
/// replace the request of the former in config.json; its hook stays there.
void note_gpus_option(ContainerTask& task) {
  const auto request = task.spec.environment.find("NVIDIA_VISIBLE_DEVICES");
  const bool is_kept = task.request.request && request != task.spec.environment.end();
  task.request.notes.push_back(
      warning("config.json has the hook that `docker run --gpus` adds" +
              (is_kept ? ", with NVIDIA_VISIBLE_DEVICES=`" + request->second + "`," : "") +
              " beside GPUs by CDI (`--device nvidia.com/gpu=…`): only those by CDI are given. Use "
              "one of the two options for all GPUs"));
}

/// Says by which hooks the driver of a specification of NVIDIA's is known, or that its hooks are no
/// driver.
void note_nvidias_hooks(ContainerTask& task) {
  const std::string hooks = described(nvidia_cdi_hooks(task.config_json));
  if (hooks.empty()) return;
  const bool is_driver = task.injector == Injector::engine;
  task.request.notes.push_back(
      info("config.json has hooks of NVIDIA's CDI specifications (" + hooks + ")" +
           (is_driver ? ": the driver is given by them and by the engine, and nothing of it twice"
                      : ", but not the driver's devices and hooks: that is no driver")));
}

void leave_to_engine(ContainerTask& task) {
  task.injector = Injector::engine;
  note_nvidias_hooks(task);
}

/// What an image asks for does not matter to a container that has the driver already, even if it
/// makes no sense.
/// Docker makes the list 0 to N-1 of `--gpus N`.
void let_count_be_free(ContainerTask& task, std::string_view text, const Config& config) {
  if (!config.leases || !config.lease_count || !task.request.request) return;
  Request& request = *task.request.request;
  const unsigned count = count_asked_for(request.devices);
  if (count == 0 || request.is_exclusive || !has_gpus_hook(text)) return;
  task.request.notes.push_back(info("`--gpus`: the list 0 to " + std::to_string(count - 1) +
                                    " means as many free GPUs (lease-count)"));
  request.devices = NoDevices{};
  request.free_gpus = count;
  request.is_exclusive = true;
}

ContainerTask derive(std::string_view text, ContainerSpec spec, const Config& config) {
  ContainerTask task{.spec = std::move(spec), .config_json = text};
  if (config.mode == RuntimeMode::cdi) task.spec.annotations = parse_annotations(text);
  try {
    task.request = derive_request(task.spec, config);
    let_count_be_free(task, text, config);
  } catch (const Error&) {
    task.linux_spec = parse_linux_spec(text);
    if (!is_given_by_engine(text, task.spec, task.linux_spec)) throw;
    leave_to_engine(task);
  }
  return task;
}

}  // namespace

ContainerTask derive_task(std::string_view text, ContainerSpec spec, const Config& config) {
  ContainerTask task = derive(text, std::move(spec), config);
  if (task.injector == Injector::engine) return task;
  if (!task.request.request) {
    if (task.request.why_not == NoRequest::is_void && has_gpus_hook(text) &&
        is_given_by_engine(text, task.spec, parse_linux_spec(text))) {
      note_gpus_option(task);
    }
    return task;
  }
  task.linux_spec = parse_linux_spec(text);
  if (is_given_by_engine(text, task.spec, task.linux_spec)) {
    leave_to_engine(task);
    if (has_gpus_hook(text)) note_gpus_option(task);
  } else {
    task.injector = is_edited(text) ? Injector::completing_hook : Injector::this_hook;
    note_nvidias_hooks(task);
  }
  return task;
}

ContainerTask derive_task_to_show(std::string_view text, ContainerSpec spec, const Config& config) {
  ContainerTask task = derive_task(text, std::move(spec), config);
  if (task.injector != Injector::nobody) return task;
  task.linux_spec = parse_linux_spec(text);
  if (is_given_by_engine(text, task.spec, task.linux_spec)) leave_to_engine(task);
  return task;
}

ContainerTask derive_cdi_task(std::string_view text, ContainerSpec spec, CapabilitySet capabilities,
                              const Config& config) {
  ContainerTask task{.spec = std::move(spec),
                     .linux_spec = parse_linux_spec(text),
                     .config_json = text,
                     .is_within_rules = true};
  Notes notes = leave_out_denied(task.linux_spec.nodes, SpecSteps(text));
  task.request = derive_cdi_request(task.spec, task.linux_spec, capabilities, config);
  notes.insert(notes.end(), task.request.notes.begin(), task.request.notes.end());
  task.request.notes = std::move(notes);
  if (task.request.request) task.injector = Injector::completing_hook;
  return task;
}

std::string_view reason_to_do_nothing(const ContainerTask& task, Role role) {
  if (task.injector == Injector::nobody) return "no GPU request: nothing to do";
  if (role == Role::completing_hook && task.request.request) return {};
  if (task.injector == Injector::engine) {
    return "nothing to do: config.json has the driver already (CDI)";
  }
  if (role == Role::adjuster && has_driver_hook(task.config_json)) {
    return "nothing to do: the container has a hook that gives the driver";
  }
  if (role == Role::hook && task.injector == Injector::completing_hook) {
    return "nothing to do: config.json was edited, and another hook completes it";
  }
  return {};
}

}  // namespace nvhook
