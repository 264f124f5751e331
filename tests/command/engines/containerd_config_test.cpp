// SPDX-License-Identifier: Apache-2.0
// Tests adding the handler to containerd's config.toml and removing it, for each config version.
#include "command/engines/containerd_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/toml_document.hpp"
#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using Text = std::optional<std::string>;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kProgram = "/usr/bin/nvidia-container-runtime";

std::string with(const Text& text, bool as_default = false) {
  return with_containerd_runtime(text, {.program = kProgram, .as_default = as_default},
                                 "config.toml");
}
Text without(const Text& text) { return without_containerd_runtime(text, "config.toml"); }

TEST(ContainerdConfig, ANewFileSaysItsVersion) {
  EXPECT_EQ(with(std::nullopt), R"(# Written by `oci-nvidia setup containerd`.
version = 2
# oci-nvidia setup: begin
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
  BinaryName = "/usr/bin/nvidia-container-runtime"
# oci-nvidia setup: end
)");
}

TEST(ContainerdConfig, ANewFileHasTheVersionThatContainerdKnows) {
  for (const ContainerdSupport& support :
       {ContainerdSupport{3, false}, ContainerdSupport{3, true}, ContainerdSupport{4, true}}) {
    const std::string text = with_containerd_runtime(
        std::nullopt, {.program = kProgram, .support = support}, "config.toml");
    EXPECT_THAT(text, HasSubstr("version = " + std::to_string(support.version) + "\n"));
    EXPECT_THAT(text, HasSubstr("io.containerd.cri.v1.runtime"));
    EXPECT_EQ(text.find("imports = [\"/etc/containerd/conf.d/*.toml\"]\n") != std::string::npos,
              support.imports_drop_ins);
    EXPECT_EQ(without(text), std::nullopt) << "undo";
  }
}

TEST(ContainerdConfig, ARuntimeThatAnImportedFileHasIsFound) {
  const std::string tables = "[plugins.\"io.containerd.cri.v1.runtime\".containerd";
  const NamedText root{"root", "version = 3\n"};
  const NamedText ours{"ours", "version = 3\n" + tables + "]\ndefault_runtime_name = \"nvidia\"\n" +
                                   tables +
                                   ".runtimes.nvidia.options]\nBinaryName = "
                                   "\"/usr/bin/nvidia-container-runtime\"\n"};
  const NamedText systemd{
      "systemd", "version = 3\n" + tables + ".runtimes.runc.options]\nSystemdCgroup = true\n"};
  const NamedText other{"other", "version = 3\n" + tables +
                                     ".runtimes.nvidia.options]\nBinaryName = \"/opt/mine\"\n"};
  EXPECT_EQ(imported_runtime({}).path, "");
  EXPECT_EQ(imported_runtime({ours}).path, "") << "the first is config.toml";
  EXPECT_EQ(imported_runtime({root, ours, systemd}).path, "ours");
  EXPECT_TRUE(imported_runtime({root, ours, systemd}).is_default);
  EXPECT_TRUE(imported_runtime({root, ours, systemd}).uses_systemd);
  EXPECT_FALSE(imported_runtime({root, systemd}).is_default);
  EXPECT_THAT(
      [&] {
        (void)imported_runtime({root, other});
      },
      fails_with(Code::config_invalid, "other: the runtime `nvidia` is `/opt/mine`"));
  EXPECT_THAT(with_containerd_runtime(root.text, {.program = kProgram, .uses_systemd = true},
                                      "config.toml"),
              HasSubstr("SystemdCgroup = true"));
}

TEST(ContainerdConfig, EachVersionCallsThePluginByAnotherName) {
  EXPECT_THAT(with("root = \"/r\"\n"), HasSubstr("[plugins.\"cri\".containerd.runtimes.nvidia]"));
  for (const char* text : {"version = 3\n", "version = 4\n"}) {
    EXPECT_THAT(with(text),
                HasSubstr("[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.nvidia]"));
  }
  EXPECT_THAT([] { with("version = 9\n"); }, fails_with(Code::config_invalid, "version 9"));
}

constexpr const char* kTypical = R"(version = 2
[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    sandbox_image = "pause:3" # ours
  [plugins.'io.containerd.grpc.v1.cri'.containerd] # all of it
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = true
)";
constexpr const char* kWithDefault = R"(version = 3
[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "runc" # as it came
  x = 1)";
constexpr const char* kDefaultAtTheEnd = R"(version = 2
[plugins."io.containerd.grpc.v1.cri".containerd]
  default_runtime_name = "runc")";

TEST(ContainerdConfig, TheManagerOfCgroupsIsThatOfRunc) {
  EXPECT_THAT(with(kTypical), HasSubstr("nvidia-container-runtime\"\n  SystemdCgroup = true\n#"));
  EXPECT_THAT(with("version = 2\n"), Not(HasSubstr("SystemdCgroup")));
}

TEST(ContainerdConfig, TheDefaultGoesWhereItsTableIs) {
  EXPECT_THAT(with(kTypical, true),
              HasSubstr("containerd] # all of it\n# oci-nvidia setup: begin\n"
                        "  default_runtime_name = \"nvidia\"\n# oci-nvidia setup: end\n"));
  EXPECT_THAT(with(kWithDefault, true),
              HasSubstr("# was:   default_runtime_name = \"runc\" # as it came\n"
                        "  default_runtime_name = \"nvidia\"\n"));
  EXPECT_THAT(with("version = 2\n", true),
              HasSubstr("begin\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n"
                        "  default_runtime_name = \"nvidia\"\n"));
}

class OnAnyConfig : public testing::TestWithParam<Text> {};

TEST_P(OnAnyConfig, UndoBringsBackEveryByte) {
  for (const bool as_default : {false, true}) {
    const std::string text = with(GetParam(), as_default);
    EXPECT_EQ(with(text, as_default), text) << "a second run";
    EXPECT_EQ(without(text), GetParam()) << text;
  }
  EXPECT_EQ(without(with(with(GetParam()), true)), GetParam()) << "two runs";
  EXPECT_EQ(without(GetParam()), GetParam()) << "nothing to undo";
}

INSTANTIATE_TEST_SUITE_P(ContainerdConfig, OnAnyConfig,
                         testing::Values(Text(), Text(""), Text("\n"), Text("version = 2"),
                                         Text("disabled_plugins = [\"cri\"]\n"), Text(kTypical),
                                         Text(kWithDefault), Text(kDefaultAtTheEnd)));

TEST(ContainerdConfig, UndoKeepsWhatWasAddedBehindTheBlock) {
  EXPECT_EQ(without(with("version = 2\n") + "[grpc]\n  gid = 7\n"),
            "version = 2\n[grpc]\n  gid = 7\n");
}

TEST(ContainerdConfig, LeavesAHandlerThatIsThereAndReplacesNoOther) {
  const std::string head =
      "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes."
      "nvidia.options]\nBinaryName = ";
  const std::string ours = head + "\"/usr/local/nvidia/toolkit/nvidia-container-runtime\"\n";
  EXPECT_EQ(with(ours), ours);
  EXPECT_EQ(without(ours), ours);
  EXPECT_THAT([&] { with(head + "\"/opt/mine\"\n"); },
              fails_with(Code::config_invalid, "`/opt/mine`"));
}

TEST(ContainerdConfig, RefusesWhatItCannotAddTo) {
  const char* const inline_tables =
      "version = 2\nplugins = {\"io.containerd.grpc.v1.cri\" = {containerd = {}}}\n";
  EXPECT_THAT([&] { with(inline_tables); }, fails_with(Code::config_invalid, "none can be added"));
  EXPECT_THAT([] { with("version = 2\n[plugins\n"); },
              fails_with(Code::config_invalid, "config.toml:2:"));
  EXPECT_THAT([] { without("# oci-nvidia setup: begin\n"); },
              fails_with(Code::config_invalid, "config.toml:1: `# oci-nvidia setup: begin`"));
}

TEST(ContainerdConfig, TellsThatTheCriPluginIsOff) {
  EXPECT_TRUE(disables_cri("disabled_plugins = [\"cri\"]\n", "f"));
  EXPECT_TRUE(disables_cri("version=2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n", "f"));
  EXPECT_FALSE(disables_cri("disabled_plugins = [\"aufs\"]\n", "f"));
  EXPECT_FALSE(disables_cri("", "f"));
}

TEST(ContainerdConfig, CdiIsSwitchedOnWhereTheVersionNeedsIt) {
  const auto cdi = [](const std::string& text) { return with_containerd_cdi(text, "config.toml"); };
  const std::string name = "io.containerd.grpc.v1.cri";
  const std::string header = "[plugins.\"" + name + "\"]\n";
  for (const std::string& text :
       {std::string("version = 2\n"), "version = 2\n" + header + "  sandbox_image = \"x\"\n",
        "version = 2\n" + header + "  enable_cdi = false\n"}) {
    const std::string edited = cdi(text);
    EXPECT_TRUE(parse_toml(edited, "f")["plugins"][name]["enable_cdi"].value_or(false)) << edited;
    EXPECT_EQ(cdi(edited), edited);
    EXPECT_EQ(without_containerd_runtime(edited, "config.toml"), text);
  }
  EXPECT_EQ(cdi("version = 3\n"), "version = 3\n") << "it is on by default";
}

}  // namespace
}  // namespace nvhook
