// SPDX-License-Identifier: Apache-2.0
// Nodes of mode 0660: which groups the process gets, and what is said if it cannot get them.
#include "plan/node_access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "plan/spec_edit.hpp"
#include "support/planner_host.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

DeviceNode node_of(unsigned mode, std::optional<unsigned> group, unsigned owner = 0) {
  return {.file = {HostRoot::system, HostPath("/dev/nvidia0")},
          .mode = mode,
          .owner = owner,
          .group = group};
}

Plan plan_of(const std::vector<DeviceNode>& nodes) {
  Plan plan;
  for (const DeviceNode& node : nodes) {
    if (const auto closed = closed_node(node)) plan.closed_nodes.push_back(*closed);
  }
  return plan;
}

std::string spec_of(const std::string& user, const std::string& linux_object = "{}") {
  return R"({"process":{"user":)" + user + R"(},"linux":)" + linux_object + "}";
}

const std::string kInNamespace =
    R"({"namespaces":[{"type":"user"}],"gidMappings":[{"containerID":0,"hostID":100000,"size":1000},)"
    R"({"containerID":2000,"hostID":44,"size":1}]})";
const std::string kUser = R"({"uid":1000,"gid":1000})";

TEST(NodeAccess, ANodeThatEverybodyMayUseNeedsNoGroup) {
  for (const unsigned mode : {0666U, 0444U, 0644U & 0444U}) {
    EXPECT_FALSE(closed_node(node_of(mode, 44))) << std::oct << mode;
  }
}

TEST(NodeAccess, TheProcessGetsTheGroupOfANodeThatIsClosedToOthers) {
  EXPECT_THAT(missing_groups(plan_of({node_of(0660, 44), node_of(0660, 44), node_of(0664, 109)}),
                             spec_of(kUser)),
              ElementsAre(44, 109));
}

TEST(NodeAccess, RootsGroupIsNeverGiven) {
  EXPECT_THAT(missing_groups(plan_of({node_of(0660, 0), node_of(0600, 44)}), spec_of(kUser)),
              IsEmpty());
}

TEST(NodeAccess, AGroupThatTheProcessHasIsNotAddedAgain) {
  const Plan plan = plan_of({node_of(0660, 44)});
  EXPECT_THAT(missing_groups(plan, spec_of(R"({"uid":1,"gid":44})")), IsEmpty());
  EXPECT_THAT(missing_groups(plan, spec_of(R"({"uid":1,"gid":1,"additionalGids":[7,44]})")),
              IsEmpty());
}

TEST(NodeAccess, AUserNamespaceHasAnotherNumberForTheGroupOrNone) {
  EXPECT_THAT(missing_groups(plan_of({node_of(0660, 44)}), spec_of(kUser, kInNamespace)),
              ElementsAre(2000));
  EXPECT_THAT(missing_groups(plan_of({node_of(0660, 45)}), spec_of(kUser, kInNamespace)),
              IsEmpty());
}

TEST(NodeAccess, TheGroupsGoIntoConfigJsonOnceAndNothingElseChanges) {
  const std::string before = spec_of(R"({"uid":1000,"gid":1000,"additionalGids":[7]})");
  const SpecEdit edit{.hook = "/usr/bin/oci-nvidia-hook"};
  const std::string once = edit_spec(before, plan_of({node_of(0660, 44)}), edit);
  EXPECT_THAT(once, HasSubstr(R"("user":{"uid":1000,"gid":1000,"additionalGids":[7,44]})"));
  EXPECT_EQ(edit_spec(once, plan_of({node_of(0660, 44)}), edit), once);
  EXPECT_THAT(edit_spec(spec_of(kUser), plan_of({node_of(0666, 44)}), edit),
              Not(HasSubstr("additionalGids")));
}

TEST(NodeAccess, WhoeverCannotOpenANodeIsToldWhatToDoOncePerKind) {
  const Notes notes = access_notes(
      plan_of({node_of(0660, 44), node_of(0660, 44), node_of(0600, 0)}), spec_of(kUser));
  ASSERT_THAT(notes, SizeIs(2));
  EXPECT_THAT(notes[0].text,
              AllOf(HasSubstr("`/dev/nvidia0` and 1 more (mode 0660)"), HasSubstr("user 1000"),
                    HasSubstr("--group-add 44"), HasSubstr("NVreg_DeviceFileMode=0666")));
  EXPECT_THAT(notes[1].text, HasSubstr("for its owner alone; run the process as root"));
}

TEST(NodeAccess, NothingIsSaidOfNodesThatTheProcessCanOpen) {
  const Plan plan = plan_of({node_of(0660, 44)});
  EXPECT_THAT(access_notes(plan, spec_of(R"({"uid":0,"gid":0})")), IsEmpty());
  EXPECT_THAT(access_notes(plan, spec_of(R"({"uid":1,"gid":44})")), IsEmpty());
  EXPECT_THAT(access_notes(plan_of({node_of(0600, 0, 1000)}), spec_of(kUser)), IsEmpty());
  EXPECT_THAT(access_notes(plan, ""), IsEmpty());
  EXPECT_THAT(access_notes(plan, R"({"annotations":{"run.oci.keep_original_groups":"1"}})"),
              IsEmpty());
}

TEST(NodeAccess, RootOfAUserNamespaceIsNotTheRootThatTheNodeIsFor) {
  const auto text_of = [](const DeviceNode& node, const std::string& spec) {
    const Notes notes = access_notes(plan_of({node}), spec);
    return notes.empty() ? std::string() : notes.front().text;
  };
  const std::string root = R"({"uid":0,"gid":0})";
  EXPECT_THAT(text_of(node_of(0660, std::nullopt, 65534), spec_of(root)),
              HasSubstr("--group-add keep-groups"));
  EXPECT_THAT(text_of(node_of(0660, 45), spec_of(root, kInNamespace)), HasSubstr("keep-groups"));
  EXPECT_THAT(text_of(node_of(0660, 44), spec_of(root, kInNamespace)),
              HasSubstr("--group-add 2000"));
}

TEST(NodeAccess, APlanNamesTheClosedNodesThatItMounts) {
  Inventory inventory = test::host();
  for (DeviceNode& node : inventory.nodes) {
    if (node.role == DeviceRole::gpu) node.mode = 0660, node.group = 44;
  }
  const Plan plan =
      test::plan_for(test::request(DeviceNames{"0"}, {Capability::utility}), inventory);
  ASSERT_THAT(plan.closed_nodes, SizeIs(1));
  EXPECT_EQ(plan.closed_nodes[0].group, 44U);
}

}  // namespace
}  // namespace nvhook
