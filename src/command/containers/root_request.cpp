// SPDX-License-Identifier: Apache-2.0
// Sets the variables that a user would have set, and derives the request as the hook does.
#include "command/containers/root_request.hpp"

#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr const char* kDevices = "NVIDIA_VISIBLE_DEVICES";
constexpr const char* kDriverCapabilities = "NVIDIA_DRIVER_CAPABILITIES";

}  // namespace

Config config_for_root(Config config) {
  config.accept_envvar_when_unprivileged = true;
  config.accept_volume_mounts = false;
  config.swarm_resources.clear();
  if (config.mode == RuntimeMode::cdi) config.mode = RuntimeMode::automatic;
  return config;
}

ContainerTask task_for_devices(std::string_view config_json, const ContainerSpec* spec,
                               const std::string& devices, const std::string& capabilities,
                               const Config& config) {
  ContainerTask task{.injector = Injector::this_hook, .config_json = config_json};
  if (spec != nullptr) {
    task.spec = *spec;
    task.linux_spec = parse_linux_spec(config_json);
  }
  task.spec.environment[kDevices] = devices;
  if (!capabilities.empty()) {
    std::string& words = task.spec.environment[kDriverCapabilities];
    words += (words.empty() ? "" : ",") + capabilities;
  }
  task.request = derive_request(task.spec, config);
  if (!task.request.request) {
    throw Error(Code::invalid_request, "`" + devices + "` names no device",
                "name GPUs or MIG devices as `oci-nvidia list` shows them, or `all`");
  }
  task.request.request->devices_source = "attach";
  return task;
}

}  // namespace nvhook
