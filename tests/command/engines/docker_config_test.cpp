// SPDX-License-Identifier: Apache-2.0
// Tests adding the runtime to daemon.json and removing it: all other bytes stay.
#include "command/engines/docker_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using Text = std::optional<std::string>;

std::string with(const Text& text, bool as_default = false) {
  return with_docker_runtime(text, {.as_default = as_default}, "daemon.json");
}
Text without(const Text& text) {
  return without_docker_runtime(text, kRuntimeProgram, "daemon.json");
}

TEST(DockerConfig, ANewFileIsWrittenForPeople) {
  EXPECT_EQ(with(std::nullopt), R"({
  "runtimes": {
    "nvidia": {
      "path": "nvidia-container-runtime"
    }
  }
}
)");
  EXPECT_EQ(nlohmann::json::parse(with(std::nullopt, true))["default-runtime"], "nvidia");
}

TEST(DockerConfig, AddsBehindTheOthersIndentedAsTheyAre) {
  EXPECT_EQ(
      with("{\n\t\"debug\": true,\n\t\"runtimes\": {\n\t\t\"crun\": {\"path\": \"crun\"}\n\t}\n}"),
      "{\n\t\"debug\": true,\n\t\"runtimes\": {\n\t\t\"crun\": {\"path\": \"crun\"},\n"
      "\t\t\"nvidia\": {\n\t\t\t\"path\": \"nvidia-container-runtime\"\n\t\t}\n\t}\n}");
  EXPECT_EQ(with(R"({"debug":true})"),
            R"({"debug":true, "runtimes": { "nvidia": { "path": "nvidia-container-runtime" } }})");
}

/// Texts of daemon.json as people and programs write them.
class OnAnyDaemonJson : public testing::TestWithParam<Text> {};

TEST_P(OnAnyDaemonJson, UndoBringsBackEveryByte) {
  for (const bool as_default : {false, true}) {
    const std::string text = with(GetParam(), as_default);
    const auto document = nlohmann::json::parse(text);
    EXPECT_EQ(document["runtimes"]["nvidia"]["path"], "nvidia-container-runtime");
    EXPECT_EQ(document.contains("default-runtime"), as_default);
    EXPECT_EQ(with(text, as_default), text) << "a second run";
    EXPECT_EQ(without(text), GetParam()) << text;
  }
}

TEST_P(OnAnyDaemonJson, UndoBringsBackWhatTwoRunsAdded) {
  EXPECT_EQ(without(with(with(GetParam()), true)), GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    DockerConfig, OnAnyDaemonJson,
    testing::Values(Text(), Text(""), Text("\n"), Text("{}"), Text("{}\n"), Text("{\n}\n"),
                    Text("\n {\"debug\": true}"), Text("{\"runtimes\": {}}"),
                    Text("{\n  \"runtimes\": {\n  }\n}\n"),
                    Text("{\n    \"log-opts\": {\"a\": \"},{\"},\n    \"debug\": false\n}\n"),
                    Text("{\r\n  \"debug\": true\r\n}\r\n"),
                    Text("{\"runtimes\": {\"a\": {\"path\": \"b\"}}, \"debug\": true}"),
                    Text("{\n  \"runtimes\": {\n    \"a\": {\n      \"path\": \"b\"\n    }\n  },\n"
                         "  \"debug\": true\n}\n")));

TEST(DockerConfig, UndoTakesItOutOfAFileThatWasEditedSince) {
  std::string text = with("{\n  \"debug\": true\n}\n", true);
  text.insert(text.find("\"nvidia\""), "\"crun\": {\"path\": \"crun\"},\n    ");
  text.insert(text.rfind("\n}"), ",\n  \"ip6tables\": true");
  const Text before = without(text);
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(nlohmann::json::parse(*before),
            nlohmann::json::parse(
                R"({"debug": true, "ip6tables": true, "runtimes": {"crun": {"path": "crun"}}})"));
}

TEST(DockerConfig, LeavesARuntimeThatIsThereInAnyOfItsForms) {
  for (const char* text :
       {R"({"runtimes": {"nvidia": {"args": [], "path": "nvidia-container-runtime"}}})",
        R"({"runtimes": {"nvidia": {"path": "/usr/local/bin/oci-nvidia-runtime"}}})"}) {
    EXPECT_EQ(with(text), text);
    EXPECT_EQ(without(text), text) << "setup did not write it";
  }
}

TEST(DockerConfig, ARuntimeOfAnotherPathIsTakenOutIfItIsNamed) {
  const std::string path = "/opt/bin/nvidia-container-runtime";
  for (const Text& before : {Text(), Text("{}\n"), Text("{\n  \"debug\": true\n}\n")}) {
    const std::string text = with_docker_runtime(before, {path, true}, "daemon.json");
    EXPECT_EQ(nlohmann::json::parse(text)["runtimes"]["nvidia"]["path"], path);
    EXPECT_EQ(without(text), text) << "another program";
    EXPECT_EQ(without_docker_runtime(text, path, "daemon.json"), before);
  }
}

TEST(DockerConfig, CdiIsSwitchedOnAndUndoLeavesItOn) {
  const auto cdi = [](const Text& text) { return with_docker_cdi(text, "daemon.json"); };
  EXPECT_EQ(cdi(std::nullopt), "{\n  \"features\": {\n    \"cdi\": true\n  }\n}\n");
  EXPECT_EQ(cdi(""), R"({"features":{"cdi":true}})");
  EXPECT_EQ(cdi(R"({"features": {"buildkit": true}})"),
            R"({"features": {"buildkit": true, "cdi": true}})");
  EXPECT_EQ(cdi(cdi("{\n  \"debug\": true\n}\n")), cdi("{\n  \"debug\": true\n}\n"));
  EXPECT_THAT([&] { cdi(R"({"features": {"cdi": false}})"); },
              fails_with(Code::config_invalid, "features.cdi is false"));
  const std::string both = with(cdi("{\n  \"debug\": true\n}\n"), true);
  EXPECT_EQ(without(both), cdi("{\n  \"debug\": true\n}\n"));
}

TEST(DockerConfig, ReplacesNothingThatIsThere) {
  EXPECT_THAT([] { with(R"({"runtimes": {"nvidia": {"path": "/opt/mine"}}})"); },
              fails_with(Code::config_invalid, "/opt/mine"));
  EXPECT_THAT([] { with(R"({"runtimes": {"nvidia": 7}})"); },
              fails_with(Code::config_invalid, "the runtime `nvidia` is 7"));
  EXPECT_THAT([] { with(R"({"default-runtime": "crun"})", true); },
              fails_with(Code::config_invalid, "default-runtime is \"crun\""));
}

TEST(DockerConfig, SaysWhereAFileIsMalformed) {
  const std::string broken = "{\n  \"debug\": true,\n  \"runtimes\": oops\n}\n";
  EXPECT_THAT([&] { with(broken); }, fails_with(Code::config_invalid, "daemon.json:3:15"));
  EXPECT_THAT([&] { without(broken); }, fails_with(Code::config_invalid, "daemon.json:3:15"));
  EXPECT_THAT([] { with("[1]"); }, fails_with(Code::config_invalid, "no JSON object"));
  EXPECT_THAT([] { with("{"); }, fails_with(Code::config_invalid, "daemon.json:1:"));
  EXPECT_THAT([] { with("{\"runtimes\": [1]}"); },
              fails_with(Code::config_invalid, "`runtimes` is no object"));
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "{\"a\":";
  deep += "1" + std::string(100, '}');
  EXPECT_THAT([&] { with(deep); }, fails_with(Code::config_invalid, "nested too deep"));
}

}  // namespace
}  // namespace nvhook
