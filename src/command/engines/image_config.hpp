// SPDX-License-Identifier: Apache-2.0
// The part of an image's configuration that can request a driver: its environment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// Returns `Env` of an OCI image configuration (`{"config":{"Env":[…]}}`), of the output of `docker
/// inspect` or `podman inspect` for an image or a container (`[{"Config":{"Env":[…]}}]`), or of
/// such a `Config` alone; empty if there is no `Env`. Throws Error(spec_invalid) for anything else,
/// including a list with more than one element.
[[nodiscard]] std::vector<std::string> parse_image_environment(std::string_view json);

/// Returns a config.json that has this environment and nothing else. `privileged` adds
/// CAP_SYS_ADMIN.
[[nodiscard]] std::string minimal_spec(const std::vector<std::string>& environment,
                                       bool privileged);

}  // namespace nvhook
