// SPDX-License-Identifier: Apache-2.0
// Tests that YAML becomes the JSON that it means.
#include "command/cdi/yaml_document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fails_with.hpp"

namespace nvhook {
namespace {

TEST(Yaml, BecomesTheJsonThatItMeans) {
  EXPECT_EQ(
      yaml_to_json("# c\na: [1, '1', x y, true, \"true\", ~, null, ]\nb: {c: 0.5.0, d: 0600}\n"),
      R"({"a":[1,"1","x y",true,"true",null,null],"b":{"c":"0.5.0","d":384}})");
  EXPECT_EQ(yaml_to_json("[-1, 1.5, 2e3, .5, -, -x, 1e999, e1, inf, 0-2, 18446744073709551615]\n"),
            R"([-1,1.5,2000.0,0.5,"-","-x","1e999","e1","inf","0-2",18446744073709551615])");
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
              fails_with(Code::config_invalid, "more than one document"));
  EXPECT_THAT([] { static_cast<void>(yaml_to_json("")); },
              fails_with(Code::config_invalid, "no document"));
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
              fails_with(Code::config_invalid, "more than 16 MiB"));
}

/// Few values, but each of them is long.
TEST(Yaml, AliasesOfLongTextsDoNotEither) {
  std::string text = "a: &a " + std::string(100'000, 'x') + "\nb: [*a";
  for (int i = 0; i < 200; ++i) text += ",*a";
  EXPECT_THAT([&] { static_cast<void>(yaml_to_json(text + "]\n")); },
              fails_with(Code::config_invalid, "more than 16 MiB"));
}

/// Each would take a minute to build.
TEST(Yaml, ManyValuesAndWideMapsAreRefusedEarly) {
  std::string list;
  for (int i = 0; i < 200'000; ++i) list += "- x\n";
  EXPECT_THAT([&] { static_cast<void>(yaml_to_json(list)); },
              fails_with(Code::config_invalid, "more than 16 MiB"));
  std::string map;
  for (int i = 0; i < 1100; ++i) map += "k" + std::to_string(i) + ": x\n";
  EXPECT_THAT([&] { static_cast<void>(yaml_to_json(map)); },
              fails_with(Code::config_invalid, "more than 1000 keys"));
}

/// yaml-cpp would find empty documents after it without end.
TEST(Yaml, ACommaBehindTheDocumentIsRefused) {
  for (const char* const text : {"{},", "[],x: 1", "{a: 1},\nb: 2\n"}) {
    EXPECT_THAT([&] { static_cast<void>(yaml_to_json(text)); },
                fails_with(Code::config_invalid, "no YAML"))
        << text;
  }
}

TEST(Yaml, ControlCharactersAreRefused) {
  EXPECT_THAT([] { static_cast<void>(yaml_to_json(std::string("a: 1\nb: \0", 9))); },
              fails_with(Code::config_invalid, "line 2: a control character (byte 0)"));
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
