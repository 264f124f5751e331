// SPDX-License-Identifier: Apache-2.0
// Tests command lines as containerd, Podman, CRI-O and people write them.
#include "oci/runtime_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "text/text.hpp"

namespace nvhook {
namespace {

struct Line {
  const char* name = nullptr;
  const char* words = nullptr;
  RuntimeCommand command = {};
};

RuntimeCommand parse(std::string_view words) {
  const auto pieces = split_list(words, ' ');
  return parse_runtime_command({pieces.begin(), pieces.end()});
}

TEST(RuntimeShim, HasTheNamesOfNvidiasRuntime) {
  for (const char* name : {"nvidia-container-runtime", "nvidia-container-runtime.cdi",
                           "nvidia-container-runtime.legacy", "nvidia-container-runtime.real",
                           "nvidia-container-runtime.cdi.real", "oci-nvidia-runtime"}) {
    EXPECT_TRUE(is_runtime_shim(name)) << name;
  }
  for (const char* name : {"nvidia-container-runtime-hook", "nvidia-container-runtime.hook",
                           "nvidia-container-runtime-hook.real", "oci-nvidia-hook", ".real", ""}) {
    EXPECT_FALSE(is_runtime_shim(name)) << name;
  }
}

TEST(RuntimeShim, HasTheModeThatItsNameSays) {
  for (const char* wrapped : {"", ".real"}) {
    const std::string name = "nvidia-container-runtime";
    EXPECT_EQ(mode_of_shim(name + ".cdi" + wrapped), RuntimeMode::cdi);
    EXPECT_EQ(mode_of_shim(name + ".legacy" + wrapped), RuntimeMode::legacy);
    EXPECT_EQ(mode_of_shim(name + wrapped), std::nullopt);
  }
  EXPECT_EQ(mode_of_shim("oci-nvidia-runtime"), std::nullopt);
}

class Lines : public ::testing::TestWithParam<Line> {};

TEST_P(Lines, AreUnderstood) { EXPECT_EQ(parse(GetParam().words), GetParam().command); }

RuntimeCommand makes(const std::string& bundle) {
  return {.makes_container = true, .bundle = bundle};
}

RuntimeCommand on(const std::vector<std::string>& operands) { return {.operands = operands}; }

INSTANTIATE_TEST_SUITE_P(
    RuntimeCommand, Lines,
    ::testing::Values(
        Line{"Containerd",
             "--root /run/containerd/runc/k8s.io --log /run/b/log.json --log-format json "
             "--systemd-cgroup create --bundle /run/b --pid-file /run/b/init.pid abc",
             {.makes_container = true,
              .bundle = "/run/b",
              .log = "/run/b/log.json",
              .log_is_json = true,
              .root = "/run/containerd/runc/k8s.io"}},
        Line{"Podman",
             "--systemd-cgroup --log-format=json --log /run/oci-log create --bundle /b "
             "--pid-file=/p --console-socket /c abc",
             {.makes_container = true, .bundle = "/b", .log = "/run/oci-log", .log_is_json = true}},
        Line{"RunInThisDirectory", "run abc", makes(".")},
        Line{"ShortBundle", "create -b /b abc", makes("/b")},
        Line{"ShortBundleWithEquals", "create -b=/b abc", makes("/b")},
        Line{"OneDash", "create -bundle /b abc", makes("/b")},
        Line{"TheLastBundleCounts", "create --bundle /a --bundle=/b abc", makes("/b")},
        Line{"BundleAfterTheName", "create abc --bundle /b", makes("/b")},
        Line{"BundleWithoutValue", "create abc --bundle", makes(".")},
        Line{"ABundleThatIsCalledCreate", "create --bundle create abc", makes("create")},
        Line{"AContainerThatIsCalledCreate", "start create", on({"create"})},
        Line{"ARootThatIsCalledCreate",
             "--root create state abc",
             {.root = "create", .operands = {"abc"}}},
        Line{"ALogThatIsCalledRun", "--log run delete abc", {.log = "run", .operands = {"abc"}}},
        Line{"UpdateOfContainerd",
             "--root /r update --resources=- abc",
             {.root = "/r", .operands = {"abc"}, .resources = "-"}},
        Line{"UpdateWithAFile",
             "update --memory 4 -r /f abc",
             {.operands = {"abc"}, .resources = "/f"}},
        Line{"UpdateByOptions", "update --cpuset-cpus 0-1 abc", on({"abc"})},
        Line{"ResourcesOfAnotherCommand", "delete -r abc", on({"abc"})},
        Line{"Exec", "exec --user web --process /p -d abc sh -c", on({"abc", "sh"})},
        Line{"ExecAfterDashes", "exec -- abc sh", on({"abc", "sh"})},
        Line{"KillWithItsSignal", "kill --all abc 9", on({"abc", "9"})},
        Line{"AnUnknownOptionWithAValue", "--new-option value create --bundle /b abc", makes("/b")},
        Line{"BundleOfAnotherCommand", "restore --bundle /b abc", {}},
        Line{"Version", "--version", {.wants_version = true}}, Line{"NoWords", "", {}}),
    [](const auto& row) { return row.param.name; });

TEST(ResourcesOnStandardInput, TakeThePlaceOfTheFile) {
  const auto changed = [](std::string_view words) {
    const auto pieces = split_list(words, ' ');
    return join(with_resources_on_standard_input({pieces.begin(), pieces.end()}), " ");
  };
  EXPECT_EQ(changed("--root /r update --resources /f abc"), "--root /r update --resources - abc");
  EXPECT_EQ(changed("update -r=/f --memory=4 abc"), "update -r=- --memory=4 abc");
  EXPECT_EQ(changed("update --resources=- abc"), "update --resources=- abc");
  EXPECT_EQ(changed("-r /f update abc"), "-r /f update abc");
}

TEST(RuntimeLog, IsJsonThatContainerdReads) {
  const std::string entry =
      runtime_log_entry("NVH-0202: `\"`: \\ unknown\n", "2026-01-02T03:04:05Z", true);
  const auto json = nlohmann::json::parse(entry);
  EXPECT_EQ(json.at("level"), "error");
  EXPECT_EQ(json.at("msg"), "NVH-0202: `\"`: \\ unknown\n");
  EXPECT_EQ(json.at("time"), "2026-01-02T03:04:05Z");
  EXPECT_EQ(entry.find('\n'), entry.size() - 1);
}

TEST(RuntimeLog, IsTextAsRuncWritesIt) {
  EXPECT_EQ(runtime_log_entry("a \"b\"", "2026-01-02T03:04:05Z", false),
            "time=\"2026-01-02T03:04:05Z\" level=error msg=\"a \\\"b\\\"\"\n");
}

TEST(RuntimeLog, TakesAnyBytes) {
  EXPECT_TRUE(nlohmann::json::accept(runtime_log_entry("\xff", "now", true)));
}

}  // namespace
}  // namespace nvhook
