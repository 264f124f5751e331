// SPDX-License-Identifier: Apache-2.0
// What systemd decides by DeviceAllow=. That the instructions are systemd's is for
// tests/engine/test_systemd.py, which asks a real one.
#include "cgroup/systemd/systemd_filters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cgroup/filter_verdict.hpp"
#include "cgroup/systemd/scope_unit.hpp"
#include "os/device_number.hpp"

namespace nvhook {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr DeviceNumber kGpu{.major = 195, .minor = 0};
constexpr DeviceNumber kOther{.major = 195, .minor = 1};
constexpr DeviceNumber kTerminal{.major = 136, .minor = 7};
const std::string kStrict = "[Scope]\nDevicePolicy=strict\n";
const std::string kDevices = "Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n136 other\n";

std::vector<bool> verdicts(const std::string& unit, DeviceNumber device) {
  std::vector<bool> found;
  for (const BpfProgram& program : systemd_filters(kStrict + unit, kDevices)) {
    found.push_back(lets_use(program, device).value());
  }
  EXPECT_THAT(found, SizeIs(2));
  return found;
}

TEST(SystemdFilters, AllowWhatIsListed) {
  const std::string unit = "DeviceAllow=/dev/char/195:0 rw\nDeviceAllow=char-pts rwm\n";
  EXPECT_THAT(verdicts(unit, kGpu), Each(true));
  EXPECT_THAT(verdicts(unit, kOther), Each(false));
  EXPECT_THAT(verdicts(unit, kTerminal), Each(true));
  EXPECT_THAT(verdicts("DeviceAllow=char-195 rw\n", kOther), Each(true));
  EXPECT_THAT(verdicts("DeviceAllow=char-* rw\n", kOther), Each(true));
  EXPECT_THAT(verdicts("DeviceAllow=char-* m\n", kOther), Each(false));
  EXPECT_THAT(verdicts("DeviceAllow=block-* rwm\n", kOther), Each(false));
}

TEST(SystemdFilters, DenyAllIfNothingIsListed) {
  EXPECT_THAT(verdicts("", kGpu), Each(false));
  EXPECT_THAT(verdicts("DeviceAllow=char-* rw\nDeviceAllow=\n", kGpu), Each(false));
}

TEST(SystemdFilters, BeforeSystemdWasToldLackTheLinesOfTheHook) {
  const std::string unit = kStrict + "DeviceAllow=/dev/char/195:1 rw\n";
  EXPECT_EQ(without_devices(unit + device_allow_drop_in({kGpu}), {kGpu}),
            without_devices(unit + device_allow_drop_in({}), {}));
  EXPECT_EQ(without_devices(unit, {kGpu}), unit + "\n");
}

TEST(SystemdFilters, AreNoneIfTheUnitDoesNotTell) {
  EXPECT_THAT(systemd_filters("DeviceAllow=/dev/char/195:0 rw\n", kDevices), IsEmpty());
  EXPECT_THAT(systemd_filters(kStrict + "DeviceAllow=/dev/nvidia0 rw\n", kDevices), IsEmpty());
  EXPECT_THAT(systemd_filters("DevicePolicy=closed\n", kDevices), IsEmpty());
}

}  // namespace
}  // namespace nvhook
