// SPDX-License-Identifier: Apache-2.0
// What a config.json leaves to us: whether its container asks for the driver, and who injects it.
#pragma once

#include <string_view>

#include "config/config.hpp"
#include "oci/container_spec.hpp"
#include "request/request.hpp"

namespace nvhook {

/// Who gives the container its driver.
enum class Injector {
  nobody,           ///< the container does not ask for it
  this_hook,        ///< the hook, all of it
  completing_hook,  ///< the runtime by an edited config.json, and the hook with -complete the rest
  engine,           ///< the engine by CDI, and, for a specification of ours, the hook with -cdi
};

/// What this program was started for.
enum class Role {
  hook,
  completing_hook,  ///< the hook with -complete or -cdi
  spec_editor,      ///< runtime shim, precreate: the hook's work is written into config.json
};

/// One container, before the host is looked at.
struct ContainerTask {
  Injector injector = Injector::nobody;
  RequestResult request = {};
  ContainerSpec spec = {};
  /// Empty if the container does not ask for the driver.
  LinuxSpec linux_spec = {};
  /// The text that `spec` was parsed from, which must outlive this; empty for nvidia-container-cli.
  std::string_view config_json = {};
  /// Nothing may be done beyond what the device rules of config.json allow (CDI).
  bool is_within_rules = false;
};

/// The task of the config.json `text`, which parse_spec made `spec` of. Throws as derive_request
/// and parse_linux_spec do.
[[nodiscard]] ContainerTask derive_task(std::string_view text, ContainerSpec spec,
                                        const Config& config);

/// The same for who shows it: a container that asks by no variable may have the driver by CDI.
[[nodiscard]] ContainerTask derive_task_to_show(std::string_view text, ContainerSpec spec,
                                                const Config& config);

/// The task of a hook that completes what a CDI specification of ours gave, with `capabilities`. A
/// node that config.json has device rules for, none of which lets the container read and write it,
/// was not given: `linux_spec` is without it. Throws as derive_cdi_request and parse_linux_spec do.
[[nodiscard]] ContainerTask derive_cdi_task(std::string_view text, ContainerSpec spec,
                                            CapabilitySet capabilities, const Config& config);

/// Why there is nothing to do for `task` in the role `role`, as the log says it; empty if there is
/// something to do. The only place where that is decided.
[[nodiscard]] std::string_view reason_to_do_nothing(const ContainerTask& task, Role role);

}  // namespace nvhook
