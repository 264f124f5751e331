// SPDX-License-Identifier: Apache-2.0
// What a runtime tells by NRI of a container, as the config.json that it will have.
#pragma once

#include <string>

#include "nri_messages.pb.h"

namespace nvhook {

/// Returns a config.json with the container's environment, mounts, hooks, annotations, devices and
/// namespaces, so that the rules for a config.json decide. NRI does not tell capabilities, so that
/// no container counts as privileged.
[[nodiscard]] std::string config_json_of(const nri::Container& container);

/// Returns the devices by CDI that the pod's annotations name for the container: those of
/// `nvidia.cdi.k8s.io/container.NAME`, else of `nvidia.cdi.k8s.io/container.*`, else of
/// `nvidia.cdi.k8s.io/pod`, a list with commas. Empty without any.
[[nodiscard]] std::string annotated_devices(const nri::CreateContainerRequest& request);

}  // namespace nvhook
