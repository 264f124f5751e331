// SPDX-License-Identifier: Apache-2.0
// A small host as a value, and plans for it.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "os/device_number.hpp"
#include "plan/planner.hpp"

namespace nvhook::test {

inline DriverFile library(std::string_view row, const std::string& path, const std::string& soname,
                          Abi abi = Abi::native) {
  return {.kind = ComponentKind::library,
          .component = find_component(ComponentKind::library, row),
          .abi = abi,
          .path = HostPath(path),
          .soname = soname};
}

inline DeviceNode node(DeviceRole role, const std::string& path, DeviceNumber number,
                       unsigned minor = 0) {
  return {.role = role,
          .file = {.root = HostRoot::system, .path = HostPath(path)},
          .number = number,
          .gpu_minor = minor};
}

inline Inventory host() {
  const std::string lib = "/usr/lib/x86_64-linux-gnu/";
  return {
      .driver = *Version::parse("535.1"),
      .gpus = {{.index = 0, .minor = 2, .uuid = "GPU-a", .pci = "0000:07:00.0"},
               {.index = 1, .minor = 0, .uuid = "GPU-b", .pci = "0000:0f:00.0"}},
      .files = {{.kind = ComponentKind::binary,
                 .component = find_component(ComponentKind::binary, "nvidia-smi"),
                 .path = HostPath("/usr/lib/nvidia/current/nvidia-smi-535")},
                library("libnvidia-ml.so", lib + "nvidia/current/libnvidia-ml.so.535.1",
                        "libnvidia-ml.so.1"),
                library("libcuda.so", lib + "libcuda.so.535.1", "libcuda.so.1"),
                library("libnvidia-encode.so", lib + "libnvidia-encode.so.535.1",
                        "libnvidia-encode.so.1"),
                library("libGLX_nvidia.so", lib + "libGLX_nvidia.so.535.1", "libGLX_nvidia.so.0"),
                library("libnvidia-tls.so", lib + "libnvidia-tls.so.535.1", ""),
                library("libcuda.so", "/usr/lib/i386-linux-gnu/libcuda.so.535.1", "libcuda.so.1",
                        Abi::compat32),
                {.kind = ComponentKind::firmware,
                 .component = &firmware_component(),
                 .path = HostPath("/usr/lib/firmware/nvidia/535.1/gsp_ga10x.bin"),
                 .place = ContainerPath("/lib/firmware/nvidia/535.1/gsp_ga10x.bin")},
                {.kind = ComponentKind::ipc_socket,
                 .component = find_component(ComponentKind::ipc_socket,
                                             "/var/run/nvidia-persistenced/socket"),
                 .path = HostPath("/run/nvidia-persistenced/socket"),
                 .place = ContainerPath("/run/nvidia-persistenced/socket")}},
      .nodes = {node(DeviceRole::control, "/dev/nvidiactl", {195, 255}),
                node(DeviceRole::uvm, "/dev/nvidia-uvm", {511, 0}),
                node(DeviceRole::modeset, "/dev/nvidia-modeset", {195, 254}),
                node(DeviceRole::gpu, "/dev/nvidia2", {195, 2}, 2),
                node(DeviceRole::gpu, "/dev/nvidia0", {195, 0}, 0)},
      .proc_texts = {{.name = "params", .text = "ModifyDeviceFiles: 1\n"}},
  };
}

inline Request request(DeviceSelection devices, CapabilitySet capabilities) {
  return {.devices = std::move(devices),
          .devices_source = "NVIDIA_VISIBLE_DEVICES",
          .capabilities = capabilities};
}

inline Plan plan_for(const Request& wanted, const Inventory& inventory = host(),
                     const Config& config = {}) {
  return make_plan(wanted, inventory,
                   {.library_directory = ContainerPath("/usr/lib64"),
                    .library32_directory = ContainerPath("/usr/lib32")},
                   config);
}

inline std::vector<std::string> targets(const Plan& plan) {
  std::vector<std::string> paths;
  for (const BindMount& mount : plan.mounts) paths.push_back(mount.target.str());
  return paths;
}

inline const BindMount& mount_at(const Plan& plan, const std::string& target) {
  const auto found =
      std::find_if(plan.mounts.begin(), plan.mounts.end(),
                   [&](const BindMount& mount) { return mount.target.str() == target; });
  if (found == plan.mounts.end()) throw std::runtime_error("no mount at " + target);
  return *found;
}

}  // namespace nvhook::test
