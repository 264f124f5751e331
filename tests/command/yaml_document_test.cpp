// SPDX-License-Identifier: Apache-2.0
// YAML becomes the JSON that it means.
#include "command/yaml_document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fails_with.hpp"

namespace nvhook {
namespace {

TEST(Yaml, BecomesTheJsonThatItMeans) {
  EXPECT_EQ(
      yaml_to_json("# c\na: [1, '1', x y, true, \"true\", ~, null, ]\nb: {c: 0.5.0, d: 0600}\n"),
      R"({"a":[1,"1","x y",true,"true",null,null],"b":{"c":"0.5.0","d":"0600"}})");
}

TEST(Yaml, AliasesAreWhatTheyStandFor) {
  EXPECT_EQ(yaml_to_json("a: &x [1]\nb: *x\n"), R"({"a":[1],"b":[1]})");
}

TEST(Yaml, ErrorsHaveLineAndColumn) {
  EXPECT_THAT([] { static_cast<void>(yaml_to_json("a: 1\nb: [")); },
              fails_with(Code::config_invalid, "no YAML: line 2, column"));
}

TEST(Yaml, OnlyOneDocument) {
  EXPECT_THAT([] { static_cast<void>(yaml_to_json("--- a\n--- b\n")); },
              fails_with(Code::config_invalid, "2 documents"));
  EXPECT_THAT([] { static_cast<void>(yaml_to_json("")); },
              fails_with(Code::config_invalid, "0 documents"));
}

TEST(Yaml, KeysAreWords) {
  EXPECT_THAT([] { static_cast<void>(yaml_to_json("? [a]\n: b\n")); },
              fails_with(Code::config_invalid, "a key is no word"));
}

TEST(Yaml, AliasesDoNotGrowOutOfBounds) {
  std::string text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char name = 'b'; name <= 'i'; ++name) {
    text += std::string(1, name) + ": &" + name + " [";
    for (int i = 0; i < 10; ++i) text += std::string(i == 0 ? "*" : ",*") + char(name - 1);
    text += "]\n";
  }
  EXPECT_THAT([&] { static_cast<void>(yaml_to_json(text)); },
              fails_with(Code::config_invalid, "more than 1048576 values"));
}

TEST(Yaml, DeepNestingAndCyclesEnd) {
  EXPECT_THAT([] { static_cast<void>(yaml_to_json(std::string(100'000, '['))); },
              fails_with(Code::config_invalid, "no YAML"));
  EXPECT_THAT([] { static_cast<void>(yaml_to_json("a: &a [*a]\n")); },
              fails_with(Code::config_invalid, "no YAML"));
}

TEST(Yaml, BytesThatAreNotUtf8AreRefused) {
  EXPECT_THAT([] { static_cast<void>(yaml_to_json("a: \xff\n")); },
              fails_with(Code::config_invalid, "no YAML"));
}

}  // namespace
}  // namespace nvhook
