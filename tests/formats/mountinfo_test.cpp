// SPDX-License-Identifier: Apache-2.0
// Lines of mountinfo, with the optional fields that say who sees what is mounted there.
#include "formats/mountinfo.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

TEST(Mountinfo, AMountWithPeersSaysWhichGroupTheyAre) {
  EXPECT_EQ(peer_group_of("22 1 0:21 / / rw shared:7 - overlay o rw"), 7U);
  EXPECT_EQ(peer_group_of("22 1 0:21 / / rw master:3 shared:12 propagate_from:2 - tmpfs t rw"),
            12U);
}

TEST(Mountinfo, AMountWithoutPeersSaysNone) {
  EXPECT_EQ(peer_group_of("22 1 0:21 / / rw - overlay o rw"), 0U);
  EXPECT_EQ(peer_group_of("22 1 0:21 / / rw master:7 - overlay o rw"), 0U);
  EXPECT_EQ(peer_group_of(""), 0U);
}

TEST(Mountinfo, WhatComesAfterTheDashIsNoPeerGroup) {
  EXPECT_EQ(peer_group_of("22 1 0:21 / / rw - fuse x shared:7"), 0U);
}

}  // namespace
}  // namespace nvhook
