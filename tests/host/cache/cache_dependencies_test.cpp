// SPDX-License-Identifier: Apache-2.0
// Which files and directories a reading of the host depends on, and which changes are noticed.
#include "host/cache/cache_dependencies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> paths_of(const std::vector<CacheDependency>& dependencies) {
  std::vector<std::string> paths;
  for (const CacheDependency& dependency : dependencies)
    paths.push_back(dependency.file.path.str());
  return paths;
}

TEST(CacheDependencies, ADirectoryTellsOfWhatIsMissingInIt) {
  const test::TemporaryDirectory tree;
  tree.write("/bin/tool");
  const auto root = open_root(tree.path());
  const auto found =
      dependencies_of({{.path = "/bin/tool"}, {.path = "/bin/more/tool"}}, *root, HostRoot::driver);
  ASSERT_TRUE(found);
  EXPECT_THAT(paths_of(*found), ElementsAre("/bin"));
  EXPECT_TRUE(is_unchanged(found->front(), *root));
  tree.directory("/bin/more");
  EXPECT_FALSE(is_unchanged(found->front(), *root));
}

TEST(CacheDependencies, WhatIsMissingAloneIsItsOwnWitness) {
  const test::TemporaryDirectory tree;
  tree.directory("/opt");
  const auto root = open_root(tree.path());
  const auto found = dependencies_of({{.path = "/opt/driver/tool"}}, *root, HostRoot::driver);
  ASSERT_TRUE(found);
  EXPECT_THAT(paths_of(*found), ElementsAre("/opt/driver"));
  tree.directory("/opt/other");
  EXPECT_TRUE(is_unchanged(found->front(), *root));
  tree.directory("/opt/driver");
  EXPECT_FALSE(is_unchanged(found->front(), *root));
}

// A directory of procfs has the time of its first lookup, which a new GPU does not change.
TEST(CacheDependencies, ADirectoryThatGainsAnotherOneIsNoticedWithoutATime) {
  const test::TemporaryDirectory tree;
  tree.write("/gpus/0000:07:00.0/information");
  const auto root = open_root(tree.path());
  const auto found = dependencies_of({{.path = "/gpus"}}, *root, HostRoot::system);
  ASSERT_TRUE(found);
  CacheDependency before = found->front();
  EXPECT_TRUE(is_unchanged(before, *root));
  --before.links;
  EXPECT_FALSE(is_unchanged(before, *root));
}

}  // namespace
}  // namespace nvhook
