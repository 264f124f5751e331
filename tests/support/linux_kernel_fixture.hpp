// SPDX-License-Identifier: Apache-2.0
// Applies plans to a test container, from a driver root made by the test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "inject/apply.hpp"
#include "inject/linux_kernel.hpp"
#include "os/device_number.hpp"
#include "support/failing_kernel.hpp"
#include "support/test_container.hpp"
#include "text/error.hpp"

namespace nvhook::test {

/// The host: a driver root with two files, a directory and a firmware file.
class LinuxKernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to make mount namespaces: run ctest as root";
    host_.write("/lib/libcuda.so.535.1", "driver library");
    host_.write("/lib/libnvidia-ml.so.535.1", "another");
    host_.write("/proc/gpus/0000:07:00.0/information", "Device Minor: 2\n");
    host_.write("/canary/file", "host");
  }

  [[nodiscard]] static BindMount library(const std::string& name, const std::string& directory) {
    return {.source = {.root = HostRoot::driver, .path = HostPath("/lib/" + name)},
            .target = ContainerPath(directory + "/" + name),
            .reason = "test"};
  }

  [[nodiscard]] static Plan usual_plan() {
    Plan plan;
    plan.tmpfs = {
        {.target = ContainerPath("/proc/driver/nvidia"),
         .on_procfs = true,
         .entries = {{.path = "params", .content = "ModifyDeviceFiles: 0\n", .mode = 0444},
                     {.path = "gpus", .directory = true, .mode = 0555},
                     {.path = "gpus/0000:07:00.0", .directory = true, .mode = 0555}}}};
    plan.mounts = {
        library("libcuda.so.535.1", "/usr/lib/new/directory"),
        library("libnvidia-ml.so.535.1", "/usr/lib"),
        {.source = {.root = HostRoot::driver, .path = HostPath("/proc/gpus/0000:07:00.0")},
         .type = SourceType::directory,
         .target = ContainerPath("/proc/driver/nvidia/gpus/0000:07:00.0"),
         .attributes = {.no_exec = true}},
        {.source = {.root = HostRoot::system, .path = HostPath("/dev/null")},
         .type = SourceType::character_device,
         .device = DeviceNumber{1, 3},
         .target = ContainerPath("/dev/nvidiactl"),
         .attributes = {.no_dev = false, .no_exec = true}}};
    plan.symlinks = {{.link = ContainerPath("/usr/lib/libnvidia-ml.so.1"),
                      .target = "libnvidia-ml.so.535.1",
                      .replace = true}};
    plan.loader_entries = {
        {.soname = "libnvidia-ml.so.1", .path = ContainerPath("/usr/lib/libnvidia-ml.so.1")}};
    return plan;
  }

  /// Applies the plan in a child process. Returns the error, or an empty string.
  std::string apply_to(const TestContainer& container, const Plan& plan,
                       std::size_t fail_at = FailingKernel::kNever) {
    return in_child([&]() -> std::string {
      const auto system = open_root("/");
      const auto driver = open_root(host_.path());
      const ContainerProcess process(container.pid());
      const RootDir rootfs = process.open_rootfs(container.rootfs());
      const OwnLayer layer({.rootfs = rootfs, .mountinfo = [&] { return process.mountinfo(); }});
      LinuxKernel kernel(process, rootfs, layer, *system, *driver);
      FailingKernel failing(kernel, fail_at);
      try {
        apply(plan, failing);
      } catch (const Error& error) {
        return to_string(error.code()) + " " + error.what();
      }
      return {};
    });
  }

  TemporaryDirectory host_ = {};
};

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Returns the mountinfo line of the mount at `target` in the container; empty if there is none.
inline std::string mount_line(const TestContainer& container, const std::string& target) {
  std::istringstream lines(container.mountinfo());
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" " + container.rootfs() + target + " ") != std::string::npos) return line;
  }
  return {};
}

}  // namespace nvhook::test
