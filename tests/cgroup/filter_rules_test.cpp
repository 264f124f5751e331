// SPDX-License-Identifier: Apache-2.0
// What is read of config.json for a filter that the kernel hides.
#include "cgroup/filter_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(FilterRules, AreThoseOfConfigJsonInTheirOrder) {
  const FilterRules found = filter_rules_of(R"({"linux": {
      "devices": [{"path": "/dev/null", "type": "c"}, {"type": "c"}],
      "resources": {"devices": [
        {"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rw"},
        {"type": "b", "major": -1, "minor": null}]}}})");
  EXPECT_THAT(found.nodes, ElementsAre("/dev/null"));
  EXPECT_THAT(
      found.rules,
      ElementsAre(FilterRule{.access = "rwm"},
                  FilterRule{.type = "c", .major = 1, .minor = 3, .access = "rw", .allow = true},
                  FilterRule{.type = "b"}));
}

TEST(FilterRules, AreNoneWhereConfigJsonHasNone) {
  for (const char* json : {"{}", R"({"linux": {}})", R"({"linux": null})",
                           R"({"linux": {"resources": {"devices": null}}})"}) {
    EXPECT_THAT(filter_rules_of(json).rules, IsEmpty()) << json;
  }
}

TEST(FilterRules, AreRefusedIfARuntimeWouldReadThemInAnotherWay) {
  for (const char* json : {"", "[]", R"({"linux": {"resources": {"devices": [{"major": 1.5}]}}})",
                           R"({"linux": {"resources": {"devices": [{"major": "1"}]}}})",
                           R"({"linux": {"resources": {"devices": [{"type": 5}]}}})",
                           R"({"linux": {"resources": {"devices": {}}}})"}) {
    EXPECT_THROW((void)filter_rules_of(json), Error) << json;
  }
}

}  // namespace
}  // namespace nvhook
