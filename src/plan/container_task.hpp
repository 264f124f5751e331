// SPDX-License-Identifier: Apache-2.0
// What a config.json leaves to us: whether its container asks for the driver, and who gives it.
#pragma once

#include <string_view>

#include "config/config.hpp"
#include "oci/container_spec.hpp"
#include "request/request.hpp"

namespace nvhook {

/// Who gives a container the driver.
enum class Duty {
  none,        ///< nobody: it does not ask for it
  hook,        ///< the hook gives all of it
  completion,  ///< config.json was edited (edit_spec): the runtime, and the hook that completes it
  engine,  ///< the container's engine (CDI): config.json has all of it, or our hook that completes
           ///< it
};

struct ContainerTask {
  Duty duty = Duty::none;
  RequestResult request = {};
  /// Empty if the container does not ask for the driver.
  LinuxSpec linux_spec = {};
};

/// What is to be done for the container of the config.json `text`, which parse_spec made `spec` of.
/// Throws as derive_request and parse_linux_spec do.
[[nodiscard]] ContainerTask derive_task(std::string_view text, const ContainerSpec& spec,
                                        const Config& config);

/// The same for a hook that completes what a CDI specification of ours gave, with `capabilities`.
/// A node that config.json has device rules for, none of which lets the container read and write
/// it, was not given: `linux_spec` is without it.
/// Throws as derive_cdi_request and parse_linux_spec do.
[[nodiscard]] ContainerTask derive_cdi_task(std::string_view text, const ContainerSpec& spec,
                                            CapabilitySet capabilities, const Config& config);

}  // namespace nvhook
