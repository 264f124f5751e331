// SPDX-License-Identifier: Apache-2.0
// A host on which doctor finds no fault, to be damaged by tests.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "command/doctor/doctor_checks.hpp"
#include "os/device_number.hpp"

namespace nvhook::test {

inline const Program kOurHook{.path = "/usr/bin/nvidia-container-runtime-hook",
                              .resolved = "/usr/bin/oci-nvidia-hook",
                              .origin = Origin::ours};

inline NodeReport node(const std::string& path, DeviceRole role, DeviceNumber number) {
  return {.path = path, .role = role, .number = number, .is_there = true, .mode = 020666};
}

inline HookDefinition definition(const std::string& file) {
  return {.file = file,
          .program = {.path = "/usr/bin/oci-nvidia-hook",
                      .resolved = "/usr/bin/oci-nvidia-hook",
                      .origin = Origin::ours},
          .program_path = "/usr/bin/oci-nvidia-hook",
          .stages = {"createRuntime"}};
}

inline DriverReport healthy_driver() {
  return {.pci_gpus = {{"0000:07:00.0", "nvidia"}},
          .version = "535.309.01",
          .gpus = {{.minor = 2, .model = "NVIDIA A100"}},
          .has_uvm = true,
          .nodes = {node("/dev/nvidiactl", DeviceRole::control, {195, 255}),
                    node("/dev/nvidia2", DeviceRole::gpu, {195, 2}),
                    node("/dev/nvidia-uvm", DeviceRole::uvm, {511, 0})}};
}

inline HostReport healthy() {
  HostReport report{.driver = healthy_driver(),
                    .libraries = {.libraries = 20,
                                  .cuda = "/usr/lib/libcuda.so.535",
                                  .management = "/usr/lib/libnvidia-ml.so.535",
                                  .cache = "/etc/ld.so.cache",
                                  .has_cache = true},
                    .hook = kOurHook,
                    .hook_changed = 1000,
                    .cgroups = CgroupLayout::v2,
                    .has_systemd = true,
                    .has_systemd_socket = true};
  report.config.files = {{.path = "/etc/oci-nvidia-hook/config.toml", .mode = 0100644}};
  report.names = {{"nvidia-container-runtime-hook", kOurHook}};
  report.hook_directories = {{"/hooks.d", {definition("/hooks.d/oci-nvidia-hook.json")}}};
  report.engines = {
      {.name = "docker",
       .program = "/usr/bin/dockerd",
       .daemon = DaemonReport{.search_path = "/usr/bin", .started = 2000},
       .hook = kOurHook},
      {.name = "podman", .program = "/usr/bin/podman", .hook_directories = {"/hooks.d"}},
      {.name = "crio", .hook_directories = {"/hooks.d"}},
      {.name = "containerd"},
      {.name = "lxc"}};
  return report;
}

inline EngineReport& engine(HostReport& report, const std::string& name) {
  for (EngineReport& one : report.engines) {
    if (one.name == name) return one;
  }
  throw std::logic_error(name);
}

inline const Program kNvidiasCdiHook{.path = "/usr/bin/nvidia-cdi-hook",
                                     .resolved = "/usr/bin/nvidia-cdi-hook"};
inline const Program kOurCdiHook{.path = "/usr/bin/nvidia-cdi-hook",
                                 .resolved = "/usr/bin/oci-nvidia-hook",
                                 .origin = Origin::ours};
inline const FoundCdiSpec kOurSpec{
    .file = "/etc/cdi/nvidia.com-gpu.json", .kind = "nvidia.com/gpu", .uses_our_hook = true};
inline const FoundCdiSpec kNvidiasSpec{.file = "/etc/cdi/nvidia.yaml", .kind = "nvidia.com/gpu"};

inline Diagnosis finding_of(const HostReport& report, std::string_view id) {
  for (Diagnosis& finding : examine(report, all_checks(report.engine))) {
    if (finding.id == id) return finding;
  }
  throw std::logic_error(std::string(id));
}

}  // namespace nvhook::test
