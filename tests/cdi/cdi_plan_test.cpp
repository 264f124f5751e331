// SPDX-License-Identifier: Apache-2.0
// CDI specifications for a hand-written inventory.
#include "cdi/cdi_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/planner_host.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using Json = nlohmann::json;

CdiOptions options(CdiMode mode, CapabilitySet capabilities = {Capability::utility}) {
  return {.mode = mode, .capabilities = capabilities, .hook = "/usr/bin/oci-nvidia-hook"};
}

CdiSpec spec_for(const CdiOptions& wanted, const Inventory& inventory = test::host(),
                 const Config& config = {}) {
  return to_cdi(inventory,
                {.library_directory = ContainerPath("/usr/lib64"),
                 .library32_directory = ContainerPath("/usr/lib32")},
                config, wanted);
}

Inventory mig_host() {
  Inventory inventory = test::host();
  inventory.nvidia_caps_major = 239;
  const auto add = [&](unsigned gpu_instance, unsigned minor, std::optional<unsigned> compute) {
    inventory.mig_capabilities.push_back({.role = MigCapability::Role::instance,
                                          .gpu_minor = 2,
                                          .gpu_instance = gpu_instance,
                                          .compute_instance = compute,
                                          .minor = minor});
    inventory.nodes.push_back(test::node(
        DeviceRole::mig, "/dev/nvidia-caps/nvidia-cap" + std::to_string(minor), {239, minor}));
  };
  add(7, 30, std::nullopt);
  add(7, 31, 0);
  add(8, 40, std::nullopt);
  add(8, 41, 0);
  inventory.mig_devices = {
      {.gpu_minor = 2, .gpu_instance = 7, .index = 0, .uuid = "MIG-1"},
      {.gpu_minor = 2, .gpu_instance = 8},
  };
  return inventory;
}

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

std::vector<std::string> names_in(const CdiSpec& spec) {
  std::vector<std::string> names;
  for (const CdiDevice& device : spec.devices) names.push_back(device.name);
  return names;
}

std::vector<std::string> nodes_of(const CdiSpec& spec, const std::string& name) {
  std::vector<std::string> paths;
  for (const CdiDevice& device : spec.devices) {
    if (device.name != name) continue;
    for (const CdiNode& node : device.edits.nodes) paths.push_back(node.path);
  }
  return paths;
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

}  // namespace
}  // namespace nvhook
