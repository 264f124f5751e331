// SPDX-License-Identifier: Apache-2.0
// An image's configuration, as far as it asks for a driver: its environment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// `Env` of an OCI image configuration (`{"config":{"Env":[…]}}`), of what `docker inspect` or
/// `podman inspect` prints of an image or a container (`[{"Config":{"Env":[…]}}]`), or of such a
/// `Config` alone. No Env: no variables. Throws Error(spec_invalid) for anything else, also for a
/// list of more than one.
[[nodiscard]] std::vector<std::string> parse_image_environment(std::string_view json);

/// A config.json of a container with this environment; nothing else is in it. `privileged`: it has
/// CAP_SYS_ADMIN.
[[nodiscard]] std::string minimal_spec(const std::vector<std::string>& environment,
                                       bool privileged);

}  // namespace nvhook
