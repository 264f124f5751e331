// SPDX-License-Identifier: Apache-2.0
// Tests what is said of a container that runs without the driver that it asks for.
#include "command/containers/missing_driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MissingDriver, OfAPodWithoutTheHandlerIsToldByTheHandler) {
  const MissingDriver missing = why_missing("containerd", "{}");
  EXPECT_THAT(missing.cause, HasSubstr("neither the hook nor the runtime shim was called"));
  EXPECT_THAT(missing.remedy, HasSubstr("`runtimeClassName: nvidia`"));
  EXPECT_THAT(missing.remedy, HasSubstr("oci-nvidia setup containerd"));
  EXPECT_THAT(why_missing("CRI-O", "{}").remedy, HasSubstr("oci-nvidia setup crio"));
  EXPECT_THAT(why_missing("Docker", "{}").remedy, Not(HasSubstr("pod")));
}

TEST(MissingDriver, OfAContainerWithTheHookIsAnotherMatter) {
  for (const char* stage : {"prestart", "createRuntime"}) {
    const std::string spec = std::string(R"({"hooks":{")") + stage +
                             R"(":[{"path":"/usr/bin/other"},{"path":"/opt/oci-nvidia-hook"}]}})";
    EXPECT_THAT(why_missing("containerd", spec).cause, HasSubstr("has the hook")) << stage;
  }
  EXPECT_THAT(why_missing("", R"({"hooks":{"poststart":[{"path":"/opt/oci-nvidia-hook"}]}})").cause,
              HasSubstr("neither"));
}

TEST(MissingDriver, DockerCallsNothingWithoutGpusAndARuntimeOfOurs) {
  const auto cause = [](const ContainerSettings& settings, std::string_view daemon_json = "") {
    const auto missing = why_docker_calls_nothing(settings, daemon_json);
    return missing ? missing->cause : std::string();
  };
  EXPECT_THAT(cause({.runtime = "runc"}), HasSubstr("the runtime `runc` and without --gpus"));
  EXPECT_THAT(cause({.runtime = "runc"}, "{"), HasSubstr("`runc`"));
  EXPECT_EQ(cause({.has_gpus = true, .runtime = "runc"}), "");
  EXPECT_EQ(cause({.runtime = "nvidia"}), "");
  constexpr const char* kOthers =
      R"({"runtimes":{"gpu":{"path":"/opt/nvidia-container-runtime"},"nvidia":{"path":"/x"}}})";
  EXPECT_EQ(cause({.runtime = "gpu"}, kOthers), "");
  EXPECT_THAT(cause({.runtime = "nvidia"}, kOthers), HasSubstr("`nvidia`"));
  EXPECT_EQ(cause({.runtime = "oci"}), "") << "Podman";
  EXPECT_EQ(cause({}), "") << "an image";
}

}  // namespace
}  // namespace nvhook
