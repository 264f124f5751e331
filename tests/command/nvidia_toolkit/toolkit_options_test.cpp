// SPDX-License-Identifier: Apache-2.0
// Tests the options of `nvidia-toolkit` as NVIDIA's GPU operator gives them, and what follows.
#include "command/nvidia_toolkit/toolkit_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/nvidia_toolkit/toolkit_layout.hpp"
#include "command/shell/command.hpp"
#include "config/config.hpp"

namespace nvhook {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// As the operator's DaemonSet and its script do, for containerd with CDI.
const CtkEnvironment kOperators{
    {"ROOT", "/usr/local/nvidia"},
    {"RUNTIME", "containerd"},
    {"RUNTIME_CONFIG", "/runtime/config-dir/config.toml"},
    {"RUNTIME_DROP_IN_CONFIG", "/runtime/config-dir.d/99-nvidia.toml"},
    {"RUNTIME_DROP_IN_CONFIG_HOST_PATH", "/etc/containerd/conf.d/99-nvidia.toml"},
    {"RUNTIME_SOCKET", "/runtime/sock-dir/containerd.sock"},
    {"CONTAINERD_RUNTIME_CLASS", "nvidia"},
    {"NVIDIA_RUNTIME_SET_AS_DEFAULT", "false"},
    {"CDI_ENABLED", "true"},
    {"NVIDIA_CONTAINER_RUNTIME_MODE", "cdi"},
    {"NVIDIA_CONTAINER_RUNTIME_MODES_CDI_DEFAULT_KIND", "management.nvidia.com/gpu"},
    {"NVIDIA_CONTAINER_RUNTIME_MODES_CDI_ANNOTATION_PREFIXES", "nvidia.cdi.k8s.io/"},
    {"NVIDIA_DRIVER_ROOT", "/"},
    {"DRIVER_ROOT_CTR_PATH", "/host"},
    {"TOOLKIT_PID_FILE", "/run/nvidia/toolkit/toolkit.pid"}};

CtkEnvironment with(const char* name, const char* value) {
  CtkEnvironment environment = kOperators;
  environment[name] = value;
  return environment;
}

TEST(ToolkitOptions, AreThoseOfTheOperator) {
  const ToolkitOptions options = parse_toolkit_options({"/usr/local/nvidia"}, kOperators);
  EXPECT_EQ(options.engine, "containerd");
  EXPECT_EQ(options.engine_config, "/runtime/config-dir/config.toml");
  EXPECT_EQ(options.drop_in_on_host, "/etc/containerd/conf.d/99-nvidia.toml");
  EXPECT_EQ(options.socket, "/runtime/sock-dir/containerd.sock");
  EXPECT_EQ(options.driver_root, "/");
  EXPECT_TRUE(options.cdi);
  EXPECT_FALSE(options.set_default);
  EXPECT_TRUE(options.accept_variables);
  EXPECT_THAT(options.annotation_prefixes, ElementsAre("nvidia.cdi.k8s.io/"));
  EXPECT_THAT(options.warnings, ElementsAre(HasSubstr("--driver-root-ctr-path")));
}

TEST(ToolkitOptions, OfTheCommandLineCountMore) {
  const ToolkitOptions options =
      parse_toolkit_options({"--root=/opt", "--runtime", "crio", "-n"}, kOperators);
  EXPECT_EQ(options.engine, "crio");
  EXPECT_EQ(toolkit_directory(options), "/opt/toolkit");
  EXPECT_TRUE(options.no_daemon);
}

TEST(ToolkitOptions, ThatCannotBeCarriedOutAreRefused) {
  const auto parse = [](const CtkEnvironment& environment) {
    return [environment] { static_cast<void>(parse_toolkit_options({}, environment)); };
  };
  EXPECT_THAT(parse(with("RUNTIME", "docker")),
              ThrowsMessage<UsageFault>(HasSubstr("containerd or crio, not `docker`")));
  EXPECT_THAT(parse(with("CONTAINERD_RUNTIME_CLASS", "gpu")),
              ThrowsMessage<UsageFault>(HasSubstr("not `gpu`")));
  EXPECT_THAT(parse(with("ENABLE_NRI_PLUGIN", "true")),
              ThrowsMessage<UsageFault>(HasSubstr("cdi.nriPluginEnabled=false")));
  EXPECT_THAT(parse(with("ROOT", "relative")),
              ThrowsMessage<UsageFault>(HasSubstr("not `relative`")));
}

TEST(ToolkitOptions, BecomeAConfigurationThatTheHookTakes) {
  const std::string text = toolkit_settings(
      parse_toolkit_options({}, with("NVIDIA_CONTAINER_RUNTIME_RUNTIMES", "/usr/bin/crun,runc")));
  const Config config = parse_config(text, "config.toml").config;
  EXPECT_TRUE(config.accept_envvar_when_unprivileged);
  EXPECT_FALSE(config.accept_volume_mounts);
  EXPECT_EQ(config.driver_root, "/");
  EXPECT_EQ(config.mode, RuntimeMode::cdi);
  EXPECT_THAT(config.low_level_runtimes, ElementsAre("/usr/bin/crun", "runc"));
  EXPECT_THAT(config.annotation_prefixes, ElementsAre("nvidia.cdi.k8s.io/"));
}

TEST(ToolkitLayout, HasEachRuntimeBehindAScript) {
  const auto programs = toolkit_programs(parse_toolkit_options({}, kOperators));
  for (const char* name : {"nvidia-ctk", "nvidia-cdi-hook", "nvidia-container-cli",
                           "nvidia-container-toolkit", "nvidia-container-runtime-hook.real",
                           "nvidia-container-runtime.real", "nvidia-container-runtime.cdi.real",
                           "nvidia-container-runtime.legacy.real", "oci-nvidia-probe"}) {
    EXPECT_THAT(programs, Contains(Field(&NodeProgram::name, name)));
  }
  for (const NodeProgram& program : programs) {
    if (program.text.empty()) continue;
    EXPECT_THAT(program.text,
                HasSubstr("exec /usr/local/nvidia/toolkit/" + program.name + ".real"));
    EXPECT_THAT(program.text, HasSubstr(".config/nvidia-container-runtime/config.toml"));
    const bool is_hook = program.name == "nvidia-container-runtime-hook";
    EXPECT_EQ(program.text.find("exec runc") == std::string::npos, is_hook) << program.name;
  }
}

TEST(ToolkitLayout, QuotesADirectoryForTheShell) {
  const auto programs = toolkit_programs(parse_toolkit_options({"--root=/a b"}, kOperators));
  EXPECT_THAT(programs,
              Contains(Field(&NodeProgram::text,
                             HasSubstr("exec '/a b/toolkit/nvidia-container-runtime.real'"))));
}

}  // namespace
}  // namespace nvhook
