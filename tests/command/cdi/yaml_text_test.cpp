// SPDX-License-Identifier: Apache-2.0
// What is written in YAML is read as the same document.
#include "command/cdi/yaml_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "command/cdi/yaml_document.hpp"
#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::ordered_json;

/// Reads back what is written for `document`.
Json there_and_back(const Json& document) {
  return Json::parse(yaml_to_json(json_to_yaml(document.dump())));
}

TEST(YamlText, IsInBlockStyleWithPlainWordsAndQuotedOthers) {
  EXPECT_EQ(json_to_yaml(R"({
    "cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "seven": 7, "none": null, "empty": {}, "list": [],
    "devices": [{"name": "0", "edits": {"env": ["A=b", "--link"], "deep": [[1, 2], []]}},
                {"name": "all"}]})"),
            "---\n"
            "cdiVersion: \"0.5.0\"\n"
            "kind: nvidia.com/gpu\n"
            "seven: 7\n"
            "none: null\n"
            "empty: {}\n"
            "list: []\n"
            "devices:\n"
            "  - name: \"0\"\n"
            "    edits:\n"
            "      env:\n"
            "        - A=b\n"
            "        - \"--link\"\n"
            "      deep:\n"
            "        -\n"
            "          - 1\n"
            "          - 2\n"
            "        - []\n"
            "  - name: all\n");
}

/// Readers of YAML 1.1, as engines have them, take more words for values than the one here.
TEST(YamlText, QuotesWhatCouldBeReadAsSomethingElse) {
  for (const char* const text : {"",
                                 "0",
                                 "0:1",
                                 "12:30:45",
                                 "1e3",
                                 "0x1f",
                                 "0o7",
                                 "0755",
                                 "-1",
                                 "+1",
                                 ".5",
                                 ".inf",
                                 ".NaN",
                                 "1_000",
                                 "yes",
                                 "No",
                                 "on",
                                 "OFF",
                                 "y",
                                 "N",
                                 "true",
                                 "False",
                                 "null",
                                 "NULL",
                                 "~",
                                 "nan",
                                 "Inf",
                                 "2001-01-01",
                                 "a: b",
                                 "a #b",
                                 "#a",
                                 "- a",
                                 "-",
                                 "?",
                                 "*a",
                                 "&a",
                                 "!a",
                                 "%a",
                                 "@a",
                                 "`a",
                                 "[a",
                                 "{a",
                                 "a,b",
                                 "'a'",
                                 "\"a",
                                 "|",
                                 ">",
                                 " a",
                                 "a ",
                                 "a\nb",
                                 "a\tb",
                                 "<<",
                                 "=",
                                 "---",
                                 "...",
                                 "a:",
                                 "\x7f",
                                 "\xc2\x85",
                                 "\xe2\x80\xa8",
                                 "\xef\xbb\xbf",
                                 "\xef\xbf\xbe"}) {
    const Json document = {{"a", text}};
    EXPECT_TRUE(json_to_yaml(document.dump()).find("a: \"") != std::string::npos) << text;
    EXPECT_EQ(there_and_back(document), document) << text;
  }
}

TEST(YamlText, IsReadAsItWasWrittenWhateverTheWords) {
  std::mt19937 random(7);
  const auto below = [&](unsigned end) { return static_cast<unsigned>(random() % end); };
  constexpr std::array kPieces{"a",        "Z",
                               "0",        "7",
                               ":",        " ",
                               "#",        "-",
                               "'",        "\"",
                               "\\",       "/",
                               ",",        "[",
                               "]",        "{",
                               "}",        "&",
                               "*",        "!",
                               "|",        ">",
                               "%",        "@",
                               "`",        "~",
                               "\n",       "\t",
                               ".",        "_",
                               "\x01",     "\x7f",
                               "\r",       "é",
                               "€",        "😀",
                               "\xc2\x80", "\xe2\x80\xa9",
                               "yes",      "null",
                               "1e"};
  const auto word = [&] {
    std::string text;
    for (unsigned left = below(6); left > 0; --left) text += kPieces.at(below(kPieces.size()));
    return text;
  };
  const std::function<Json(unsigned)> any = [&](unsigned depth) -> Json {
    switch (below(depth == 0 ? 5 : 7)) {
      case 0:
        return below(100);
      case 1:
        return below(2) == 0;
      case 2:
        return nullptr;
      case 5: {
        Json object = Json::object();
        for (unsigned left = below(4); left > 0; --left) object[word()] = any(depth - 1);
        return object;
      }
      case 6: {
        Json list = Json::array();
        for (unsigned left = below(4); left > 0; --left) list.push_back(any(depth - 1));
        return list;
      }
      default:
        return word();
    }
  };
  for (int round = 0; round < 3000; ++round) {
    const Json document = {{"a", any(4)}, {"b", any(3)}};
    ASSERT_EQ(there_and_back(document), document) << json_to_yaml(document.dump());
  }
}

TEST(YamlText, LongKeysAreReadToo) {
  const std::string key(5000, 'k');
  const Json document = {{"a", 1}, {key, {{key, "x"}, {"b", {{{key, 1}, {"c", 2}}}}}}, {"d", 1}};
  EXPECT_EQ(there_and_back(document), document);
}

TEST(YamlText, OnlyJsonIsTaken) {
  EXPECT_THAT([] { static_cast<void>(json_to_yaml("{")); },
              fails_with(Code::config_invalid, "no JSON"));
}

}  // namespace
}  // namespace nvhook
