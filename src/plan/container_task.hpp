// SPDX-License-Identifier: Apache-2.0
// What is to be done for one container: what it asks for, and who injects the driver.
#pragma once

#include <string_view>

#include "config/config.hpp"
#include "oci/container_spec.hpp"
#include "request/request.hpp"

namespace nvhook {

/// Who injects the driver into the container.
enum class Injector {
  nobody,           ///< the container does not ask for it
  this_hook,        ///< the hook does everything
  completing_hook,  ///< the runtime, from an edited config.json; the hook with -complete the rest
  engine,           ///< the engine, by CDI; the hook with -cdi the rest, if the file is ours
};

/// What this process was started for.
enum class Role {
  hook,
  completing_hook,  ///< the hook with -complete or -cdi
  spec_editor,      ///< runtime shim, precreate: writes the plan into config.json
  adjuster,         ///< NRI: has the engine write it, while others may have added hooks already
};

/// One container, before the host is read.
struct ContainerTask {
  Injector injector = Injector::nobody;
  RequestResult request = {};
  ContainerSpec spec = {};
  /// Empty if the container does not ask for the driver.
  LinuxSpec linux_spec = {};
  /// The text that `spec` was parsed from; it must outlive this object. Empty for
  /// nvidia-container-cli.
  std::string_view config_json = {};
  /// Devices that the device rules of config.json deny must be left out (CDI).
  bool is_within_rules = false;
};

/// Derives the task from `text`, a config.json, and `spec`, its parsed form; in the mode `cdi`, the
/// annotations are read, too. The request has a note if devices by CDI leave `docker run --gpus`
/// without effect, and one about hooks of NVIDIA's CDI specifications. A container to which the
/// engine gives the driver may ask for what makes no sense: it has no request then. Throws what
/// derive_request, parse_annotations and parse_linux_spec throw.
[[nodiscard]] ContainerTask derive_task(std::string_view text, ContainerSpec spec,
                                        const Config& config);

/// As derive_task(), for output to people: also recognises a container that has no request and gets
/// the driver by CDI.
[[nodiscard]] ContainerTask derive_task_to_show(std::string_view text, ContainerSpec spec,
                                                const Config& config);

/// Derives the task of a hook that completes a CDI specification of ours with `capabilities`.
/// Device nodes that the device rules of config.json do not let the container read and write do not
/// count as given; they are left out of `linux_spec`. Throws what derive_cdi_request and
/// parse_linux_spec throw.
[[nodiscard]] ContainerTask derive_cdi_task(std::string_view text, ContainerSpec spec,
                                            CapabilitySet capabilities, const Config& config);

/// Returns the log line that says why there is nothing to do for `task` in the role `role`; empty
/// if there is something to do. Nothing else decides this.
[[nodiscard]] std::string_view reason_to_do_nothing(const ContainerTask& task, Role role);

}  // namespace nvhook
