// SPDX-License-Identifier: Apache-2.0
// Who gives a container the driver.
#include "plan/container_task.hpp"

#include <utility>
#include <vector>

#include "plan/spec_edit.hpp"
#include "plan/spec_steps.hpp"

namespace nvhook {
namespace {

/// A node can be given for looking alone (`--device /dev/nvidia3:/dev/nvidia3:r`), beside those of
/// CDI. What is no character device stays: it is an error where a GPU should be.
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

}  // namespace

ContainerTask derive_task(std::string_view text, const ContainerSpec& spec, const Config& config) {
  ContainerTask task{.request = derive_request(spec, config)};
  if (!task.request.request) return task;
  task.linux_spec = parse_linux_spec(text);
  const bool edited = is_edited(text);
  if (has_cdi_hook(text) || (!edited && has_driver_by_engine(spec, task.linux_spec))) {
    task.injector = Injector::engine;
  } else {
    task.injector = edited ? Injector::completing_hook : Injector::this_hook;
  }
  return task;
}

ContainerTask derive_cdi_task(std::string_view text, const ContainerSpec& spec,
                              CapabilitySet capabilities, const Config& config) {
  ContainerTask task{.linux_spec = parse_linux_spec(text)};
  Notes notes = leave_out_denied(task.linux_spec.nodes, SpecSteps(text));
  task.request = derive_cdi_request(spec, task.linux_spec, capabilities, config);
  notes.insert(notes.end(), task.request.notes.begin(), task.request.notes.end());
  task.request.notes = std::move(notes);
  if (task.request.request) task.injector = Injector::completing_hook;
  return task;
}

}  // namespace nvhook
