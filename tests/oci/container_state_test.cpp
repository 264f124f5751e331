// SPDX-License-Identifier: Apache-2.0
// Tests parsing states, as runtimes write them and malformed.
#include "oci/container_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fails_with.hpp"

namespace nvhook {
namespace {

struct Sample {
  const char* name;
  std::string json;
  ContainerState state;
};
class RuntimeState : public ::testing::TestWithParam<Sample> {};
TEST_P(RuntimeState, IsRead) { EXPECT_EQ(parse_state(GetParam().json), GetParam().state); }
INSTANTIATE_TEST_SUITE_P(
    Samples, RuntimeState,
    ::testing::Values(
        Sample{"Runc",
               R"({"ociVersion":"1.0.2-dev","id":"c1","status":"creating","pid":4711,)"
               R"("bundle":"/run/b","annotations":{"a":"b"}})",
               {"c1", 4711, "/run/b"}},
        Sample{"Crun",
               R"({"ociVersion":"1.0","id":"c1","pid":4711,"root":"rootfs","bundle":"/run/b",)"
               R"("status":"created","annotations":{}})",
               {"c1", 4711, "/run/b"}},
        Sample{"OldDocker",
               R"({"id":"c1","pid":4711,"root":"/r","bundlePath":"/run/b"})",
               {"c1", 4711, "/run/b"}},
        Sample{"BundleGoesBeforeBundlePath",
               R"({"pid":2,"bundle":"/new","bundlePath":"/old"})",
               {"", 2, "/new"}},
        Sample{"EmptyBundleGivesWayToBundlePath",
               R"({"pid":2,"bundle":"","bundlePath":"/old"})",
               {"", 2, "/old"}},
        Sample{"NoBundle", R"({"pid":2})", {"", 2, ""}},
        Sample{"NullIsAbsence", R"({"pid":2,"id":null,"bundle":null})", {"", 2, ""}},
        Sample{"RuncInsideTheContainer", R"({"pid":1})", {"", 1, ""}},
        Sample{"CrunInsideTheContainer", R"({"pid":0})", {"", 0, ""}},
        Sample{"GreatestPid", R"({"pid":2147483647})", {"", 2147483647, ""}},
        Sample{"LastOfDuplicateKeysWins", R"({"pid":1,"pid":2})", {"", 2, ""}},
        Sample{"FirstDocumentWins", R"({"pid":2}{"pid":3})", {"", 2, "", 9}},
        Sample{"TrailingBytesAreIgnored", "{\"pid\":2}\n\xff[[[", {"", 2, "", 4}},
        Sample{"TrailingNestingIsIgnored",
               "{\"pid\":2}" + std::string(1'000'000, '['),
               {"", 2, "", 1'000'000}},
        Sample{"LeadingSpaceIsIgnored", std::string(1'000'000, ' ') + "{\"pid\":2}", {"", 2, ""}}),
    [](const auto& row) { return std::string(row.param.name); });

struct Bad {
  const char* name;
  std::string json;
  const char* words;
};
class InvalidState : public ::testing::TestWithParam<Bad> {};
TEST_P(InvalidState, IsRefused) {
  EXPECT_THAT([] { static_cast<void>(parse_state(GetParam().json)); },
              fails_with(Code::state_invalid, GetParam().words));
}
INSTANTIATE_TEST_SUITE_P(
    Texts, InvalidState,
    ::testing::Values(
        Bad{"Empty", "", "could not decode container state: standard input is empty"},
        Bad{"Space", " \n", "standard input is empty"},
        Bad{"Array", "[]", "not hold one whole JSON object"},
        Bad{"Number", "12", "not hold one whole JSON object"},
        Bad{"Garbage", "{pid:2}", "parse error"},
        Bad{"InvalidUtf8", "{\"pid\":2,\"id\":\"\xff\"}", "UTF-8"},
        Bad{"LoneSurrogate", R"({"pid":2,"id":"\ud800"})", "surrogate"},
        Bad{"NulInBundle", R"({"pid":2,"bundle":"/a\u0000b"})",
            "`/a\\x00b` is no path: it holds a NUL"},
        Bad{"NoPid", R"({"id":"c1"})", "`pid` is missing"},
        Bad{"NullPid", R"({"pid":null})", "`pid` is missing"},
        Bad{"TextPid", R"({"pid":"12"})", "`pid` is `\"12\"`, not a whole number"},
        Bad{"FractionPid", R"({"pid":3.5})", "`pid` is `3.5`, not a whole number"},
        Bad{"ExponentPid", R"({"pid":1e3})", "not a whole number"},
        Bad{"BooleanPid", R"({"pid":true})", "`pid` is `true`, not a whole number"},
        Bad{"NegativePid", R"({"pid":-2})", "`pid` is `-2`, which is no process"},
        Bad{"PidBeyondInt", R"({"pid":2147483648})", "`pid` is `2147483648`, which is no process"},
        Bad{"PidBeyondLong", R"({"pid":9223372036854775808})", "which is no process"},
        Bad{"PidThatWrapsToTwo", R"({"pid":4294967298})", "which is no process"},
        Bad{"PidBeyondAll", R"({"pid":18446744073709551618})", "not a whole number"},
        Bad{"PidOverflowsDouble", R"({"pid":1e999})", "number overflow"},
        Bad{"NumberAsBundle", R"({"pid":2,"bundle":3})", "`bundle` is `3`, not a string"},
        Bad{"NumberAsId", R"({"pid":2,"id":3})", "`id` is `3`, not a string"},
        Bad{"DeepNesting",
            R"({"pid":2,"annotations":)" + std::string(64, '[') + std::string(64, ']') + "}",
            "nested too deeply"},
        Bad{"MillionBrackets", "{\"a\":" + std::string(1'000'000, '['), "not hold one whole"},
        Bad{"MillionClosedBrackets",
            "{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}",
            "nested too deeply"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(ContainerState, NestingThatIsAllowedIsRead) {
  const std::string json =
      R"({"pid":2,"annotations":)" + std::string(63, '[') + std::string(63, ']') + "}";
  EXPECT_EQ(parse_state(json).pid, 2);
}

TEST(ContainerState, CutAnywhereIsRefused) {
  const std::string whole = R"({"id":"c\"1","pid":4711,"bundle":"/run/b","annotations":{"a":[1]}})";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THAT([&] { static_cast<void>(parse_state(whole.substr(0, length))); },
                fails_with(Code::state_invalid, "could not decode container state"))
        << length;
  }
}

}  // namespace
}  // namespace nvhook
