// SPDX-License-Identifier: Apache-2.0
// Specifications of other devices than GPUs.
#include "cdi/cdi_discovery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "cdi/cdi_plan.hpp"
#include "support/cdi_specs.hpp"
#include "support/planner_host.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using test::names_in;
using test::nodes_of;
using test::options;
using test::spec_for;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

CdiOptions options_for(CdiDiscovery discovery) {
  CdiOptions wanted = options(CdiMode::full, CapabilitySet::all());
  wanted.discovery = discovery;
  wanted.kind = default_kind(discovery);
  return wanted;
}

TEST(CdiDiscovery, ManagementHasEveryNodeAndTheFiles) {
  CdiOptions wanted = options_for(CdiDiscovery::management);
  EXPECT_EQ(wanted.kind, "management.nvidia.com/gpu");
  wanted.management_nodes = {test::node(DeviceRole::control, "/dev/nvidia9", {195, 9}),
                             test::node(DeviceRole::mig, "/dev/nvidia-caps/nvidia-cap1", {239, 1})};
  const CdiSpec spec = spec_for(wanted);
  EXPECT_THAT(names_in(spec), ElementsAre("all"));
  EXPECT_THAT(nodes_of(spec, "all"), ElementsAre("/dev/nvidia9", "/dev/nvidia-caps/nvidia-cap1"));
  EXPECT_THAT(spec.edits.nodes, IsEmpty());
  EXPECT_EQ(spec.edits.mounts, spec_for(options(CdiMode::full, CapabilitySet::all())).edits.mounts);
  EXPECT_EQ(spec.edits.hooks.size(), 1U);
  wanted.management_nodes.clear();
  EXPECT_THAT([&] { static_cast<void>(spec_for(wanted)); },
              ThrowsMessage<Error>(::testing::HasSubstr("lacks a node `/dev/nvidia*`")));
}

TEST(CdiDiscovery, ImexChannelsAreNamedByNumber) {
  CdiOptions wanted = options_for(CdiDiscovery::imex);
  EXPECT_EQ(wanted.kind, "nvidia.com/imex-channel");
  wanted.imex_channels = {0, 3};
  Inventory inventory = test::host();
  const std::string directory = "/dev/nvidia-caps-imex-channels/";
  for (const unsigned channel : wanted.imex_channels) {
    inventory.nodes.push_back(test::node(
        DeviceRole::imex, directory + "channel" + std::to_string(channel), {240, channel}));
  }
  const CdiSpec spec = spec_for(wanted, inventory);
  EXPECT_THAT(names_in(spec), ElementsAre("0", "3", "all"));
  EXPECT_THAT(nodes_of(spec, "3"), ElementsAre(directory + "channel3"));
  EXPECT_THAT(nodes_of(spec, "all"), ElementsAre(directory + "channel0", directory + "channel3"));
  EXPECT_EQ(spec.edits, (CdiEdits{.environment = {"NVIDIA_VISIBLE_DEVICES=void"}}));
  wanted.imex_channels.clear();
  EXPECT_THAT([&] { static_cast<void>(spec_for(wanted)); },
              ThrowsMessage<Error>(::testing::HasSubstr("mode imex found nothing")));
}

TEST(CdiDiscovery, FeaturesGiveWhatTheirVariablesGive) {
  Inventory inventory = test::host();
  const auto add = [&](DeviceRole role, const char* path) {
    inventory.nodes.push_back(test::node(role, path, {250, 0}));
  };
  add(DeviceRole::gds, "/dev/nvidia-fs0");
  add(DeviceRole::mofed, "/dev/infiniband/uverbs0");
  add(DeviceRole::gdrcopy, "/dev/gdrdrv");
  add(DeviceRole::nvswitch, "/dev/nvidia-nvswitchctl");
  const std::vector<std::pair<CdiDiscovery, std::string>> all{
      {CdiDiscovery::gds, "/dev/nvidia-fs0"},
      {CdiDiscovery::mofed, "/dev/infiniband/uverbs0"},
      {CdiDiscovery::gdrcopy, "/dev/gdrdrv"},
      {CdiDiscovery::nvswitch, "/dev/nvidia-nvswitchctl"}};
  for (const auto& [discovery, node] : all) {
    const CdiSpec spec = spec_for(options_for(discovery), inventory);
    EXPECT_EQ(spec.kind, "nvidia.com/" + std::string(to_string(discovery)));
    EXPECT_THAT(names_in(spec), ElementsAre("all"));
    EXPECT_THAT(nodes_of(spec, "all"), ElementsAre(node));
    EXPECT_EQ(spec.edits, (CdiEdits{.environment = {"NVIDIA_VISIBLE_DEVICES=void"}}));
    const std::size_t mounts = discovery == CdiDiscovery::gds ? 2 : 0;
    EXPECT_EQ(spec.devices[0].edits.mounts.size(), mounts) << "udev's directory, cufile.json";
    const CdiOptions wanted = options_for(discovery);
    EXPECT_THAT([&] { static_cast<void>(spec_for(wanted)); },
                ThrowsMessage<Error>(::testing::HasSubstr("found nothing: this host lacks")));
    EXPECT_EQ(discovery_of_kind(spec.kind), discovery);
  }
}

TEST(CdiDiscovery, GpusOfWslAreNoneOfNvmlAndTheOtherWayRound) {
  const Inventory wsl{.is_wsl = true,
                      .nodes = {test::node(DeviceRole::dxg, "/dev/dxg", {10, 125})}};
  EXPECT_EQ(names_in(spec_for(options_for(CdiDiscovery::wsl), wsl)).size(), 1U);
  EXPECT_THAT([&] { static_cast<void>(spec_for(options_for(CdiDiscovery::nvml), wsl)); },
              ThrowsMessage<Error>(::testing::HasSubstr("mode nvml")));
  EXPECT_THAT([&] { static_cast<void>(spec_for(options_for(CdiDiscovery::wsl))); },
              ThrowsMessage<Error>(::testing::HasSubstr("lacks `/dev/dxg`")));
  CdiOptions wanted = options_for(CdiDiscovery::automatic);
  wanted.wanted.devices = {"0"};
  EXPECT_THAT([&] { static_cast<void>(spec_for(wanted, wsl)); },
              ThrowsMessage<Error>(::testing::HasSubstr("on WSL2")));
}

}  // namespace
}  // namespace nvhook
