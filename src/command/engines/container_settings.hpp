// SPDX-License-Identifier: Apache-2.0
// What an image, or an engine's own record of a container, says of GPUs, for a container of which
// there is no config.json: engines make that file when they start a container, and remove it later.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

struct ContainerSettings {
  /// Without the leading slash; empty for an image.
  std::string name = {};
  /// Of the container itself, or of its image.
  std::vector<std::string> environment = {};
  /// What Docker adds to the environment for `--gpus`.
  std::vector<std::string> gpus_environment = {};
  /// Docker calls the hook for `--gpus`.
  bool has_gpus = false;
  /// `--device nvidia.com/gpu=0`: what the engine itself gives by CDI.
  std::vector<std::string> cdi_devices = {};
  /// `source:destination` of volumes.
  std::vector<std::string> volumes = {};
  bool has_sys_admin = false;
  /// The name of the runtime in the engine's configuration; empty for an image.
  std::string runtime = {};
  /// Why its last start failed; empty if it did not, or if that is not known.
  std::string failure = {};
};

/// Reads an OCI image configuration (`{"config":{"Env":[…]}}`), what `docker inspect` or `podman
/// inspect` prints of one image or container (`[{"Config":{"Env":[…]}, "HostConfig":{…}}]`), or
/// such a `Config` alone. For `HostConfig.DeviceRequests` the variables are those that Docker sets
/// (moby, daemon/nvidia_linux.go): a count becomes the first GPUs, a negative one `all`.
/// Throws Error(spec_invalid) for anything else, including a list with more than one element.
[[nodiscard]] ContainerSettings parse_container_settings(std::string_view json);

/// Reads what Docker keeps of a container in `containers/<id>` of its data root: config.v2.json and
/// hostconfig.json, which have the form of the members of `docker inspect`. Throws as
/// parse_container_settings does.
[[nodiscard]] ContainerSettings parse_docker_files(std::string_view config_v2,
                                                   std::string_view hostconfig);

/// Returns a config.json that has these settings and nothing else: with the hook if `has_gpus`.
[[nodiscard]] std::string minimal_spec(const ContainerSettings& settings);

}  // namespace nvhook
