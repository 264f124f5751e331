// SPDX-License-Identifier: Apache-2.0
// What a config.json leaves to us: whether its container asks for the driver, and who gives it.
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

struct ContainerTask {
  Injector injector = Injector::nobody;
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
