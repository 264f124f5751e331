// SPDX-License-Identifier: Apache-2.0
// Tests reading an image's environment from the documents that engines print.
#include "command/engines/image_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/container_spec.hpp"
#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ImageConfig, IsOfOciOrOfDocker) {
  for (const char* text : {R"({"config":{"Env":["A=1","B"]},"rootfs":{}})",
                           R"([{"Id":"x","Config":{"Env":["A=1","B"]}}])",
                           R"({"Config":{"Env":["A=1","B"]}})", R"({"Env":["A=1","B"]})"}) {
    EXPECT_THAT(parse_image_environment(text), ElementsAre("A=1", "B")) << text;
  }
  EXPECT_THAT(parse_image_environment(R"({"config":{}})"), IsEmpty());
  EXPECT_THAT(parse_image_environment(R"({"config":{"Env":null}})"), IsEmpty());
}

TEST(ImageConfig, OtherThingsAreRefused) {
  for (const char* text :
       {"", "x", "7", "[]", "{}", R"([{"Config":{}},{"Config":{}}])", R"({"config":7})",
        R"({"config":{"Env":"A=1"}})", R"({"config":{"Env":[1]}})", R"([["Env"]])"}) {
    EXPECT_THAT([&] { static_cast<void>(parse_image_environment(text)); },
                fails_with(Code::spec_invalid, "image configuration"))
        << text;
  }
}

TEST(ImageConfig, AnEnvironmentBecomesAContainer) {
  const ContainerSpec spec = parse_spec(minimal_spec({"A=1=2", "B", "A=\xFF"}, false));
  EXPECT_EQ(spec.environment, (Environment{{"A", "\xEF\xBF\xBD"}, {"B", ""}}));
  EXPECT_FALSE(spec.privileged);
  EXPECT_TRUE(parse_spec(minimal_spec({}, true)).privileged);
}

}  // namespace
}  // namespace nvhook
