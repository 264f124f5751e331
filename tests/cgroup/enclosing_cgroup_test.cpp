// SPDX-License-Identifier: Apache-2.0
// A cgroup around us that denies the control device, which shows when the device is opened.
#include "cgroup/enclosing_cgroup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/device_number.hpp"
#include "support/restricted_cgroup.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::HasSubstr;

/// Calls require_not_denied for `device` in `cgroup`: 0 if it does not throw, 1 for the expected
/// error, 2 for another one.
int ask_in(const TestCgroup& cgroup, DeviceNumber device, mode_t mode = 0666) {
  make_node(device);
  ::chmod(node_path(device).c_str(), mode);
  return cgroup.run([&] {
    const auto root = open_root("/");
    const DeviceRule rule{.device = device, .node = HostPath(node_path(device))};
    try {
      require_not_denied({&*root}, rule);
    } catch (const Error& error) {
      const bool is_told =
          error.code() == Code::cgroup_denied &&
          error.remedy().find("lxc.cgroup2.devices.allow = c 1:* rwm") != std::string::npos;
      return is_told ? 1 : 2;
    }
    return 0;
  });
}

TEST(EnclosingCgroup, ThatDeniesTheControlDeviceIsAnErrorThatSaysWhereToAllowIt) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull));
    EXPECT_EQ(ask_in(cgroup, kRandom), 1);
  });
}

TEST(EnclosingCgroup, ThatAllowsItIsFine) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kRandom));
    EXPECT_EQ(ask_in(cgroup, kRandom), 0);
  });
}

TEST(EnclosingCgroup, IsNotBlamedForANodeThatOnlyAGroupMayOpen) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    make_node(kRandom);
    ::chmod(node_path(kRandom).c_str(), 0);
    const int said = cgroup.run([&] {
      if (::setresuid(65534, 65534, 65534) != 0) return 3;
      const auto root = open_root("/");
      require_not_denied({&*root}, {.device = kRandom, .node = HostPath(node_path(kRandom))});
      return 0;
    });
    EXPECT_EQ(said, 0);
  });
}

TEST(EnclosingCgroup, IsNotAskedAboutANodeThatIsNotThere) {
  const auto root = open_root("/");
  require_not_denied({&*root}, {.device = kNull, .node = HostPath("/dev/no-such-device")});
  require_not_denied({&*root}, {.device = kNull});
}

}  // namespace
}  // namespace nvhook
