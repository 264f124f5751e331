// SPDX-License-Identifier: Apache-2.0
// Who gives a container the driver.
#include "core/container_task.hpp"

#include "core/spec_edit.hpp"

namespace nvhook {

ContainerTask derive_task(std::string_view text, const ContainerSpec& spec, const Config& config) {
  ContainerTask task{.request = derive_request(spec, config)};
  if (!task.request.request) return task;
  task.linux_spec = parse_linux_spec(text);
  const bool edited = is_edited(text);
  if (has_cdi_hook(text) || (!edited && has_driver_by_engine(spec, task.linux_spec))) {
    task.duty = Duty::engine;
  } else {
    task.duty = edited ? Duty::completion : Duty::hook;
  }
  return task;
}

ContainerTask derive_cdi_task(std::string_view text, const ContainerSpec& spec,
                              CapabilitySet capabilities, const Config& config) {
  ContainerTask task{.linux_spec = parse_linux_spec(text)};
  task.request = derive_cdi_request(spec, task.linux_spec, capabilities, config);
  if (task.request.request) task.duty = Duty::completion;
  return task;
}

}  // namespace nvhook
