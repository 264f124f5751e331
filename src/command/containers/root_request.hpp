// SPDX-License-Identifier: Apache-2.0
// What root asks for in the place of a container's own configuration.
#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"
#include "oci/container_spec.hpp"
#include "plan/container_task.hpp"

namespace nvhook {

/// Returns `config` for root's own request: the rules by which unprivileged containers are refused
/// are for what an image asks for itself.
[[nodiscard]] Config config_for_root(Config config);

/// Returns the task of a container that was started with `devices`, as in NVIDIA_VISIBLE_DEVICES,
/// and with `capabilities` (may be empty) in addition to those of its config.json. `spec` is what
/// was parsed of `config_json`, which must outlive the task; null if there is none. Throws what
/// derive_request throws, and Error(invalid_request) if no device is named.
[[nodiscard]] ContainerTask task_for_devices(std::string_view config_json,
                                             const ContainerSpec* spec, const std::string& devices,
                                             const std::string& capabilities, const Config& config);

}  // namespace nvhook
