// SPDX-License-Identifier: Apache-2.0
// Tests names and sets of driver capabilities.
#include "config/capability.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

TEST(Capability, EveryNameReadsBack) {
  for (const Capability capability : kCapabilities) {
    EXPECT_EQ(parse_capability(to_string(capability)), capability);
  }
}

class UnknownCapability : public ::testing::TestWithParam<const char*> {};
TEST_P(UnknownCapability, IsNothing) { EXPECT_EQ(parse_capability(GetParam()), std::nullopt); }
INSTANTIATE_TEST_SUITE_P(Names, UnknownCapability,
                         ::testing::Values("", "all", "none", "gpu", "Compute", " compute"));

TEST(CapabilitySet, NamesItsMembersInOrder) {
  EXPECT_EQ(to_string(CapabilitySet{Capability::video, Capability::compute}), "compute,video");
}

TEST(CapabilitySet, OfNothingHasNoName) { EXPECT_EQ(to_string(CapabilitySet{}), ""); }

TEST(CapabilitySet, AllHasTheSevenOfTheReference) {
  EXPECT_EQ(to_string(CapabilitySet::all()), "compat32,compute,display,graphics,ngx,utility,video");
}

TEST(CapabilitySet, IntersectionHasWhatIsInBoth) {
  const CapabilitySet both = CapabilitySet{Capability::video, Capability::compute} &
                             CapabilitySet{Capability::video, Capability::ngx};
  EXPECT_EQ(both, CapabilitySet{Capability::video});
}

TEST(CapabilitySet, TellsWhetherItSharesAMember) {
  const CapabilitySet set{Capability::video, Capability::compute};
  EXPECT_TRUE(set.intersects({Capability::compute}));
  EXPECT_FALSE(set.intersects({Capability::utility}));
}

TEST(CapabilitySet, KnowsItsInsertedMemberOnly) {
  CapabilitySet set;
  EXPECT_TRUE(set.empty());
  set.insert(Capability::ngx);
  EXPECT_TRUE(set.contains(Capability::ngx));
  EXPECT_FALSE(set.contains(Capability::video));
}

}  // namespace
}  // namespace nvhook
