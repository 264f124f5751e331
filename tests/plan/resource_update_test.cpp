// SPDX-License-Identifier: Apache-2.0
// Updates of resources as containerd and people write them, for containers with GPUs.
#include "plan/resource_update.hpp"

#include <gtest/gtest.h>

#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

const std::string kDeny = R"({"allow":false,"access":"rwm"})";
const std::string kNull = R"({"allow":true,"type":"c","major":1,"minor":3,"access":"rwm"})";
const std::string kGpu = R"({"allow":true,"type":"c","major":195,"minor":2,"access":"rw"})";
const std::string kControl = R"({"allow":true,"type":"c","major":195,"minor":255,"access":"rw"})";

std::string spec(const std::string& rules,
                 const std::string& arguments = R"("oci-nvidia-hook","-complete")") {
  return R"({"linux":{"resources":{"devices":[)" + rules +
         R"(]}},"hooks":{"createRuntime":[{"path":"/usr/bin/oci-nvidia-hook","args":[)" +
         arguments + R"(]}]}})";
}

std::string kept(const std::string& resources) {
  return keep_devices(resources, spec(kDeny + "," + kNull + "," + kGpu + ", " + kControl));
}

TEST(ResourceUpdate, KeepsTheDevicesThatContainerdDoesNotKnow) {
  EXPECT_EQ(kept(R"({"devices":[)" + kDeny + R"(],"memory":{},"cpu":{"cpus":"0-1"}})"),
            R"({"devices":[)" + kDeny + "," + kNull + "," + kGpu + "," + kControl +
                R"(],"memory":{},"cpu":{"cpus":"0-1"}})");
}

TEST(ResourceUpdate, AddsOnlyWhatIsDenied) {
  const std::string all =
      R"({"devices":[)" + kDeny + "," + kControl + "," + kGpu + "," + kNull + "]}";
  EXPECT_EQ(kept(all), all);
  const std::string one = R"({"devices":[)" + kDeny + "," + kGpu + "," + kNull + "]}";
  EXPECT_EQ(kept(one),
            R"({"devices":[)" + kDeny + "," + kGpu + "," + kNull + "," + kControl + "]}");
  const std::string privileged = R"({"devices":[{"allow":true,"access":"rwm"}]})";
  EXPECT_EQ(kept(privileged), privileged);
}

TEST(ResourceUpdate, WithoutDeviceRulesStaysAsItIs) {
  for (const char* text : {R"({"cpu":{"shares":12345678901234567890}})", R"({ "devices" : [] })",
                           R"({"devices":null})", "{}\n"}) {
    EXPECT_EQ(kept(text), text);
  }
}

TEST(ResourceUpdate, OfAContainerThatWasNotEditedStaysAsItIs) {
  const std::string update = R"({"devices":[)" + kDeny + "]}";
  EXPECT_EQ(keep_devices(update, spec(kDeny + "," + kGpu, R"("oci-nvidia-hook","createRuntime")")),
            update);
  EXPECT_EQ(keep_devices(update, "{}"), update);
}

TEST(ResourceUpdate, KeepsNoDeviceThatConfigJsonDenies) {
  const std::string update = R"({"devices":[)" + kDeny + "]}";
  const std::string denied = R"({"allow":false,"type":"c","major":195,"minor":2,"access":"rw"})";
  EXPECT_EQ(keep_devices(update, spec(kDeny + "," + kGpu + "," + denied)), update);
}

TEST(ResourceUpdate, ThatIsMalformedIsAnError) {
  for (const char* text :
       {"", "[]", R"({"devices":{}})", R"({"devices":[1]})", R"({"devices":[)"}) {
    EXPECT_THAT([&] { static_cast<void>(kept(text)); }, fails_with(Code::spec_invalid, "")) << text;
  }
}

}  // namespace
}  // namespace nvhook
