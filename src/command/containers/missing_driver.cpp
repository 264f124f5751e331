// SPDX-License-Identifier: Apache-2.0
// Looks for a hook in config.json, and names what the engine has in the place of one.
#include "command/containers/missing_driver.hpp"

#include <algorithm>

#include "command/engines/docker_config.hpp"
#include "command/engines/engine_config.hpp"
#include "plan/spec_hooks.hpp"
#include "text/error.hpp"

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

/// The runtime's program, or its name if the configuration does not have it or cannot be read.
std::string program_of_runtime(const std::string& name, std::string_view daemon_json) {
  try {
    const EngineConfig config =
        daemon_json.empty() ? EngineConfig() : parse_daemon_json(daemon_json, "daemon.json");
    const auto found = std::find_if(config.runtimes.begin(), config.runtimes.end(),
                                    [&](const RuntimeEntry& entry) { return entry.name == name; });
    if (found != config.runtimes.end()) return found->command;
  } catch (const Error&) {
    // Docker does not start with such a file, either; `oci-nvidia doctor` names the place.
  }
  return name == kRuntimeName ? kRuntimeProgram : name;
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

std::optional<MissingDriver> why_docker_calls_nothing(const ContainerSettings& settings,
                                                      std::string_view daemon_json) {
  // Podman's word for its runtime, which reads hooks from directories.
  const bool is_dockers = !settings.runtime.empty() && settings.runtime != "oci";
  if (!is_dockers || settings.has_gpus ||
      is_our_runtime(program_of_runtime(settings.runtime, daemon_json))) {
    return std::nullopt;
  }
  return MissingDriver{
      .cause = "Docker starts it with the runtime `" + settings.runtime +
               "` and without --gpus, and then calls neither the hook nor the runtime shim",
      .remedy =
          "make it anew with `--gpus all`, or with `--runtime=nvidia` (sudo oci-nvidia "
          "setup docker --runtime)"};
}

}  // namespace nvhook
