// SPDX-License-Identifier: Apache-2.0
// Hook definitions that Podman accepts, and those with which it starts no container.
#include "command/engines/hook_definition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/engines/go_regexp.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string fault(const std::string& text) {
  try {
    static_cast<void>(parse_hook_definition(text, "file"));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// A definition with more members.
std::string with(const std::string& members, const std::string& hook = R"("path": "/h")") {
  return R"({"version": "1.0.0", "hook": {)" + hook + R"(}, "stages": ["prestart"])" +
         (members.empty() ? "" : ", " + members) + "}";
}

TEST(HookDefinition, SaysWhichProgramAtWhichStages) {
  EXPECT_EQ(parse_hook_definition(with(R"("when": {"always": true})"), "file"),
            (HookText{.path = "/h", .stages = {"prestart"}}));
}

TEST(HookDefinition, OfTheFirstFormatNeedsNoVersion) {
  const HookText expected{.path = "/h", .stages = {"prestart"}};
  EXPECT_EQ(parse_hook_definition(R"({"hook": "/h", "arguments": ["prestart"],
                                      "stage": ["prestart"], "cmd": [".*"]})",
                                  "file"),
            expected);
  EXPECT_EQ(parse_hook_definition(R"({"version": "0.1.0", "hook": "/h", "stages": ["prestart"]})",
                                  "file"),
            expected);
  EXPECT_THAT(fault(R"({"hook": {"path": "/h"}, "stages": []})"), HasSubstr("wrong type"));
  EXPECT_THAT(fault(R"({"hook": "/h", "stages": [], "stage": []})"), HasSubstr("both"));
  EXPECT_THAT(fault(R"({"stages": []})"), HasSubstr("`hook` is missing"));
}

TEST(HookDefinition, IsReadAsGoReadsJson) {
  EXPECT_EQ(fault(R"({"Version": "1.0.0", "HOOK": {"Path": "h"}, "Stages": [], "more": 1})"), "");
  EXPECT_EQ(fault(with(R"("when": {"always": null, "annotations": {"a": null}})")), "");
  EXPECT_EQ(fault(with("", "\"path\": \"/h\", \"args\": [\"\xE9\"]")), "");
  EXPECT_EQ(fault(with(R"("when": null)", R"("path": "/h", "timeout": -1)")), "");
  EXPECT_THAT(fault("\xEF\xBB\xBF" + with("")), HasSubstr("byte order mark"));
}

TEST(HookDefinition, ThatEnginesRefuseIsRefused) {
  EXPECT_THAT(fault("{"), StartsWith("file: parse error at line 1"));
  EXPECT_THAT(fault(R"({"version": "2.0.0"})"), HasSubstr("`version` is `2.0.0`"));
  EXPECT_THAT(fault(R"({"version": "1.0.0", "hook": {}, "stages": []})"),
              HasSubstr("`hook.path` is missing"));
  EXPECT_THAT(fault(R"({"version": "1.0.0", "hook": {"path": "/h"}})"), HasSubstr("no stage"));
  EXPECT_THAT(fault(R"({"version": "1.0.0", "hook": {"path": "/h"}, "stages": ["before"]})"),
              HasSubstr("unknown stage `before`"));
  EXPECT_EQ(fault(R"({"version": "1.0.0", "hook": {"path": "/h"}, "stages": ["precreate"]})"), "");
}

class WrongType : public ::testing::TestWithParam<std::pair<const char*, std::string>> {};
TEST_P(WrongType, OfAnyMemberIsRefused) {
  EXPECT_THAT(fault(GetParam().second), HasSubstr(GetParam().first));
}
INSTANTIATE_TEST_SUITE_P(
    Members, WrongType,
    ::testing::Values(std::pair{"`hook`", R"({"version": "1.0.0", "hook": 1, "stages": []})"},
                      std::pair{"`version`", R"({"version": 1})"},
                      std::pair{"`hook.env`", with("", R"("path": "/h", "env": {})")},
                      std::pair{"`hook.args`", with("", R"("path": "/h", "args": "a")")},
                      std::pair{"`hook.args`", with("", R"("path": "/h", "args": [1])")},
                      std::pair{"`hook.timeout`", with("", R"("path": "/h", "timeout": "10")")},
                      std::pair{"`hook.timeout`", with("", R"("path": "/h", "timeout": 1.5)")},
                      std::pair{"`when`", with(R"("when": [])")},
                      std::pair{"`when.always`", with(R"("when": {"always": "true"})")},
                      std::pair{"`when.hasBindMounts`",
                                with(R"("when": {"hasBindMounts": "true"})")},
                      std::pair{"`when.commands`", with(R"("when": {"commands": ".*"})")},
                      std::pair{"`when.annotations`", with(R"("when": {"annotations": []})")},
                      std::pair{"`*nvidia`", with(R"("when": {"commands": ["*nvidia"]})")},
                      std::pair{"`^a(`", with(R"("when": {"annotations": {"^a(": "b"}})")},
                      std::pair{"`[`", with(R"("when": {"annotations": {"a": "["}})")}));

// Podman 4.3.1 was asked about each of these.
TEST(GoRegexp, AcceptsWhatGoAccepts) {
  for (const char* pattern : {"",
                              ".*",
                              "^nvidia$",
                              "a|b|",
                              "(a)(?:b)(?i)c",
                              "(?P<n>x)(?<n>x)",
                              "[]a]",
                              "[^]-]",
                              "[a-z-]",
                              "[[:alpha:]]",
                              "a{2}",
                              "a{2,3}?",
                              "a{",
                              "{",
                              "a{x}",
                              "a+?",
                              "a*b*",
                              R"(\d+\.\w)",
                              R"(\Q*(\E)",
                              R"([\]])",
                              "a]",
                              "}",
                              R"(\pL\p{Greek})",
                              R"(\_)",
                              R"(\0\12)",
                              "^*$*",
                              "(?)",
                              "(?i-s:a)",
                              "()",
                              "(|a)*",
                              "a{,2}",
                              R"([\d-z])",
                              "[a-b-c]",
                              "[[:^word:]-]"}) {
    EXPECT_EQ(go_regexp_fault(pattern), std::nullopt) << pattern;
  }
}

TEST(GoRegexp, RefusesWhatGoRefuses) {
  for (const char* pattern :
       {"*",         "+a",        "a|*",     "(*a)",    "a**",     "a+*",    "a{2}{3}", "(",
        ")",         "(a",        "a)",      "[",       "[]",      "[z-a]",  "(?=a)",   "(?!a)",
        "(?<=a)",    R"(\1)",     R"(\y)",   "\\",      "a{1001}", "a{3,2}", "(?P<>a)", R"(\Z)",
        R"(\C)",     R"(\e)",     R"(\8)",   R"(\18)",  "{2}",     "(?i",    "(?ix:a)", "(?-)",
        "[[:foo:]]", R"([a-\d])", R"([\y])", R"([\b])", "[\\"}) {
    EXPECT_NE(go_regexp_fault(pattern), std::nullopt) << pattern;
  }
}

}  // namespace
}  // namespace nvhook
