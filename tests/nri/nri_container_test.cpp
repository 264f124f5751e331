// SPDX-License-Identifier: Apache-2.0
// A container as NRI tells it, read by the rules for a config.json; and what is added to it.
#include "nri/nri_container.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nri/nri_adjustment.hpp"
#include "oci/container_spec.hpp"
#include "plan/container_task.hpp"
#include "plan/spec_steps.hpp"

namespace nvhook {
namespace {

constexpr const char* kHook = "/usr/bin/oci-nvidia-hook";

nri::Container asking() {
  nri::Container container;
  container.add_env("NVIDIA_VISIBLE_DEVICES=0");
  container.add_env("TEXT=\"quoted\"\n");
  nri::Mount& mount = *container.add_mounts();
  mount.set_destination("/dev");
  mount.set_type("tmpfs");
  mount.set_source("tmpfs");
  return container;
}

std::string reason(const nri::Container& container) {
  const std::string json = config_json_of(container);
  return std::string(
      reason_to_do_nothing(derive_task(json, parse_spec(json), Config()), Role::adjuster));
}

Plan plan_of_one_gpu() {
  Plan plan;
  plan.mounts = {{.source = {HostRoot::system, HostPath("/dev/nvidia0")},
                  .type = SourceType::character_device,
                  .device = DeviceNumber{195, 0},
                  .target = ContainerPath("/dev/nvidia0")},
                 {.source = {HostRoot::driver, HostPath("/usr/lib/libcuda.so.535")},
                  .target = ContainerPath("/usr/lib/libcuda.so.535")},
                 {.source = {HostRoot::system, HostPath("/run/daemon.sock")},
                  .type = SourceType::socket,
                  .target = ContainerPath("/run/daemon.sock"),
                  .optional = true}};
  plan.symlinks = {{.link = ContainerPath("/usr/lib/libcuda.so"), .target = "libcuda.so.1"},
                   {.link = ContainerPath("/usr/lib/libcuda.so.1"), .target = "libcuda.so.535"}};
  plan.tmpfs = {{.target = ContainerPath("/proc/driver/nvidia")}};
  plan.device_rules = {{.device = {195, 0}}, {.device = {511, 0}}};
  plan.loader_entries = {{.soname = "libcuda.so.1"}};
  return plan;
}

TEST(NriContainer, ItsPartsAreReadFromTheConfigJson) {
  nri::Container container = asking();
  nri::LinuxDevice& device = *container.mutable_linux()->add_devices();
  device.set_path("/dev/fuse");
  device.set_type("c");
  device.set_major(10);
  device.set_minor(229);
  container.mutable_linux()->add_namespaces()->set_type("user");
  container.mutable_linux()->mutable_resources()->add_devices()->set_access("rwm");
  const std::string json = config_json_of(container);
  const ContainerSpec spec = parse_spec(json);
  EXPECT_EQ(spec.environment.at("TEXT"), "\"quoted\"\n");
  EXPECT_EQ(spec.mounts.at(0).kind, SpecMount::Kind::tmpfs);
  EXPECT_FALSE(spec.privileged);
  EXPECT_EQ(parse_linux_spec(json).nodes,
            (std::vector<SpecNode>{{.path = "/dev/fuse", .number = DeviceNumber{10, 229}}}));
  const SpecSteps steps(json);
  EXPECT_TRUE(steps.has_user_namespace());
  EXPECT_TRUE(steps.denies({195, 0}));
}

TEST(NriContainer, AHookThatGivesTheDriverIsNotDoubled) {
  nri::Container container = asking();
  EXPECT_EQ(reason(container), "");
  container.mutable_hooks()->add_prestart()->set_path("/usr/bin/nvidia-container-runtime-hook");
  EXPECT_EQ(reason(container), "nothing to do: the container has a hook that gives the driver");
  EXPECT_EQ(reason({}), "no GPU request: nothing to do");
}

TEST(NriContainer, ItsOwnAnnotationCountsBeforeThatOfThePod) {
  nri::CreateContainerRequest request;
  request.mutable_container()->set_name("main");
  auto& annotations = *request.mutable_pod()->mutable_annotations();
  EXPECT_EQ(annotated_devices(request), "");
  annotations["nvidia.cdi.k8s.io/container.other"] = "nvidia.com/gpu=7";
  EXPECT_EQ(annotated_devices(request), "");
  annotations["nvidia.cdi.k8s.io/pod"] = "nvidia.com/gpu=3";
  EXPECT_EQ(annotated_devices(request), "nvidia.com/gpu=3");
  annotations["nvidia.cdi.k8s.io/container.*"] = "nvidia.com/gpu=2";
  EXPECT_EQ(annotated_devices(request), "nvidia.com/gpu=2");
  annotations["nvidia.cdi.k8s.io/container.main"] = "nvidia.com/gpu=1";
  EXPECT_EQ(annotated_devices(request), "nvidia.com/gpu=1");
}

TEST(NriAdjustment, DevicesTheirRulesAndTheHook) {
  const auto adjusted = adjustment_of(
      plan_of_one_gpu(), {.nodes = {{ContainerPath("/dev/nvidia0"), {.mode = 0660, .group = 44}}},
                          .hook = kHook,
                          .hook_arguments = {"oci-nvidia-hook", "-cdi=all", "createRuntime"}});
  ASSERT_EQ(adjusted.linux().devices_size(), 1);
  const nri::LinuxDevice& device = adjusted.linux().devices(0);
  EXPECT_EQ(device.path() + device.type(), "/dev/nvidia0c");
  EXPECT_EQ(device.major(), 195);
  EXPECT_EQ(device.file_mode().value(), 0660);
  EXPECT_EQ(device.gid().value(), 44);
  ASSERT_EQ(adjusted.linux().resources().devices_size(), 1);  // of the device without a node
  EXPECT_EQ(adjusted.linux().resources().devices(0).major().value(), 511);
  EXPECT_EQ(adjusted.mounts_size(), 0);
  ASSERT_EQ(adjusted.hooks().create_runtime_size(), 1);
  EXPECT_EQ(adjusted.hooks().create_runtime(0).path(), kHook);
  EXPECT_EQ(adjusted.hooks().create_runtime(0).args(1), "-cdi=all");
  EXPECT_EQ(adjusted.env(0).key() + "=" + adjusted.env(0).value(), "NVIDIA_VISIBLE_DEVICES=void");
}

TEST(NriAdjustment, MountsThatNameDevicesAreMadeAnewInAUserNamespace) {
  nri::Container container;
  for (const char* destination : {"/var/run/nvidia-container-devices/GPU-1", "/volume"}) {
    nri::Mount& mount = *container.add_mounts();
    mount.set_source("/dev/null");
    mount.set_destination(destination);
    mount.add_options("rbind");
  }
  nri::Adjustment adjusted;
  remount_requests(container, adjusted);
  EXPECT_EQ(adjusted.mounts_size(), 0);
  container.mutable_linux()->add_namespaces()->set_type("user");
  remount_requests(container, adjusted);
  ASSERT_EQ(adjusted.mounts_size(), 2);
  EXPECT_EQ(adjusted.mounts(0).destination(), "-/var/run/nvidia-container-devices/GPU-1");
  EXPECT_EQ(adjusted.mounts(1).SerializeAsString(), container.mounts(0).SerializeAsString());
}

TEST(NriAdjustment, WithoutAHookFilesUnderTheNamesOfTheirLinks) {
  const auto adjusted = adjustment_of(plan_of_one_gpu(), {.driver_root = "/run/driver"});
  std::vector<std::string> mounts;
  for (const nri::Mount& mount : adjusted.mounts()) {
    EXPECT_EQ(mount.source(), "/run/driver/usr/lib/libcuda.so.535");
    EXPECT_THAT(mount.options(), testing::ElementsAre("bind", "ro", "nosuid", "nodev", "private"));
    mounts.push_back(mount.destination());
  }
  EXPECT_THAT(mounts, testing::ElementsAre("/usr/lib/libcuda.so.535", "/usr/lib/libcuda.so.1",
                                           "/usr/lib/libcuda.so"));
  EXPECT_FALSE(adjusted.has_hooks());
  EXPECT_EQ(lacking_without_hook(plan_of_one_gpu()),
            "the loader's cache, /proc/driver/nvidia, /run/daemon.sock");
}

}  // namespace
}  // namespace nvhook
