// SPDX-License-Identifier: Apache-2.0
// The prologue of the device filter, run by a small interpreter: what it grants, and what it
// leaves.
#include "cgroup/device_filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <vector>

#include "os/device_number.hpp"
#include "support/bpf_machine.hpp"
#include "support/bpf_program.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

using test::bpf_exit;
using test::bpf_instruction;
using test::constant_filter;
using Program = test::BpfProgram;

constexpr DeviceNumber kControl{195, 255};
constexpr DeviceNumber kGpu0{195, 0};
constexpr DeviceNumber kUvm{511, 0};

constexpr unsigned kRead = BPF_DEVCG_ACC_READ;
constexpr unsigned kWrite = BPF_DEVCG_ACC_WRITE;
constexpr unsigned kMknod = BPF_DEVCG_ACC_MKNOD;

bpf_cgroup_dev_ctx request(unsigned type, unsigned access, DeviceNumber device) {
  return {access << 16U | type, device.major, device.minor};
}

bpf_cgroup_dev_ctx character(unsigned access, DeviceNumber device) {
  return request(BPF_DEVCG_DEV_CHAR, access, device);
}

std::optional<std::uint64_t> run(const Program& program, const bpf_cgroup_dev_ctx& context) {
  return test::BpfMachine(context).run(program);
}

TEST(DeviceFilterPrologue, IsNothingForNoDevices) {
  EXPECT_THAT(device_filter_prologue({}), IsEmpty());
}

class Granted : public ::testing::TestWithParam<DeviceNumber> {};

TEST_P(Granted, EachDeviceForEachAccessWithinReadAndWrite) {
  const Program prologue = device_filter_prologue({kUvm, kControl, kGpu0, {0, 0}, {4095, 1048575}});
  for (const unsigned access : {0U, kRead, kWrite, kRead | kWrite}) {
    EXPECT_THAT(run(prologue, character(access, GetParam())), Optional(1U)) << "access " << access;
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Granted,
                         ::testing::Values(kUvm, kControl, kGpu0, DeviceNumber{0, 0},
                                           DeviceNumber{4095, 1048575}),
                         [](const auto& row) {
                           return std::to_string(row.param.major) + "_" +
                                  std::to_string(row.param.minor);
                         });

struct LeftAlone {
  std::string name;
  bpf_cgroup_dev_ctx context;
};

class FallsThrough : public ::testing::TestWithParam<LeftAlone> {};

TEST_P(FallsThrough, ToTheProgramBehind) {
  const std::vector<DeviceNumber> devices = {kGpu0, kControl, kUvm};
  EXPECT_EQ(run(device_filter_prologue(devices), GetParam().context), std::nullopt);
  EXPECT_THAT(run(prepend_device_rules(constant_filter(0), devices), GetParam().context),
              Optional(0U));
  EXPECT_THAT(run(prepend_device_rules(constant_filter(1), devices), GetParam().context),
              Optional(1U));
}

const LeftAlone kLeftAlone[] = {
    {"Mknod", character(kMknod, kGpu0)},
    {"MknodWithRead", character(kMknod | kRead, kGpu0)},
    {"MknodWithAll", character(kMknod | kRead | kWrite, kControl)},
    {"AccessBitOfTheFuture", character(8, kGpu0)},
    {"HighestAccessBit", character(0x8000, kGpu0)},
    {"BlockDevice", request(BPF_DEVCG_DEV_BLOCK, kRead, kGpu0)},
    {"BothTypes", request(BPF_DEVCG_DEV_BLOCK | BPF_DEVCG_DEV_CHAR, kRead, kGpu0)},
    {"NoType", request(0, kRead, kGpu0)},
    {"TypeOfTheFuture", request(4 | BPF_DEVCG_DEV_CHAR, kRead, kGpu0)},
    {"OtherMinor", character(kRead, {195, 1})},
    {"OtherMajor", character(kRead, {196, 0})},
    {"MinorOfOneMajorOfAnother", character(kRead, {511, 255})},
    {"SwappedNumbers", character(kRead, {0, 195})},
};

INSTANTIATE_TEST_SUITE_P(Requests, FallsThrough, ::testing::ValuesIn(kLeftAlone),
                         [](const auto& row) { return row.param.name; });

TEST(DeviceFilterPrologue, ReachesTheProgramBehindFromTheFirstJumpAtItsLargestSize) {
  std::vector<DeviceNumber> devices;
  for (unsigned minor = 0; minor < 8000; ++minor) devices.push_back({195, minor});
  const Program program = prepend_device_rules(constant_filter(0), devices);
  EXPECT_THAT(run(program, request(BPF_DEVCG_DEV_BLOCK, kRead, kGpu0)), Optional(0U));
  EXPECT_THAT(run(program, character(kRead, {195, 7999})), Optional(1U));
}

TEST(DeviceFilterPrologue, RefusesMoreRulesThanAJumpCanPassOver) {
  std::vector<DeviceNumber> devices;
  for (unsigned minor = 0; minor < 8001; ++minor) devices.push_back({195, minor});
  try {
    (void)device_filter_prologue(devices);
    FAIL() << "8001 rules were taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::device_filter_failed);
    EXPECT_STREQ(error.what(), "a device filter cannot have 8001 rules");
  }
}

TEST(DeviceFilterPrologue, IsTheSameInAnyOrderAndForRepeatedDevices) {
  EXPECT_EQ(device_filter_prologue({kUvm, kGpu0, kUvm}), device_filter_prologue({kGpu0, kUvm}));
}

TEST(PrependDeviceRules, LeavesTheProgramAsItIsBehindThem) {
  const Program program = {bpf_exit(), 0x1122334455667788U, bpf_exit()};
  const Program all = prepend_device_rules(program, {kGpu0});
  ASSERT_GT(all.size(), program.size());
  EXPECT_TRUE(std::equal(program.rbegin(), program.rend(), all.rbegin()));
}

TEST(PrependDeviceRules, AddsNothingTheSecondTime) {
  const Program once = prepend_device_rules(constant_filter(0), {kGpu0, kControl});
  EXPECT_EQ(prepend_device_rules(once, {kGpu0, kControl}), once);
  EXPECT_EQ(prepend_device_rules(once, {kControl}), once);
}

TEST(PrependDeviceRules, JoinsWithTheRulesThatAreThere) {
  const Program once = prepend_device_rules(constant_filter(0), {kGpu0, kControl});
  EXPECT_EQ(prepend_device_rules(once, {kUvm}),
            prepend_device_rules(constant_filter(0), {kUvm, kControl, kGpu0}));
}

TEST(PrependDeviceRules, KeepsTheRulesThatAreThereWhenNoneIsAdded) {
  const Program once = prepend_device_rules(constant_filter(0), {kGpu0});
  EXPECT_EQ(prepend_device_rules(once, {}), once);
}

TEST(PrependDeviceRules, ChangesNothingForNoDevices) {
  EXPECT_EQ(prepend_device_rules(constant_filter(0), {}), constant_filter(0));
}

/// Every one-bit change of a prologue makes another program, whose meaning must not change.
TEST(PrependDeviceRules, TakesOnlyTheExactInstructionsForAPrologue) {
  const Program good = prepend_device_rules(constant_filter(0), {kGpu0, kControl});
  const std::size_t prologue = good.size() - constant_filter(0).size();
  for (std::size_t at = 0; at < prologue; ++at) {
    for (unsigned bit = 0; bit < 64; ++bit) {
      Program changed = good;
      changed[at] ^= std::uint64_t{1} << bit;
      const Program all = prepend_device_rules(changed, {kUvm});
      if (all.size() < changed.size() + 4 + 5) {
        // Taken for a prologue: then it must be one, with other numbers.
        EXPECT_EQ(std::bit_cast<bpf_insn>(good[at]).code, BPF_JMP | BPF_JNE | BPF_K);
        EXPECT_EQ(prepend_device_rules(changed, {}), changed) << "instruction " << at;
      } else {
        EXPECT_TRUE(std::equal(changed.rbegin(), changed.rend(), all.rbegin()))
            << "instruction " << at << ", bit " << bit;
      }
    }
  }
}

TEST(PrependDeviceRules, SurvivesAProgramCutOffInItsPrologue) {
  const Program good = prepend_device_rules(constant_filter(0), {kGpu0, kControl});
  for (std::size_t size = 0; size < good.size(); ++size) {
    const Program cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_GE(prepend_device_rules(cut, {kUvm}).size(), cut.size());
  }
}

TEST(ReloadObstacle, IsNothingForAFilterOfCompareAndReturn) {
  EXPECT_EQ(reload_obstacle(prepend_device_rules(constant_filter(0), {kGpu0})), std::nullopt);
}

TEST(ReloadObstacle, IsAMap) {
  const Program program = {
      bpf_instruction(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, 3), 0,
      bpf_exit()};
  EXPECT_EQ(reload_obstacle(program), "it refers to a map");
}

TEST(ReloadObstacle, IsNotAPlainConstantOfTwoHalves) {
  // The second half of this instruction looks like a call.
  const Program program = {bpf_instruction(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_0, 0, 0, 1),
                           bpf_instruction(BPF_JMP | BPF_CALL), bpf_exit()};
  EXPECT_EQ(reload_obstacle(program), std::nullopt);
}

TEST(ReloadObstacle, IsACall) {
  const Program program = {bpf_instruction(BPF_JMP | BPF_CALL, 0, 0, 0, 5), bpf_exit()};
  EXPECT_EQ(reload_obstacle(program), "it calls a function");
}

TEST(ReloadObstacle, IsABlindedConstant) {
  const Program program = {bpf_instruction(BPF_ALU64 | BPF_MOV | BPF_K, 11, 0, 0, 77), bpf_exit()};
  EXPECT_THAT(reload_obstacle(program), Optional(HasSubstr("net.core.bpf_jit_harden")));
}

TEST(DeviceFilter, TellsWhatAPrologueGrants) {
  const std::vector<DeviceNumber> devices{{195, 0}, {195, 255}};
  const std::vector<BpfInstruction> program{0x95};  // exit
  EXPECT_EQ(granted_by_prologue(prepend_device_rules(program, devices)), devices);
  EXPECT_TRUE(granted_by_prologue(program).empty());
}

}  // namespace
}  // namespace nvhook
