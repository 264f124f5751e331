// SPDX-License-Identifier: Apache-2.0
// Tests what `explain` shows of a driver that the engine gave by CDI.
#include "command/explain/given_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const GivenDriver kGiven{
    .nodes = {"/dev/nvidiactl", "/dev/nvidia0"},
    .files = {"/a/libcuda.so.1", "/a/libnvidia-ml.so.1", "/b/nvidia-smi", "/b/nvidia-debugdump"},
    .own_hooks = {{"createRuntime", "/x/oci-nvidia-hook", {"oci-nvidia-hook", "-cdi=all"}}},
    .nvidia_hooks = {{"createContainer",
                      "/usr/bin/nvidia-cdi-hook",
                      {"nvidia-cdi-hook", "update-ldcache", "--folder", "/a"}}},
    .names = {{"cdi.k8s.io/x", "nvidia.com/gpu=0"}}};

TEST(GivenView, TellsWhichSpecificationGaveWhat) {
  const std::string text = given_text(kGiven, {});
  EXPECT_THAT(text,
              StartsWith("\nGiven by CDI, as far as config.json tells\n  Asked for  nvidia."));
  for (const char* part :
       {"annotation cdi.k8s.io/x\n", "  Devices    /dev/nvidiactl, /dev/nvidia0\n",
        "  Files      /a/libcuda.so.1, /a/libnvidia-ml.so.1, /b/nvidia-smi, and 1 more\n",
        "  Hook       /x/oci-nvidia-hook -cdi=all  ",
        "at createRuntime, of a specification of `oci-nvidia cdi generate`\n",
        "  Hook       /usr/bin/nvidia-cdi-hook update-ldcache --folder /a  ",
        "at createContainer, of a specification of NVIDIA's form\n"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(GivenView, IsJsonWithEverything) {
  const Json json = given_json(kGiven);
  EXPECT_EQ(json["files"].size(), 4U);
  EXPECT_EQ(json["devices"][1], "/dev/nvidia0");
  EXPECT_EQ(json["hooks"][0]["writer"], "oci-nvidia");
  EXPECT_EQ(json["hooks"][1]["writer"], "nvidia");
  EXPECT_EQ(json["hooks"][1]["arguments"][1], "update-ldcache");
  EXPECT_EQ(json["names"]["cdi.k8s.io/x"], "nvidia.com/gpu=0");
}

}  // namespace
}  // namespace nvhook
