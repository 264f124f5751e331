// SPDX-License-Identifier: Apache-2.0
// The calls of NVIDIA's hooks in a specification, and which hooks are left out.
#include "cdi/cdi_hooks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cdi/cdi_plan.hpp"
#include "support/cdi_specs.hpp"
#include "support/planner_host.hpp"

namespace nvhook {
namespace {

using test::options;
using test::spec_for;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::vector<std::string>> calls_in(const CdiEdits& edits) {
  std::vector<std::vector<std::string>> calls;
  for (const CdiHook& hook : edits.hooks) {
    EXPECT_EQ(hook.stage, "createContainer");
    EXPECT_EQ(hook.environment, std::vector<std::string>{"NVIDIA_CTK_DEBUG=false"});
    calls.push_back(hook.arguments);
  }
  return calls;
}

CdiOptions nvidia_options(CapabilitySet capabilities = CapabilitySet::all()) {
  CdiOptions wanted = options(CdiMode::full, capabilities);
  wanted.hook = "/usr/bin/nvidia-cdi-hook";
  return wanted;
}

TEST(CdiHooks, AHookOfNvidiasNameIsCalledAsNvidias) {
  const CdiSpec spec = spec_for(nvidia_options({Capability::compute, Capability::utility}));
  const std::vector<std::vector<std::string>> expected{
      {"nvidia-cdi-hook", "create-symlinks", "--link",
       "libnvidia-ml.so.535.1::/usr/lib64/libnvidia-ml.so.1", "--link",
       "libcuda.so.535.1::/usr/lib64/libcuda.so.1", "--link",
       "libcuda.so.1::/usr/lib64/libcuda.so"},
      {"nvidia-cdi-hook", "enable-cuda-compat", "--host-driver-version=535.1"},
      {"nvidia-cdi-hook", "update-ldcache", "--folder", "/usr/lib64"},
      {"nvidia-cdi-hook", "disable-device-node-modification"}};
  EXPECT_EQ(calls_in(spec.edits), expected);
  for (const CdiHook& hook : spec.edits.hooks) EXPECT_EQ(hook.path, "/usr/bin/nvidia-cdi-hook");
}

TEST(CdiHooks, NvidiaCtkIsCalledWithTheWordHook) {
  CdiOptions wanted = nvidia_options({Capability::utility});
  wanted.hook = "/opt/bin/nvidia-ctk";
  const auto calls = calls_in(spec_for(wanted).edits);
  ASSERT_FALSE(calls.empty());
  for (const auto& words : calls) {
    EXPECT_EQ(words.at(0), "nvidia-ctk");
    EXPECT_EQ(words.at(1), "hook");
  }
}

TEST(CdiHooks, NvidiasCallsFindEveryFileInTheSpecification) {
  const CdiSpec spec = spec_for(nvidia_options());
  const bool has_socket =
      std::any_of(spec.edits.mounts.begin(), spec.edits.mounts.end(), [](const CdiMount& mount) {
        return mount.container_path == "/run/nvidia-persistenced/socket";
      });
  EXPECT_TRUE(has_socket);
  for (const CdiMount& mount : spec.edits.mounts) {
    EXPECT_FALSE(mount.container_path.starts_with("/proc")) << mount.container_path;
  }
  Inventory inventory = test::host();
  for (DriverFile& file : inventory.files) {
    if (file.kind == ComponentKind::ipc_socket) file.kind = ComponentKind::ipc_directory;
  }
  const CdiSpec without = spec_for(nvidia_options(), inventory);
  EXPECT_EQ(without.edits.mounts.size(), spec.edits.mounts.size() - 1)
      << "what everybody can write to is left out";
}

TEST(CdiHooks, ApplicationProfilesAreForGpusWithGraphics) {
  const auto has_profile = [](CapabilitySet capabilities) {
    const auto calls = calls_in(spec_for(nvidia_options(capabilities)).edits);
    return std::any_of(calls.begin(), calls.end(), [](const auto& words) {
      return words.at(1) == "update-application-profile";
    });
  };
  EXPECT_TRUE(has_profile(CapabilitySet::all()));
  EXPECT_TRUE(has_profile({Capability::display}));
  EXPECT_FALSE(has_profile({Capability::compute, Capability::utility}));
}

TEST(CdiHooks, LinksOfAGpuAreMadeForThatGpu) {
  Inventory inventory = test::host();
  inventory.device_links = {
      {.path = "/dev/dri/by-path/pci-0000:07:00.0-card", .target = "../card1", .gpu_minor = 2}};
  const CdiSpec spec = spec_for(nvidia_options(), inventory);
  const std::vector<std::vector<std::string>> expected{
      {"nvidia-cdi-hook", "create-symlinks", "--link",
       "../card1::/dev/dri/by-path/pci-0000:07:00.0-card"}};
  EXPECT_EQ(calls_in(spec.devices.front().edits), expected) << spec.devices.front().name;
  for (const CdiDevice& device : spec.devices) {
    if (device.name == "1") {
      EXPECT_THAT(device.edits.hooks, IsEmpty());
    }
  }
  EXPECT_THAT(
      spec_for(options(CdiMode::full, CapabilitySet::all()), inventory).devices.front().edits.hooks,
      IsEmpty())
      << "ours makes them";
}

TEST(CdiHooks, HooksAreLeftOutByName) {
  const auto names_of = [](const HookSwitches& switches) {
    CdiOptions wanted = nvidia_options({Capability::utility});
    wanted.switches = switches;
    std::vector<std::string> names;
    for (const auto& words : calls_in(spec_for(wanted).edits)) names.push_back(words.at(1));
    return names;
  };
  EXPECT_THAT(names_of({}),
              ElementsAre("create-symlinks", "update-ldcache", "disable-device-node-modification"));
  EXPECT_THAT(names_of({.disabled = {"update-ldcache"}}),
              ElementsAre("create-symlinks", "disable-device-node-modification"));
  EXPECT_THAT(names_of({.disabled = {"all"}}), IsEmpty());
  EXPECT_THAT(names_of({.disabled = {"all"}, .enabled = {"update-ldcache"}}),
              ElementsAre("update-ldcache"));
  EXPECT_THAT(names_of({.disabled = {"all", "update-ldcache"}, .enabled = {"all"}}),
              ElementsAre("create-symlinks", "disable-device-node-modification"));
}

TEST(CdiHooks, OurHookIsOneAndOnlyAllLeavesItOut) {
  CdiOptions wanted = options(CdiMode::full);
  wanted.switches.disabled = {"update-ldcache"};
  EXPECT_EQ(spec_for(wanted), spec_for(options(CdiMode::full)));
  wanted.switches.disabled = {"all"};
  const CdiSpec spec = spec_for(wanted);
  EXPECT_THAT(spec.edits.hooks, IsEmpty());
  EXPECT_EQ(spec.edits.mounts.size(), spec_for(options(CdiMode::full)).edits.mounts.size() + 1)
      << "nobody else mounts the socket";
}

}  // namespace
}  // namespace nvhook
