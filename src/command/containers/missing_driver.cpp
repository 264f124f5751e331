// SPDX-License-Identifier: Apache-2.0
// Looks for a hook in config.json, and names what the engine has in the place of one.
#include "command/containers/missing_driver.hpp"

#include "plan/spec_hooks.hpp"

namespace nvhook {
namespace {

std::string how_to_register(const std::string& engine) {
  const std::string handler = "name `runtimeClassName: nvidia` in the pod";
  if (engine == "containerd") {
    return handler +
           " (`sudo oci-nvidia setup containerd` makes that handler, with --set-default "
           "for pods that name none), and make the pod again";
  }
  if (engine == "CRI-O") {
    return "let CRI-O read the hook (`sudo oci-nvidia setup crio`), or " + handler +
           ", and make the pod again";
  }
  return "register the hook with its engine (oci-nvidia doctor), and make the container again";
}

}  // namespace

MissingDriver why_missing(const std::string& engine, std::string_view config_json) {
  if (has_driver_hook(config_json)) {
    return {.cause = "its config.json has the hook, which did nothing or failed",
            .remedy = "start it again; the hook's log says what it does"};
  }
  return {.cause =
              "neither the hook nor the runtime shim was called when it was made, because "
              "its config.json has nothing of them",
          .remedy = how_to_register(engine)};
}

}  // namespace nvhook
