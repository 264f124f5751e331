// SPDX-License-Identifier: Apache-2.0
// Error texts contain libnvidia-container's words, which callers compare.
#include "nvidia_cli/cli_request.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "request/device_name.hpp"
#include "request/named_devices.hpp"
#include "request/wanted_devices.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

bool is_mig_device(const std::string& name) { return is_mig(parse_device_name(name).kind); }

/// `none` is no word of NVIDIA's program.
WantedDevices devices_of(const std::vector<std::string>& options) {
  std::vector<std::string_view> words;
  for (const std::string& option : options) {
    for (const std::string_view word : split_list(option, ',')) {
      words.push_back(without_cdi_kind(word));
    }
  }
  return read_wanted_devices(std::move(words), false);
}

bool wants_mig_access(const std::vector<std::string>& options, const DeviceSelection& devices,
                      const std::string& option) {
  bool wanted = false;
  for (const std::string& value : options) {
    for (const std::string_view word : split_list(value, ',')) {
      if (equals_ignoring_case(word, "all")) {
        wanted = true;
        continue;
      }
      throw Error(
          Code::invalid_request,
          std::string(word) + ": only 'all' devices are currently supported (--" + option + ")",
          "use --" + option + "=all");
    }
  }
  const auto* const names = std::get_if<DeviceNames>(&devices);
  if (wanted && names != nullptr && std::any_of(names->begin(), names->end(), is_mig_device)) {
    throw Error(Code::invalid_request,
                "cannot enable " + option + " with specific MIG devices selected",
                "select whole GPUs with --device, or leave out --" + option);
  }
  return wanted;
}

std::vector<unsigned> imex_channels_of(const std::vector<std::string>& options) {
  std::set<unsigned> channels;
  for (const std::string& option : options) {
    for (const std::string_view word : split_list(option, ',')) {
      channels.insert(parse_imex_channel(word, "--imex-channel"));
    }
  }
  return {channels.begin(), channels.end()};
}

}  // namespace

Request request_of(const CliSelection& selection) {
  WantedDevices list = devices_of(selection.devices);
  Request request{.devices = std::move(list.devices),
                  .devices_source = "--device",
                  .capabilities = selection.capabilities,
                  .imex_channels = imex_channels_of(selection.imex_channels),
                  .left_out = selection.left_out,
                  .free_gpus = list.free_gpus,
                  .is_exclusive = list.is_exclusive};
  request.mig_config = wants_mig_access(selection.mig_config, request.devices, "mig-config");
  request.mig_monitor = wants_mig_access(selection.mig_monitor, request.devices, "mig-monitor");
  for (const std::string& expression : selection.requirements) {
    if (!expression.empty()) request.requirements.push_back({"--require", expression});
  }
  return request;
}

CudaCompat cuda_compat_of(const std::vector<std::string>& modes, bool no_cntlibs) {
  bool disabled = no_cntlibs;
  for (const std::string& mode : modes) {
    if (mode == "disabled") {
      disabled = true;
    } else if (mode != "mount" && mode != "ldconfig") {
      throw Error(Code::invalid_request, "invalid option: cuda-compat-mode=" + mode,
                  "use mount, ldconfig or disabled");
    }
  }
  if (disabled) return CudaCompat::disabled;
  const auto has = [&](std::string_view mode) {
    return std::find(modes.begin(), modes.end(), mode) != modes.end();
  };
  if (has("mount") && has("ldconfig")) {
    throw Error(Code::invalid_request,
                "invalid option: cuda-compat-mode=mount together with cuda-compat-mode=ldconfig",
                "use one of them");
  }
  return CudaCompat::ldconfig;
}

}  // namespace nvhook
