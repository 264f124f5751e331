// SPDX-License-Identifier: Apache-2.0
// Tests which runtime is found to have made a container.
#include "oci/made_container.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using test::TemporaryDirectory;
using ::testing::ElementsAre;

const std::vector<std::string> kUsual{"runc", "crun"};

class MadeContainers : public ::testing::Test {
 protected:
  std::optional<MadeContainer> find(const RuntimeCommand& command,
                                    const std::vector<std::string>& candidates = kUsual) {
    return find_made_container(command, candidates, "/run/user/1000",
                               *open_root(host.path().string()));
  }
  std::string bundle(const MadeContainer& made) {
    return bundle_of(made, *open_root(host.path().string()));
  }

  const TemporaryDirectory host;
};

TEST_F(MadeContainers, AreFoundInTheDirectoryOfTheCommand) {
  host.write("/r/a/state.json", R"({"config":{"labels":["x=y","bundle=/b/a"]}})");
  host.write("/r/b/status", R"({"pid":1,"bundle":"/b/b"})");
  const auto a = find({.root = "/r", .operands = {"a"}});
  const auto b = find({.root = "/r", .operands = {"b"}});
  ASSERT_TRUE(a && b);
  EXPECT_EQ(*a, (MadeContainer{.runtime = "runc", .record = "/r/a/state.json"}));
  EXPECT_EQ(*b, (MadeContainer{.runtime = "crun", .record = "/r/b/status"}));
  EXPECT_EQ(bundle(*a), "/b/a");
  EXPECT_EQ(bundle(*b), "/b/b");
}

TEST_F(MadeContainers, AreFoundInTheDirectoriesOfTheRuntimes) {
  host.write("/run/crun/a/status", "{}");
  host.write("/run/user/1000/runc/b/state.json", "{}");
  EXPECT_EQ(find({.operands = {"a"}})->runtime, "crun");
  EXPECT_EQ(find({.operands = {"b"}})->runtime, "runc");
  EXPECT_FALSE(find({.root = "/r", .operands = {"a"}}));
}

TEST_F(MadeContainers, WithTheSameNameAreThoseOfTheFirstRuntime) {
  host.write("/run/crun/a/status", "{}");
  host.write("/run/runc/a/state.json", "{}");
  EXPECT_EQ(find({.operands = {"a"}})->runtime, "runc");
  EXPECT_EQ(find({.operands = {"a"}}, {"/opt/crun", "runc"})->runtime, "crun");
}

TEST_F(MadeContainers, AreNamedByTheFirstWordThatIsOne) {
  host.write("/r/a/status", "{}");
  EXPECT_TRUE(find({.root = "/r", .operands = {"value", "a", "9"}}));
  for (const char* word : {"", ".", "..", "x/../a", "/r/a", "b"}) {
    EXPECT_FALSE(find({.root = "/r", .operands = {word}})) << word;
  }
  EXPECT_FALSE(find({.root = "/r", .operands = {std::string(5000, 'x')}})) << "a script of exec";
  EXPECT_FALSE(find({.root = "r", .operands = {"a"}})) << "relative to the caller, not to the root";
  EXPECT_FALSE(find({.root = "/r"}));
}

TEST(MadeContainer, HasNoBundleIfTheRecordMakesNoSense) {
  for (const char* text : {"", "{", "[]", "{}", R"({"bundle":1,"config":{"labels":[1,"b=/"]}})",
                           R"({"config":{"labels":"bundle=/b"}})", R"({"config":[]})"}) {
    EXPECT_EQ(bundle_in_runc_state(text), "") << text;
    EXPECT_EQ(bundle_in_crun_status(text), "") << text;
  }
}

TEST(Candidates, AreThoseThatKnowTheContainer) {
  EXPECT_THAT(candidates_for("crun", {"runc", "crun"}), ElementsAre("crun", "crun"));
  EXPECT_THAT(candidates_for("crun", {"/usr/bin/runc"}), ElementsAre("crun"));
  EXPECT_THAT(candidates_for("runc", {"/opt/crun/runc-1.3"}),
              ElementsAre("/opt/crun/runc-1.3", "runc"));
  EXPECT_THAT(candidates_for("crun", {"/opt/wrapper"}), ElementsAre("/opt/wrapper", "crun"));
}

}  // namespace
}  // namespace nvhook
