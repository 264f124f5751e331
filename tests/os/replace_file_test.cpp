// SPDX-License-Identifier: Apache-2.0
// A file in the place of another; bundle_test.cpp has the cases of config.json.
#include "os/replace_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/root_dir.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using test::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

TEST(ReplaceFile, MakesANewOneOnlyWhereItMay) {
  const TemporaryDirectory place;
  const auto root = open_root(place.path().string());
  EXPECT_FALSE(replace_file(root->fd(), "f", "text"));
  EXPECT_EQ(errno, ENOENT);
  EXPECT_TRUE(replace_file(root->fd(), "f", "text", {.may_create = true, .is_synced = true}));
  EXPECT_EQ(place.read("/f"), "text");
  struct stat status {};
  ASSERT_EQ(::stat(place.below("/f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0644U);
  EXPECT_THAT(root->list("/"), ElementsAre("f"));
}

TEST(ReplaceFile, KeepsOwnerAndMode) {
  const TemporaryDirectory place;
  place.write("/f", "old");
  ASSERT_EQ(::chmod(place.below("/f").c_str(), 0600), 0);
  const bool is_root = ::chown(place.below("/f").c_str(), 12, 34) == 0;
  const auto root = open_root(place.path().string());
  EXPECT_TRUE(replace_file(root->fd(), "f", "new", {.is_synced = true}));
  struct stat status {};
  ASSERT_EQ(::stat(place.below("/f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_TRUE(!is_root || (status.st_uid == 12 && status.st_gid == 34));
  EXPECT_EQ(place.read("/f"), "new");
}

TEST(ReplaceFile, ALinkIsReplacedAndNotFollowed) {
  const TemporaryDirectory place;
  place.write("/aim", "aim");
  place.link("/f", "aim");
  const auto root = open_root(place.path().string());
  static_cast<void>(replace_file(root->fd(), "f", "new"));
  EXPECT_EQ(place.read("/aim"), "aim");
}

TEST(ReplaceFile, WhatIsInTheWayOfTheNewOneStaysAsItIs) {
  const TemporaryDirectory place;
  const std::string left = ".f." + std::to_string(::getpid());
  place.write("/f", "old");
  place.write("/" + left, "another's");
  const auto root = open_root(place.path().string());
  EXPECT_TRUE(replace_file(root->fd(), "f", "new"));
  EXPECT_EQ(place.read("/f"), "new");
  EXPECT_EQ(place.read("/" + left), "another's");
  EXPECT_THAT(root->list("/"), UnorderedElementsAre("f", left));
}

}  // namespace
}  // namespace nvhook
