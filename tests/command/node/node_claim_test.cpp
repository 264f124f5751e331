// SPDX-License-Identifier: Apache-2.0
// Tests who may change a node: locks, owners and successors.
#include "command/node/node_claim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "support/temporary_directory.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class NodeClaims : public testing::Test {
 protected:
  NodeClaims() {
    if (::geteuid() != 0) skipped_ = true;  // the directory must be root's
  }
  void SetUp() override {
    if (skipped_) GTEST_SKIP() << "only root owns a node: run it as root";
  }
  [[nodiscard]] NodeClaim claim() const { return NodeClaim(root_, "/state"); }
  static GiveUp at_once() {
    return [] { return true; };
  }
  [[nodiscard]] bool is_there(const char* name) const {
    return std::filesystem::exists(host_.below(name));
  }

  test::TemporaryDirectory host_;
  RootDir root_ = *open_root(host_.path().string());
  bool skipped_ = false;
};

TEST_F(NodeClaims, OneChangesTheNodeAtATime) {
  NodeClaim first = claim();
  NodeClaim second = claim();
  EXPECT_TRUE(first.lock(at_once()));
  EXPECT_FALSE(second.lock(at_once()));
  first.unlock();
  EXPECT_TRUE(second.lock(at_once()));
}

TEST_F(NodeClaims, AnOwnerThatLivesIsNotReplaced) {
  NodeClaim first = claim();
  ASSERT_TRUE(first.lock(at_once()));
  first.claim("a/first");
  first.save();
  first.unlock();
  NodeClaim second = claim();
  ASSERT_TRUE(second.lock(at_once()));
  EXPECT_FALSE(second.is_free());
  EXPECT_THAT([&] { second.claim("b/second"); },
              ThrowsMessage<Error>(HasSubstr("`a/first`, whose installer runs")));
}

TEST_F(NodeClaims, AnOwnerThatIsDeadIsReplaced) {
  {
    NodeClaim first = claim();
    ASSERT_TRUE(first.lock(at_once()));
    first.claim("a/first");
    first.save();
  }
  NodeClaim second = claim();
  ASSERT_TRUE(second.lock(at_once()));
  EXPECT_TRUE(second.is_free());
  second.claim("b/second");
  EXPECT_EQ(second.record().owner, "b/second");
  EXPECT_EQ(second.generation(), 2);
}

TEST_F(NodeClaims, ASuccessorIsSeenByItsGeneration) {
  NodeClaim old = claim();
  NodeClaim successor = claim();
  for (NodeClaim* one : {&old, &successor}) {
    ASSERT_TRUE(one->lock(at_once()));
    one->claim("a/same");
    one->save();
    one->unlock();
  }
  ASSERT_TRUE(old.lock(at_once()));
  EXPECT_NE(old.record().generation, old.generation());
  old.unlock();
  ASSERT_TRUE(successor.lock(at_once()));
  EXPECT_EQ(successor.record().generation, successor.generation());
}

TEST_F(NodeClaims, NothingStaysOfAStateThatIsForgotten) {
  NodeClaim first = claim();
  ASSERT_TRUE(first.lock(at_once()));
  first.claim("a/first");
  first.save();
  EXPECT_TRUE(is_there("state/node.json"));
  first.forget();
  EXPECT_FALSE(is_there("state"));
}

TEST_F(NodeClaims, ALockOnAFileThatIsGoneCountsForNothing) {
  NodeClaim first = claim();
  ASSERT_TRUE(first.lock(at_once()));
  std::filesystem::remove(host_.below("state/lock"));
  NodeClaim second = claim();
  EXPECT_TRUE(second.lock(at_once()));
}

}  // namespace
}  // namespace nvhook
