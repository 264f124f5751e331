// SPDX-License-Identifier: Apache-2.0
// Tests what is read of the documents that engines print and keep, and the config.json made of it.
#include "command/engines/container_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/container_spec.hpp"
#include "plan/spec_hooks.hpp"
#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ContainerSettings, IsOfOciOrOfDocker) {
  for (const char* text : {R"({"config":{"Env":["A=1","B"]},"rootfs":{}})",
                           R"([{"Id":"x","Config":{"Env":["A=1","B"]}}])",
                           R"({"Config":{"Env":["A=1","B"]}})", R"({"Env":["A=1","B"]})"}) {
    EXPECT_THAT(parse_container_settings(text).environment, ElementsAre("A=1", "B")) << text;
  }
  EXPECT_THAT(parse_container_settings(R"({"config":{}})").environment, IsEmpty());
  EXPECT_THAT(parse_container_settings(R"({"config":{"Env":null}})").environment, IsEmpty());
}

TEST(ContainerSettings, OtherThingsAreRefused) {
  for (const char* text :
       {"", "x", "7", "[]", "{}", R"([{"Config":{}},{"Config":{}}])", R"({"config":7})",
        R"({"config":{"Env":"A=1"}})", R"({"config":{"Env":[1]}})", R"([["Env"]])"}) {
    EXPECT_THAT([&] { static_cast<void>(parse_container_settings(text)); },
                fails_with(Code::spec_invalid, "image or container"))
        << text;
  }
}

TEST(ContainerSettings, AnEnvironmentBecomesAContainer) {
  const ContainerSpec spec = parse_spec(minimal_spec({.environment = {"A=1=2", "B", "A=\xFF"}}));
  EXPECT_EQ(spec.environment, (Environment{{"A", "\xEF\xBF\xBD"}, {"B", ""}}));
  EXPECT_FALSE(spec.privileged);
  EXPECT_TRUE(parse_spec(minimal_spec({.has_sys_admin = true})).privileged);
}

ContainerSettings with_request(const std::string& request) {
  return parse_container_settings(
      R"([{"Name":"/gg","Config":{"Env":["A=1"]},"HostConfig":{"DeviceRequests":[)" + request +
      "]}}]");
}

TEST(ContainerSettings, GpusBecomeTheVariablesThatDockerSets) {
  const auto variables = [](const std::string& request) {
    return with_request(request).gpus_environment;
  };
  EXPECT_THAT(variables(R"({"Driver":"","Count":-1,"Capabilities":[["gpu"]]})"),
              ElementsAre("NVIDIA_VISIBLE_DEVICES=all"));
  EXPECT_THAT(
      variables(R"({"Count":2,"Capabilities":[["gpu","utility","video"]]})"),
      ElementsAre("NVIDIA_VISIBLE_DEVICES=0,1", "NVIDIA_DRIVER_CAPABILITIES=utility,video"));
  EXPECT_THAT(variables(R"({"DeviceIDs":["0","GPU-1"],"Capabilities":[["tpu"],["nvidia"]]})"),
              ElementsAre("NVIDIA_VISIBLE_DEVICES=0,GPU-1"));
  EXPECT_THAT(variables(R"({"Count":-1,"Capabilities":[["tpu"]]})"), IsEmpty());
  EXPECT_THAT(variables(R"({"Driver":"amd","Count":-1,"Capabilities":[["gpu"]]})"), IsEmpty());
  const ContainerSettings settings = with_request(R"({"Count":1,"Capabilities":[["gpu"]]})");
  EXPECT_EQ(settings.name, "gg");
  EXPECT_EQ(parse_spec(minimal_spec(settings)).environment,
            (Environment{{"A", "1"}, {"NVIDIA_VISIBLE_DEVICES", "0"}}));
  EXPECT_TRUE(has_gpus_hook(minimal_spec(settings)));
}

TEST(ContainerSettings, DevicesByCdiAreTheEngines) {
  const ContainerSettings settings =
      with_request(R"({"Driver":"cdi","DeviceIDs":["nvidia.com/gpu=0"]})");
  EXPECT_THAT(settings.cdi_devices, ElementsAre("nvidia.com/gpu=0"));
  EXPECT_FALSE(settings.has_gpus);
}

TEST(ContainerSettings, DockersFilesSayWhyTheLastStartFailed) {
  const ContainerSettings settings = parse_docker_files(
      R"({"Name":"/web","Config":{"Env":[]},"State":{"Error":"runc create failed: stderr: )"
      R"(oci-nvidia-hook: NVH-0202: `9`: unknown device. Try: all.\n: unknown"}})",
      R"({"Runtime":"runc","Privileged":true,"Binds":["/dev/null:/var/run/x/0:ro"],)"
      R"("Mounts":[{"Type":"bind","Source":"/a","Target":"/b"}],"DeviceRequests":null})");
  EXPECT_EQ(settings.failure, "NVH-0202: `9`: unknown device. Try: all.");
  EXPECT_EQ(settings.runtime, "runc");
  const ContainerSpec spec = parse_spec(minimal_spec(settings));
  EXPECT_TRUE(spec.privileged);
  EXPECT_THAT(spec.mounts,
              ElementsAre(SpecMount{"/dev/null", "/var/run/x/0"}, SpecMount{"/a", "/b"}));
}

TEST(ContainerSettings, DamagedFilesAreRefused) {
  for (const char* host_config : {"", "{"}) {
    EXPECT_THAT([&] { static_cast<void>(parse_docker_files(R"({"Config":{}})", host_config)); },
                fails_with(Code::spec_invalid, "not JSON"));
  }
}

}  // namespace
}  // namespace nvhook
