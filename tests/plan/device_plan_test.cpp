// SPDX-License-Identifier: Apache-2.0
// Devices of a plan: MIG, IMEX channels, optional features, mode setting nodes, WSL2.
#include "plan/device_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "os/device_number.hpp"
#include "support/planner_host.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

TEST(DevicePlan, MigMonitorShowsTheCapabilitiesAndTheMonitorNodeOnly) {
  Inventory inventory = host();
  inventory.has_mig_capabilities = true;
  inventory.nvidia_caps_major = 239;
  using Role = MigCapability::Role;
  inventory.mig_capabilities = {
      {.role = Role::config, .minor = 1},
      {.role = Role::monitor, .minor = 2},
      {.role = Role::instance, .gpu_minor = 2, .gpu_instance = 1, .minor = 30},
      {.role = Role::instance, .gpu_minor = 0, .gpu_instance = 1, .minor = 40}};
  Request wanted = request(DeviceNames{"0"}, {Capability::utility});
  wanted.mig_monitor = true;
  const Plan plan = plan_for(wanted, inventory);
  EXPECT_THAT(targets(plan), Contains("/proc/driver/nvidia/capabilities"));
  EXPECT_THAT(targets(plan), Contains("/dev/nvidia-caps"));
  std::vector<DeviceNumber> caps;
  for (const DeviceRule& rule : plan.device_rules) {
    if (rule.device.major == 239) caps.push_back(rule.device);
  }
  EXPECT_THAT(caps, UnorderedElementsAre(DeviceNumber{239, 2}, DeviceNumber{239, 30}));
}

/// GPU 0 (minor 2) with two compute instances in one GPU instance.
Inventory mig_host() {
  Inventory inventory = host();
  inventory.has_mig_capabilities = true;
  inventory.nvidia_caps_major = 239;
  inventory.mig_devices = {{.gpu_minor = 2, .gpu_instance = 1, .index = 0},
                           {.gpu_minor = 2, .gpu_instance = 1, .compute_instance = 1, .index = 1}};
  const auto capability = [](std::optional<unsigned> compute, unsigned minor) {
    return MigCapability{.role = MigCapability::Role::instance,
                         .gpu_minor = 2,
                         .gpu_instance = 1,
                         .compute_instance = compute,
                         .minor = minor};
  };
  inventory.mig_capabilities = {capability({}, 30), capability(0, 31), capability(1, 32)};
  for (const unsigned minor : {30U, 31U, 32U}) {
    inventory.nodes.push_back(node(
        DeviceRole::mig, "/dev/nvidia-caps/nvidia-cap" + std::to_string(minor), {239, minor}, 2));
  }
  return inventory;
}

TEST(DevicePlan, AMigDeviceWithGraphicsGetsTheDisplayNodesOfItsGpuOnly) {
  Inventory inventory = mig_host();
  inventory.mig_devices[0].profile = "1g.24gb+gfx";
  const auto add = [&](const std::string& path, unsigned minor, unsigned gpu_minor) {
    inventory.nodes.push_back(node(DeviceRole::drm, path, {226, minor}, gpu_minor));
  };
  add("/dev/dri/renderD150", 150, 2);
  add("/dev/dri/renderD151", 151, 0);
  inventory.device_links = {{"/dev/dri/by-path/pci-0000:07:00.0-render", "../renderD150", 2}};
  const auto plan_of = [&](DeviceSelection devices, Capability capability) {
    return plan_for(request(std::move(devices), {capability}), inventory);
  };
  for (const DeviceSelection& devices :
       {DeviceSelection(DeviceNames{"0:0"}), DeviceSelection(DeviceNames{"0:0", "0:1"})}) {
    const Plan plan = plan_of(devices, Capability::graphics);
    EXPECT_THAT(targets(plan), Contains("/dev/dri/renderD150"));
    EXPECT_THAT(targets(plan), Not(Contains("/dev/dri/renderD151")));
    EXPECT_THAT(plan.symlinks, Contains(Field(&Symlink::target, "../renderD150")));
  }
  // The profile of the other device has no graphics.
  const Plan other = plan_of(DeviceNames{"0:1"}, Capability::graphics);
  EXPECT_THAT(targets(other), Not(Contains("/dev/dri/renderD150")));
  EXPECT_THAT(other.symlinks, Not(Contains(Field(&Symlink::target, "../renderD150"))));
  EXPECT_THAT(targets(plan_of(DeviceNames{"0:0"}, Capability::compute)),
              Not(Contains("/dev/dri/renderD150")));
}

TEST(DevicePlan, AMissingNodeHasARemedyThatCanBeFollowedWhereTheHookRuns) {
  const auto remedy_of = [](bool is_given) {
    Inventory inventory = host();
    inventory.nodes_are_given = is_given;
    std::erase_if(inventory.nodes, [](const DeviceNode& node) { return node.gpu_minor == 2; });
    try {
      static_cast<void>(plan_for(request(DeviceNames{"0"}, {Capability::utility}), inventory));
    } catch (const Error& error) {
      return std::string(error.what()) + ". " + error.remedy();
    }
    return std::string("no error");
  };
  EXPECT_THAT(remedy_of(false), HasSubstr("nodes are there of GPU 1"));
  EXPECT_THAT(remedy_of(false), HasSubstr("create-device-nodes"));
  EXPECT_THAT(remedy_of(false), HasSubstr("in a container, ask for what it has"));
  EXPECT_THAT(remedy_of(true), HasSubstr("lxc.mount.entry"));
  EXPECT_THAT(remedy_of(true), Not(HasSubstr("create-device-nodes")));
}

std::vector<std::string> tmpfs_entries(const Plan& plan) {
  std::vector<std::string> paths;
  for (const TmpfsEntry& entry : plan.tmpfs.front().entries) paths.push_back(entry.path);
  return paths;
}

TEST(DevicePlan, AMigDeviceBringsItsGpuItsAccessFilesAndItsNodes) {
  const Plan plan = plan_for(request(DeviceNames{"0:1"}, {Capability::utility}), mig_host());
  const auto found = targets(plan);
  EXPECT_THAT(found, Contains("/dev/nvidia2"));
  EXPECT_THAT(found, Contains("/proc/driver/nvidia/capabilities/gpu2/mig/gi1/access"));
  EXPECT_THAT(found, Contains("/proc/driver/nvidia/capabilities/gpu2/mig/gi1/ci1/access"));
  EXPECT_THAT(found, Not(Contains("/proc/driver/nvidia/capabilities/gpu2/mig/gi1/ci0/access")));
  EXPECT_THAT(found, Contains("/dev/nvidia-caps/nvidia-cap30"));
  EXPECT_THAT(found, Contains("/dev/nvidia-caps/nvidia-cap32"));
  EXPECT_THAT(found, Not(Contains("/dev/nvidia-caps/nvidia-cap31")));
  EXPECT_THAT(tmpfs_entries(plan),
              ::testing::IsSupersetOf({"capabilities", "capabilities/gpu2/mig/gi1",
                                       "capabilities/gpu2/mig/gi1/access",
                                       "capabilities/gpu2/mig/gi1/ci1/access"}));
  EXPECT_THAT(plan.device_rules, Contains(Field(&DeviceRule::device, DeviceNumber{239, 32})));
}

TEST(DevicePlan, TwoMigDevicesInOneGpuInstanceShareItsFileAndNodeWithoutANote) {
  const Plan plan = plan_for(request(AllDevices{}, {Capability::utility}), mig_host());
  EXPECT_THAT(targets(plan), Contains("/dev/nvidia-caps/nvidia-cap30").Times(1));
  EXPECT_THAT(targets(plan), Contains("/dev/nvidia-caps/nvidia-cap31"));
  EXPECT_THAT(plan.notes, ::testing::IsEmpty());
}

TEST(DevicePlan, AWholeGpuInMigModeBringsNoMigAccess) {
  const Plan plan = plan_for(request(DeviceNames{"0"}, {Capability::utility}), mig_host());
  EXPECT_THAT(targets(plan), Not(Contains(HasSubstr("caps"))));
}

TEST(DevicePlan, AMigDeviceWithoutItsNodeIsNamed) {
  Inventory inventory = mig_host();
  inventory.nodes.pop_back();
  EXPECT_THAT(
      [&] {
        static_cast<void>(plan_for(request(DeviceNames{"0:1"}, {Capability::utility}), inventory));
      },
      ThrowsMessage<Error>(HasSubstr("missing device node `/dev/nvidia-caps/nvidia-cap32`")));
}

TEST(DevicePlan, ImexChannelsAreNodesAndAMissingOneIsNamed) {
  Inventory inventory = host();
  inventory.nodes.push_back(
      node(DeviceRole::imex, "/dev/nvidia-caps-imex-channels/channel7", {501, 7}));
  Request wanted = request(NoDevices{}, {Capability::utility});
  wanted.imex_channels = {7};
  EXPECT_THAT(targets(plan_for(wanted, inventory)),
              Contains("/dev/nvidia-caps-imex-channels/channel7"));
  wanted.imex_channels = {7, 8};
  EXPECT_THAT(
      [&] { static_cast<void>(plan_for(wanted, inventory)); },
      ThrowsMessage<Error>(HasSubstr("missing device /dev/nvidia-caps-imex-channels/channel8")));
}

TEST(DevicePlan, AllImexChannelsAreThoseOfTheHost) {
  Inventory inventory = host();
  Request wanted = request(NoDevices{}, {Capability::utility});
  wanted.all_imex_channels = true;
  EXPECT_THAT(plan_for(wanted, inventory).notes,
              Contains(::testing::Field(&Note::text, HasSubstr("imex-channel=all will not work"))));
  for (const unsigned channel : {7U, 9U}) {
    inventory.nodes.push_back(
        node(DeviceRole::imex, "/dev/nvidia-caps-imex-channels/channel" + std::to_string(channel),
             {501, channel}));
  }
  wanted.imex_channels = {7};
  const Plan plan = plan_for(wanted, inventory);
  const std::vector<std::string> all = targets(plan);
  for (const char* name : {"channel7", "channel9"}) {
    EXPECT_EQ(
        std::count(all.begin(), all.end(), std::string("/dev/nvidia-caps-imex-channels/") + name),
        1)
        << name;
  }
  EXPECT_THAT(plan.notes, Not(Contains(::testing::Field(&Note::text, HasSubstr("imex-channel")))));
}

TEST(DevicePlan, ANodeOfManyIsNotMissing) {
  Inventory inventory = host();
  Request wanted = request(NoDevices{}, {Capability::utility});
  wanted.features.mofed = true;
  const auto missing =
      Contains(::testing::Field(&Note::text, HasSubstr("missing device /dev/infiniband/uverbs*")));
  EXPECT_THAT(plan_for(wanted, inventory).notes, missing);
  inventory.nodes.push_back(node(DeviceRole::mofed, "/dev/infiniband/rdma_cm", {10, 58}));
  EXPECT_THAT(plan_for(wanted, inventory).notes, missing);
  inventory.nodes.push_back(node(DeviceRole::mofed, "/dev/infiniband/uverbs0", {231, 192}));
  EXPECT_THAT(plan_for(wanted, inventory).notes, Not(missing));
}

TEST(DevicePlan, GatedFeaturesBringTheirNodesOnlyWhenAsked) {
  Inventory inventory = host();
  inventory.nodes.push_back(node(DeviceRole::gds, "/dev/nvidia-fs0", {234, 0}));
  inventory.nodes.push_back(node(DeviceRole::nvswitch, "/dev/nvidia-nvswitchctl", {510, 255}));
  Request wanted = request(NoDevices{}, {Capability::utility});
  EXPECT_THAT(targets(plan_for(wanted, inventory)), Not(Contains("/dev/nvidia-fs0")));
  wanted.features = {.gds = true, .gdrcopy = true};
  const Plan plan = plan_for(wanted, inventory);
  EXPECT_THAT(targets(plan),
              ::testing::IsSupersetOf({"/dev/nvidia-fs0", "/run/udev", "/etc/cufile.json"}));
  EXPECT_TRUE(mount_at(plan, "/etc/cufile.json").optional);
  EXPECT_THAT(targets(plan), Not(Contains("/dev/nvidia-nvswitchctl")));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("missing device /dev/gdrdrv"))));
}

TEST(DevicePlan, DrmNodesAreThoseOfTheSelectedGpuAndOnlyForGraphics) {
  Inventory inventory = host();
  inventory.nodes.push_back(node(DeviceRole::drm, "/dev/dri/card1", {226, 1}, 2));
  inventory.nodes.push_back(node(DeviceRole::drm, "/dev/dri/card2", {226, 2}, 0));
  inventory.device_links = {{"/dev/dri/by-path/pci-0000:07:00.0-card", "../card1", 2},
                            {"/dev/dri/by-path/pci-0000:0f:00.0-card", "../card2", 0}};
  const Plan plan = plan_for(request(DeviceNames{"0"}, {Capability::graphics}), inventory);
  EXPECT_THAT(targets(plan), Contains("/dev/dri/card1"));
  EXPECT_THAT(targets(plan), Not(Contains("/dev/dri/card2")));
  EXPECT_THAT(plan.symlinks, Contains(Field(&Symlink::target, "../card1")));
  EXPECT_THAT(plan.symlinks, Not(Contains(Field(&Symlink::target, "../card2"))));
  EXPECT_THAT(targets(plan_for(request(DeviceNames{"0"}, {Capability::compute}), inventory)),
              Not(Contains("/dev/dri/card1")));
}

TEST(DevicePlan, OnWsl2TheOnlyDeviceIsDxgAndTheDriverStoreKeepsItsPaths) {
  const std::string store = "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_0/nvidia-smi";
  const Inventory inventory{
      .is_wsl = true,
      .files = {{.kind = ComponentKind::wsl_store,
                 .component = find_component(ComponentKind::wsl_store, "nvidia-smi"),
                 .path = HostPath(store),
                 .place = ContainerPath(store)}},
      .nodes = {node(DeviceRole::dxg, "/dev/dxg", {10, 125})}};
  const Plan plan = plan_for(request(AllDevices{}, {Capability::graphics}), inventory);
  EXPECT_THAT(targets(plan), UnorderedElementsAre(store, "/dev/dxg"));
  EXPECT_THAT(plan.tmpfs, ::testing::IsEmpty());
  EXPECT_THAT(plan.symlinks, Contains(Field(&Symlink::link, ContainerPath("/usr/bin/nvidia-smi"))));
}

}  // namespace
}  // namespace nvhook
