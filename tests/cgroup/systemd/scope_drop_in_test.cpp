// SPDX-License-Identifier: Apache-2.0
// Which of our drop-ins are removed, in a directory tree of the test that stands for the host.
#include "cgroup/systemd/scope_drop_in.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kUnits = kTransientUnits + std::string("/");
const std::string kUnfinished = "." + std::string(kDropIn) + ".1f0c9b5e7a3d2468";

class StaleDropIns : public ::testing::Test {
 protected:
  void drop_in(const std::string& scope, const std::string& name = kDropIn) const {
    host_.write(kUnits + scope + ".d/" + name, "[Scope]\n");
  }

  [[nodiscard]] std::vector<std::string> remove() const {
    return remove_stale_drop_ins(*open_root(host_.path().string()));
  }

  [[nodiscard]] std::vector<std::string> names_in(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(host_.below(directory))) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  test::TemporaryDirectory host_;
};

TEST_F(StaleDropIns, GoWhereTheScopeIsGone) {
  drop_in("gone.scope");
  drop_in("runs.scope");
  host_.write(kUnits + "runs.scope", "[Scope]\n");
  EXPECT_THAT(remove(), ElementsAre("gone.scope"));
  EXPECT_THAT(names_in(kUnits), ElementsAre("runs.scope", "runs.scope.d"));
  EXPECT_THAT(names_in(kUnits + "runs.scope.d"), ElementsAre(kDropIn));
}

TEST_F(StaleDropIns, LeaveWhatIsOfOthers) {
  drop_in("shared.scope");
  drop_in("shared.scope", "10-admin.conf");
  drop_in("gone.service");
  drop_in("other.scope", "10-admin.conf");
  EXPECT_THAT(remove(), ElementsAre("shared.scope"));
  EXPECT_THAT(names_in(kUnits), ElementsAre("gone.service.d", "other.scope.d", "shared.scope.d"));
  EXPECT_THAT(names_in(kUnits + "shared.scope.d"), ElementsAre("10-admin.conf"));
}

TEST_F(StaleDropIns, AreThoseOfAKilledHookToo) {
  drop_in("gone.scope", kUnfinished);
  drop_in("runs.scope", kUnfinished);
  host_.write(kUnits + "runs.scope", "[Scope]\n");
  EXPECT_THAT(remove(), ElementsAre("gone.scope"));
  EXPECT_THAT(names_in(kUnits), ElementsAre("runs.scope", "runs.scope.d"));
}

TEST_F(StaleDropIns, AreNotSoughtThroughLinks) {
  host_.directory("/etc/victim");
  host_.write("/etc/victim/" + std::string(kDropIn), "as it was");
  host_.write("/etc/victim/" + kUnfinished, "as it was");
  host_.directory(kUnits);
  host_.link(kUnits + "gone.scope.d", host_.below("/etc/victim").string());
  EXPECT_THAT(remove(), IsEmpty());
  EXPECT_THAT(names_in("/etc/victim"), ElementsAre(kUnfinished, kDropIn));
}

TEST_F(StaleDropIns, AreNoneOnAHostWithoutSystemd) { EXPECT_THAT(remove(), IsEmpty()); }

}  // namespace
}  // namespace nvhook
