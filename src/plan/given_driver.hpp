// SPDX-License-Identifier: Apache-2.0
// What a config.json tells of a driver that the engine gives by CDI.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/container_spec.hpp"
#include "plan/spec_hooks.hpp"

namespace nvhook {

/// Whether the engine gives this container the driver by CDI. Any of these is a proof, unless the
/// runtime shim or precreate made the edits (is_edited):
///
/// - a hook of a CDI specification of ours;
/// - the driver's control device and a library of it (has_driver_by_engine);
/// - its control device and a hook that only NVIDIA's specifications of the driver have
///   (serves_driver), without a hook that injects the driver in the mode `legacy`: NVIDIA's runtime
///   adds some of the same hooks in that mode, and `--privileged` brings the device.
[[nodiscard]] bool is_given_by_engine(std::string_view json, const ContainerSpec& spec,
                                      const LinuxSpec& linux_spec);

/// The driver that an engine gave, in parts. Names and files of specifications are not in
/// config.json; an engine of Kubernetes leaves the names of devices in annotations.
struct GivenDriver {
  std::vector<std::string> nodes = {};  ///< of the driver: those that the runtime makes or mounts
  std::vector<std::string> files = {};  ///< of the driver: where they are mounted
  std::vector<SpecHook> own_hooks = {};
  std::vector<SpecHook> nvidia_hooks = {};
  Annotations names = {};  ///< key `cdi.k8s.io/…` → names of devices
};

/// Throws Error(spec_invalid).
[[nodiscard]] GivenDriver given_driver(std::string_view json, const ContainerSpec& spec,
                                       const LinuxSpec& linux_spec);

/// Returns `nvidia-cdi-hook create-symlinks, update-ldcache at createContainer` of hooks of
/// NVIDIA's form; empty for none.
[[nodiscard]] std::string described(const std::vector<SpecHook>& hooks);

}  // namespace nvhook
