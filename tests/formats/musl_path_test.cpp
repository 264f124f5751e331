// SPDX-License-Identifier: Apache-2.0
// Lines of musl's path file come and go; those of the image stay.
#include "formats/musl_path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using testing::ElementsAre;

const ContainerPath kLibraries("/usr/lib64");
const ContainerPath kMore("/opt/lib");

TEST(MuslPath, HasDirectoriesInLinesOfTheirOwn) {
  EXPECT_EQ(extend_musl_path(std::nullopt, {kLibraries}),
            "/lib:/usr/local/lib:/usr/lib\n/usr/lib64\n");
  EXPECT_EQ(extend_musl_path("/lib", {kLibraries, kMore}), "/lib\n/usr/lib64\n/opt/lib\n");
  EXPECT_EQ(extend_musl_path("/usr/lib64:/lib", {kLibraries, kMore, kMore}),
            "/usr/lib64:/lib\n/opt/lib\n");
}

TEST(MuslPath, LacksWhatNoLineAndNoPartOfOneIs) {
  EXPECT_THAT(missing_in_musl_path("/lib:/opt/lib\n", {kLibraries, kMore}),
              ElementsAre(kLibraries));
  EXPECT_THAT(missing_in_musl_path(std::nullopt, {ContainerPath("/usr/lib"), kMore}),
              ElementsAre(kMore));
}

TEST(MuslPath, IsAsBeforeWithoutTheLines) {
  for (const std::string before : {"/lib:/usr/lib64:/usr/lib\n", "", "/a\n/b\n"}) {
    EXPECT_EQ(shrink_musl_path(before + "/opt/lib\n", {kMore}), before);
  }
  EXPECT_EQ(shrink_musl_path("/opt/lib:/lib\n/opt/library\n/opt/lib", {kMore}),
            "/opt/lib:/lib\n/opt/library\n");
}

}  // namespace
}  // namespace nvhook
