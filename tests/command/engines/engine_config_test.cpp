// SPDX-License-Identifier: Apache-2.0
// Tests parsing the configuration files of container engines, and the errors for malformed ones.
#include "command/engines/engine_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/error.hpp"

namespace nvhook {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

template <typename Parse>
std::string fault_of(Parse parse, std::string_view text) {
  try {
    static_cast<void>(parse(text, "file"));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::config_invalid);
    return error.what();
  }
  return {};
}

TEST(EngineConfig, OfDocker) {
  EXPECT_THAT(parse_daemon_json(R"({"runtimes": {"nvidia": {"path": "nvidia-container-runtime"},
                                     "odd": 7}, "debug": true})",
                                "file")
                  .runtimes,
              ElementsAre(RuntimeEntry{"nvidia", "nvidia-container-runtime"}));
  EXPECT_EQ(parse_daemon_json("{}", "file"), EngineConfig{});
}

TEST(EngineConfig, OfDockerSaysWhetherItReadsCdiSpecifications) {
  const auto cdi_of = [](const char* text) { return parse_daemon_json(text, "file").cdi; };
  EXPECT_EQ(cdi_of(R"({"features": {"cdi": false}})"), false);
  EXPECT_EQ(cdi_of(R"({"features": {"cdi": true}, "runtimes": {}})"), true);
  for (const char* text : {R"({"features": {"cdi": "no"}})", R"({"features": ["cdi"]})", "{}"}) {
    EXPECT_EQ(cdi_of(text), std::nullopt) << text;
  }
  EXPECT_EQ(overlaid({.cdi = true}, {.cdi = false}).cdi, false);
  EXPECT_EQ(overlaid({.cdi = false}, {}).cdi, false);
}

TEST(EngineConfig, OfPodman) {
  const EngineConfig config = parse_containers_conf(
      "[engine]\nhooks_dir = ['/a', '/b']\n[engine.runtimes]\nnvidia = ['/usr/bin/n', '/x']\n",
      "file");
  EXPECT_THAT(*config.hook_directories, ElementsAre("/a", "/b"));
  EXPECT_THAT(config.runtimes, ElementsAre(RuntimeEntry{"nvidia", "/usr/bin/n"}));
  EXPECT_FALSE(parse_containers_conf("[engine]\n", "file").hook_directories.has_value());
}

TEST(EngineConfig, OfCrio) {
  const EngineConfig config = parse_crio_conf(
      "[crio.runtime]\nhooks_dir = ['/a']\n[crio.runtime.runtimes.nvidia]\nruntime_path = '/n'\n",
      "file");
  EXPECT_THAT(*config.hook_directories, ElementsAre("/a"));
  EXPECT_THAT(config.runtimes, ElementsAre(RuntimeEntry{"nvidia", "/n"}));
}

TEST(EngineConfig, OfContainerdInBothVersions) {
  for (const char* plugin : {"io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"}) {
    const EngineConfig config = parse_containerd_config(
        "imports = ['conf.d/*.toml']\n[plugins.'" + std::string(plugin) +
            "'.containerd.runtimes.nvidia]\nbase_runtime_spec = '/b.json'\n[plugins.'" + plugin +
            "'.containerd.runtimes.nvidia.options]\nBinaryName = '/n'\n",
        "file");
    EXPECT_THAT(config.runtimes, ElementsAre(RuntimeEntry{"nvidia", "/n"}));
    EXPECT_THAT(config.base_specs, ElementsAre("/b.json"));
    EXPECT_THAT(config.imports, ElementsAre("conf.d/*.toml"));
  }
}

TEST(EngineConfig, ALaterFileCountsMore) {
  const EngineConfig first{.hook_directories = {{"/a"}}, .runtimes = {{"nvidia", "/1"}}};
  const EngineConfig second{.runtimes = {{"nvidia", "/2"}}};
  const EngineConfig both = overlaid(first, second);
  EXPECT_THAT(*both.hook_directories, ElementsAre("/a"));
  EXPECT_THAT(both.runtimes, ElementsAre(RuntimeEntry{"nvidia", "/2"}));
}

TEST(EngineConfig, AMalformedFileIsNamedWithLineAndColumn) {
  EXPECT_THAT(
      fault_of(parse_daemon_json, "{\n  \"a\": }\n"),
      AllOf(StartsWith("file: parse error at line 2, column 8"), HasSubstr("syntax error")));
  EXPECT_EQ(fault_of(parse_daemon_json, "[]"), "file: no JSON object");
  EXPECT_EQ(fault_of(parse_daemon_json,
                     std::string(100, '[').insert(0, "{\"a\":") + std::string(100, ']') + "}"),
            "file: nested too deeply");
  for (const auto parse : {parse_containers_conf, parse_crio_conf, parse_containerd_config}) {
    EXPECT_THAT(fault_of(parse, "a = 1\nb = [\n"), StartsWith("file:"));
  }
}

}  // namespace
}  // namespace nvhook
