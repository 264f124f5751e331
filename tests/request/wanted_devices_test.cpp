// SPDX-License-Identifier: Apache-2.0
// Words for free GPUs, for exclusive ones, and ranges; and what looks like one of them.
#include "request/wanted_devices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "request/request.hpp"
#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using Words = std::vector<std::string_view>;

WantedDevices read(Words words) { return read_wanted_devices(std::move(words), true); }

struct Row {
  const char* name = nullptr;
  Words words = {};
  WantedDevices expected = {};
};

class WantedDevice : public ::testing::TestWithParam<Row> {};
TEST_P(WantedDevice, IsRead) { EXPECT_EQ(read(GetParam().words), GetParam().expected); }
INSTANTIATE_TEST_SUITE_P(
    Words, WantedDevice,
    ::testing::Values(
        Row{"Names", {"1", "0", "1"}, {.devices = DeviceNames{"1", "0"}}},
        Row{"All", {"0", "ALL"}, {.devices = AllDevices{}}},
        Row{"None", {"none"}, {.devices = NoDevices{}}},
        Row{"Nothing", {}, {.devices = NoDevices{}}},
        Row{"Range", {"0-2", "1", "7"}, {.devices = DeviceNames{"0", "1", "2", "7"}}},
        Row{"RangeOfOne", {"3-3"}, {.devices = DeviceNames{"3"}}},
        Row{"RangeBackwards", {"3-0"}, {.devices = DeviceNames{"3-0"}}},
        Row{"RangeOfMoreThanAnyHostHas", {"0-256"}, {.devices = DeviceNames{"0-256"}}},
        Row{"RangeUpToTheLastNumber",
            {"4294967295-4294967295"},
            {.devices = DeviceNames{"4294967295"}}},
        Row{"Any", {"any"}, {.free_gpus = 1, .is_exclusive = true}},
        Row{"AnyTwo", {"ANY:2"}, {.free_gpus = 2, .is_exclusive = true}},
        Row{"Exclusive",
            {"exclusive:0", "2-3"},
            {.devices = DeviceNames{"0", "2", "3"}, .is_exclusive = true}},
        Row{"ExclusiveTwice",
            {"exclusive:0", "Exclusive:1"},
            {.devices = DeviceNames{"0", "1"}, .is_exclusive = true}},
        Row{"ExclusiveAll", {"exclusive:all"}, {.devices = AllDevices{}, .is_exclusive = true}},
        Row{"ExclusiveMigDevice",
            {"exclusive:0:1"},
            {.devices = DeviceNames{"0:1"}, .is_exclusive = true}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(WantedDevices, WhatMakesNoSenseIsRefused) {
  for (const Words& words : {Words{"any", "0"}, Words{"0", "any:2"}, Words{"any:0"}, Words{"any:x"},
                             Words{"any:"}, Words{"0", "exclusive:1"}, Words{"exclusive:"},
                             Words{"exclusive:any"}, Words{"exclusive:any:2"}}) {
    EXPECT_THAT([&] { static_cast<void>(read(words)); }, fails_with(Code::invalid_request, "`"))
        << words.front();
  }
}

TEST(WantedDevices, ALongListOfRangesIsNoWork) {
  std::vector<std::string> ranges;
  for (unsigned i = 0; i < 100'000; ++i) {
    ranges.push_back(std::to_string(i * 256) + "-" + std::to_string(i * 256 + 255));
  }
  const WantedDevices wanted = read({ranges.begin(), ranges.end()});
  EXPECT_LT(std::get<DeviceNames>(wanted.devices).size(), 200'000U);
}

TEST(WantedDevices, OnlyNvidiasStackOfContainersHasNone) {
  EXPECT_EQ(read_wanted_devices({"none"}, false).devices, DeviceSelection(DeviceNames{"none"}));
}

TEST(WantedDevices, TellWhatDockerMakesOfACount) {
  EXPECT_EQ(count_asked_for(DeviceNames{"0", "1", "2"}), 3U);
  EXPECT_EQ(count_asked_for(DeviceNames{"0"}), 1U);
  EXPECT_EQ(count_asked_for(DeviceNames{"1"}), 0U);
  EXPECT_EQ(count_asked_for(DeviceNames{"1", "0"}), 0U);
  EXPECT_EQ(count_asked_for(DeviceNames{"GPU-0"}), 0U);
  EXPECT_EQ(count_asked_for(AllDevices{}), 0U);
  EXPECT_EQ(count_asked_for(NoDevices{}), 0U);
}

RequestResult derive(const std::string& devices, const Config& config) {
  return derive_request({.environment = {{"NVIDIA_VISIBLE_DEVICES", devices}}}, config);
}

TEST(Leases, AreRefusedWhereTheyAreOff) {
  EXPECT_THAT([] { static_cast<void>(derive("any:2", {})); },
              fails_with(Code::leases_off, "`any` in NVIDIA_VISIBLE_DEVICES"));
  EXPECT_THAT([] { static_cast<void>(derive("exclusive:0", {})); },
              fails_with_remedy(Code::leases_off, "leases = true"));
}

TEST(Leases, AreRequestsWhereTheyAreOn) {
  const RequestResult result = derive("any:2", {.leases = true});
  EXPECT_EQ(result.request.value().free_gpus, 2U);
  EXPECT_TRUE(result.request.value().is_exclusive);
  EXPECT_EQ(derive("exclusive:0,1", {.leases = true}).request.value().devices,
            DeviceSelection(DeviceNames{"0", "1"}));
}

TEST(Leases, ByCdiNameToo) {
  EXPECT_EQ(derive("nvidia.com/gpu=any:2", {.leases = true}).request.value().free_gpus, 2U);
}

}  // namespace
}  // namespace nvhook
