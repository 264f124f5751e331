// SPDX-License-Identifier: Apache-2.0
// Paused containers, by the files of both cgroup versions.
#include "command/attach/frozen.hpp"

#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

class Frozen : public ::testing::Test {
 protected:
  [[nodiscard]] bool is(std::string_view cgroup) const {
    return is_frozen(cgroup, *open_root(host_.path().string()));
  }

  test::TemporaryDirectory host_ = {};
};

TEST_F(Frozen, ByCgroupEventsOfVersion2) {
  host_.write("/sys/fs/cgroup/web/cgroup.events", "populated 1\nfrozen 1\n");
  host_.write("/sys/fs/cgroup/db/cgroup.events", "populated 1\nfrozen 0\n");
  EXPECT_TRUE(is("0::/web\n"));
  EXPECT_FALSE(is("0::/db\n"));
}

TEST_F(Frozen, AlsoOnAHybridHost) {
  host_.write("/sys/fs/cgroup/unified/web/cgroup.events", "frozen 1\n");
  EXPECT_TRUE(is("3:devices:/web\n0::/web\n"));
}

TEST_F(Frozen, ByTheFreezerOfVersion1AndNoOtherController) {
  host_.write("/sys/fs/cgroup/freezer/web/freezer.state", "FROZEN\n");
  host_.write("/sys/fs/cgroup/freezer/db/freezer.state", "THAWED\n");
  EXPECT_TRUE(is("4:devices:/other\n3:freezer:/web\n"));
  EXPECT_FALSE(is("3:freezer:/db\n"));
  EXPECT_FALSE(is("3:devices:/web\n"));
}

TEST_F(Frozen, NotIfNothingIsKnown) {
  EXPECT_FALSE(is(""));
  EXPECT_FALSE(is("0::/gone\n"));
  EXPECT_FALSE(is("nonsense"));
}

}  // namespace
}  // namespace nvhook
