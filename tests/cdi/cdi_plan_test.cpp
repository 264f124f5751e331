// SPDX-License-Identifier: Apache-2.0
// CDI specifications for a hand-written inventory.
#include "cdi/cdi_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "support/cdi_specs.hpp"
#include "support/planner_host.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using test::mig_host;
using test::names_in;
using test::nodes_of;
using test::options;
using test::spec_for;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using Json = nlohmann::json;

TEST(CdiPlan, NamesTheGroupsOfClosedNodesAndThenNeedsVersion07) {
  Inventory inventory = test::host();
  for (DeviceNode& node : inventory.nodes) {
    if (node.role == DeviceRole::control) node.mode = 0660, node.group = 44;
    if (node.role == DeviceRole::gpu && node.gpu_minor == 2) node.mode = 0660, node.group = 45;
  }
  const CdiSpec spec = spec_for(options(CdiMode::thin), inventory);
  EXPECT_EQ(spec.version, "0.7.0");
  EXPECT_THAT(spec.edits.groups, ElementsAre(44));
  EXPECT_THAT(spec.devices.front().edits.groups, ElementsAre(45));
  EXPECT_EQ(parse_cdi_spec(to_json(spec)), spec);
  EXPECT_THAT(spec_for(options(CdiMode::thin)).edits.groups, IsEmpty());
}

TEST(CdiPlan, AGroupOfDisplayNodesAloneNeedsNoNewEngine) {
  Inventory inventory = test::host();
  inventory.nodes.push_back({.role = DeviceRole::drm,
                             .file = {HostRoot::system, HostPath("/dev/dri/card0")},
                             .number = {226, 0},
                             .gpu_minor = 2,
                             .mode = 0660,
                             .group = 44});
  const CdiSpec spec = spec_for(options(CdiMode::thin, CapabilitySet::all()), inventory);
  EXPECT_EQ(spec.version, "0.5.0");
}

TEST(CdiPlan, ThinHasNodesAndTheHook) {
  EXPECT_EQ(Json::parse(to_json(spec_for(options(CdiMode::thin)))), Json::parse(R"({
    "cdiVersion": "0.5.0",
    "kind": "nvidia.com/gpu",
    "containerEdits": {
      "env": ["NVIDIA_VISIBLE_DEVICES=void"],
      "deviceNodes": [{"path": "/dev/nvidiactl", "permissions": "rw"}],
      "hooks": [{"hookName": "createRuntime", "path": "/usr/bin/oci-nvidia-hook",
                 "args": ["oci-nvidia-hook", "-cdi=utility", "createRuntime"],
                 "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}]
    },
    "devices": [
      {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia2", "permissions": "rw"}]}},
      {"name": "GPU-a", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia2", "permissions": "rw"}]}},
      {"name": "1", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0", "permissions": "rw"}]}},
      {"name": "GPU-b", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0", "permissions": "rw"}]}},
      {"name": "all", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia2", "permissions": "rw"},
                                                         {"path": "/dev/nvidia0", "permissions": "rw"}]}}
    ]})"));
}

TEST(CdiPlan, FullHasTheFilesButNoSocketAndNothingOfProc) {
  const CdiSpec spec = spec_for(options(CdiMode::full));
  const auto options_of_file = std::vector<std::string>{"bind", "ro", "nosuid", "nodev", "private"};
  const std::vector<CdiMount> expected{
      {"/usr/lib/nvidia/current/nvidia-smi-535", "/usr/bin/nvidia-smi", options_of_file},
      {"/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.535.1",
       "/usr/lib64/libnvidia-ml.so.535.1", options_of_file},
      {"/usr/lib/firmware/nvidia/535.1/gsp_ga10x.bin", "/lib/firmware/nvidia/535.1/gsp_ga10x.bin",
       options_of_file}};
  EXPECT_EQ(spec.edits.mounts, expected);
  for (const CdiDevice& device : spec.devices) EXPECT_THAT(device.edits.mounts, IsEmpty());
  CdiSpec without = spec;
  without.edits.mounts.clear();
  EXPECT_EQ(without, spec_for(options(CdiMode::thin)));
}

/// In an image with a manifest of its own, the hook covers that one.
TEST(CdiPlan, AManifestIsLeftToOurHookButNotToNvidias) {
  Inventory inventory = test::host();
  inventory.files.push_back(
      {.kind = ComponentKind::data_file,
       .component = find_component(ComponentKind::data_file, "vulkan/icd.d/nvidia_icd*.json"),
       .path = HostPath("/usr/share/vulkan/icd.d/nvidia_icd.json"),
       .place = ContainerPath("/etc/vulkan/icd.d/nvidia_icd.json"),
       .refers_to = {"libGLX_nvidia.so.0"}});
  const auto has_manifest = [&](const std::string& hook) {
    CdiOptions wanted = options(CdiMode::full, {Capability::graphics});
    wanted.hook = hook;
    const auto mounts = spec_for(wanted, inventory).edits.mounts;
    return std::any_of(mounts.begin(), mounts.end(), [](const CdiMount& mount) {
      return mount.container_path == "/etc/vulkan/icd.d/nvidia_icd.json";
    });
  };
  EXPECT_FALSE(has_manifest("/usr/bin/oci-nvidia-hook"));
  EXPECT_TRUE(has_manifest("/usr/bin/nvidia-cdi-hook"));
}

TEST(CdiPlan, AllCapabilitiesAreTheUsualOnesOfTheHook) {
  const CdiSpec spec = spec_for(options(CdiMode::full, CapabilitySet::all()));
  EXPECT_THAT(spec.edits.hooks.at(0).arguments,
              ElementsAre("oci-nvidia-hook", "-cdi=all", "createRuntime"));
  EXPECT_EQ(spec.edits.nodes.size(), 3U);  // control, uvm, modeset
}

TEST(CdiPlan, TheHookGetsTheConfigurationThatWasNamed) {
  CdiOptions wanted = options(CdiMode::thin);
  wanted.config_file = "/etc/c.toml";
  EXPECT_THAT(
      spec_for(wanted).edits.hooks.at(0).arguments,
      ElementsAre("oci-nvidia-hook", "-config=/etc/c.toml", "-cdi=utility", "createRuntime"));
}

TEST(CdiPlan, VersionIsTheLowestThatSuffices) {
  CdiOptions wanted = options(CdiMode::full);
  wanted.naming.by_index = false;
  EXPECT_EQ(spec_for(wanted).version, "0.3.0");
  Inventory inventory = test::host();
  for (DeviceNode& node : inventory.nodes) node.file.root = HostRoot::driver;
  const CdiSpec spec = spec_for(wanted, inventory, {.driver_root = "/run/nvidia/driver"});
  EXPECT_EQ(spec.version, "0.5.0");
  EXPECT_EQ(spec.edits.nodes.at(0), (CdiNode{.path = "/dev/nvidiactl",
                                             .host_path = "/run/nvidia/driver/dev/nvidiactl",
                                             .permissions = "rw"}));
  EXPECT_TRUE(spec.edits.mounts.at(0).host_path.starts_with("/run/nvidia/driver/usr/"));
}

TEST(CdiPlan, AllowsBuildsOnlyIfThatIsWanted) {
  CdiOptions wanted = options(CdiMode::thin);
  EXPECT_EQ(spec_for(wanted).annotations, CdiAnnotations{});
  wanted.allow_in_builds = true;
  EXPECT_EQ(spec_for(wanted).annotations,
            (CdiAnnotations{{"org.mobyproject.buildkit.device.autoallow", "true"}}));
  EXPECT_EQ(spec_for(wanted).version, "0.6.0");
}

TEST(CdiPlan, MigDevicesHaveTheNamesThatAreKnown) {
  const CdiSpec spec = spec_for(options(CdiMode::thin), mig_host());
  EXPECT_THAT(names_in(spec), ElementsAre("0", "GPU-a", "0:0", "MIG-1", "1", "GPU-b", "all"));
  const auto device =
      ElementsAre("/dev/nvidia2", "/dev/nvidia-caps/nvidia-cap30", "/dev/nvidia-caps/nvidia-cap31");
  EXPECT_THAT(nodes_of(spec, "0:0"), device);
  EXPECT_THAT(nodes_of(spec, "MIG-1"), device);
  EXPECT_THAT(nodes_of(spec, "0"), ElementsAre("/dev/nvidia2"));
  EXPECT_EQ(nodes_of(spec, "all").size(), 6U);
}

TEST(CdiPlan, ANameOfADriverBefore470IsNone) {
  Inventory inventory = mig_host();
  inventory.mig_devices[0].uuid = "MIG-GPU-a/7/0";
  EXPECT_THAT(names_in(spec_for(options(CdiMode::thin), inventory)),
              ElementsAre("0", "GPU-a", "0:0", "1", "GPU-b", "all"));
}

TEST(CdiPlan, OnWslTheOneNodeIsAllGpus) {
  const Inventory inventory{.is_wsl = true,
                            .nodes = {test::node(DeviceRole::dxg, "/dev/dxg", {10, 125})}};
  const CdiSpec spec = spec_for(options(CdiMode::thin), inventory);
  EXPECT_THAT(spec.edits.nodes, IsEmpty());
  EXPECT_THAT(names_in(spec), ElementsAre("all"));
  EXPECT_THAT(nodes_of(spec, "all"), ElementsAre("/dev/dxg"));
}

TEST(CdiPlan, WithoutAGpuThereIsNoSpecification) {
  EXPECT_THAT([] { static_cast<void>(spec_for(options(CdiMode::thin), {})); },
              ThrowsMessage<Error>(::testing::HasSubstr("this host has no GPU")));
}

// ---- which devices, and how they are named

TEST(CdiPlan, NamesByTypeAndIndex) {
  CdiOptions wanted = options(CdiMode::thin);
  wanted.naming = {.by_index = false, .by_uuid = false, .by_type_index = true};
  const CdiSpec spec = spec_for(wanted, mig_host());
  EXPECT_THAT(names_in(spec), ElementsAre("gpu0", "mig0:0", "gpu1", "all"));
  EXPECT_THAT(nodes_of(spec, "gpu0"), ElementsAre("/dev/nvidia2"));
  EXPECT_EQ(nodes_of(spec, "mig0:0").size(), 3U);
}

TEST(CdiPlan, OnlyTheDevicesThatAreWanted) {
  const auto names_of = [](std::vector<std::string> devices) {
    CdiOptions wanted = options(CdiMode::thin);
    wanted.wanted.devices = std::move(devices);
    return names_in(spec_for(wanted, mig_host()));
  };
  EXPECT_THAT(names_of({"1"}), ElementsAre("1", "GPU-b", "all"));
  EXPECT_THAT(names_of({"gpu-A"}), ElementsAre("0", "GPU-a", "all"));
  EXPECT_THAT(names_of({"0:0", "gpu1"}), ElementsAre("0:0", "MIG-1", "1", "GPU-b", "all"));
  EXPECT_THAT(names_of({"1", "all"}),
              ElementsAre("0", "GPU-a", "0:0", "MIG-1", "1", "GPU-b", "all"));
  EXPECT_THAT([&] { static_cast<void>(names_of({"7"})); },
              ThrowsMessage<Error>(::testing::HasSubstr("`7`")));
}

TEST(CdiPlan, AllAreThoseThatHaveNames) {
  CdiOptions wanted = options(CdiMode::thin);
  wanted.wanted.devices = {"1"};
  EXPECT_THAT(nodes_of(spec_for(wanted), "all"), ElementsAre("/dev/nvidia0"));
  wanted.wanted.all_device = false;
  EXPECT_THAT(names_in(spec_for(wanted)), ElementsAre("1", "GPU-b"));
  wanted.naming = {.by_index = false, .by_uuid = false};
  EXPECT_THAT([&] { static_cast<void>(spec_for(wanted)); },
              ThrowsMessage<Error>(::testing::HasSubstr("no device has a name")));
}

TEST(CdiPlan, NoneIsTheDriverWithoutAGpu) {
  CdiOptions wanted = options(CdiMode::full);
  wanted.wanted.devices = {"none"};
  const CdiSpec spec = spec_for(wanted);
  EXPECT_THAT(names_in(spec), ElementsAre("none"));
  EXPECT_EQ(spec.devices[0].edits, (CdiEdits{.environment = {"NVIDIA_VISIBLE_DEVICES=void"}}));
  EXPECT_EQ(spec.edits, spec_for(options(CdiMode::full)).edits);
}

TEST(CdiPlan, GroupsAreLeftOutIfThatIsWanted) {
  Inventory inventory = test::host();
  for (DeviceNode& node : inventory.nodes) node.mode = 0660, node.group = 44;
  CdiOptions wanted = options(CdiMode::thin);
  wanted.groups = false;
  EXPECT_EQ(spec_for(wanted, inventory), spec_for(wanted));
}

TEST(CdiPlan, NodesBelowAnotherRoot) {
  CdiOptions wanted = options(CdiMode::thin);
  wanted.dev_root = "/host/";
  const CdiSpec spec = spec_for(wanted);
  EXPECT_EQ(
      spec.edits.nodes.at(0),
      (CdiNode{.path = "/dev/nvidiactl", .host_path = "/host/dev/nvidiactl", .permissions = "rw"}));
  wanted.dev_root = "/";
  EXPECT_EQ(spec_for(wanted), spec_for(options(CdiMode::thin)));
}

}  // namespace
}  // namespace nvhook
