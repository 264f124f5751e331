// SPDX-License-Identifier: Apache-2.0
// Which directories of a container will be its own, predicted from its config.json and its image.
#include "image/spec_layer.hpp"

#include <gmock/gmock.h>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using Kind = SpecMount::Kind;

class SpecLayerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    image_.directory("/usr/lib");
    image_.directory("/vol/inside");
    image_.link("/lib", "usr/lib");
    image_.link("/into", "/vol/libs");
    image_.link("/vol/inside/back", "/usr/lib");
    image_.link("/through", "/vol/inside/back");
    image_.link("/loop", "/loop");
    root_ = open_root(image_.path(), FileOwner::image);
  }

  [[nodiscard]] std::string obstacle(const std::string& path) const {
    return SpecLayer(spec_, &*root_).obstacle_at(ContainerPath(path)).value_or("");
  }

  test::TemporaryDirectory image_ = {};
  std::optional<RootDir> root_ = {};
  ContainerSpec spec_ = {};
};

TEST_F(SpecLayerTest, WithoutVolumesAllIsTheContainersOwn) {
  for (const char* path : {"/usr/lib", "/lib", "/into", "/new/directory", "/loop/x", "/"}) {
    EXPECT_EQ(obstacle(path), "") << path;
  }
}

TEST_F(SpecLayerTest, LinksOfTheImageAreFollowedToVolumes) {
  spec_.mounts = {{.source = "/srv", .destination = "/vol", .kind = Kind::volume}};
  EXPECT_EQ(obstacle("/vol/libs"), "lies on the volume `/vol` (from `/srv`)");
  EXPECT_THAT(obstacle("/into"), HasSubstr("`/vol`"));
  EXPECT_THAT(obstacle("/through"), HasSubstr("`/vol`"))
      << "what the volume has there is not what the image has";
  EXPECT_EQ(obstacle("/usr/lib"), "");
}

TEST_F(SpecLayerTest, ADestinationMayBeALinkOfTheImage) {
  spec_.mounts = {{.source = "/srv", .destination = "/lib", .kind = Kind::volume}};
  EXPECT_NE(obstacle("/usr/lib"), "");
}

TEST_F(SpecLayerTest, TheLastMountCounts) {
  spec_.mounts = {{.source = "/srv", .destination = "/vol", .kind = Kind::volume},
                  {.source = "tmpfs", .destination = "/vol", .kind = Kind::tmpfs}};
  EXPECT_EQ(obstacle("/vol/libs"), "");
  std::swap(spec_.mounts[0], spec_.mounts[1]);
  EXPECT_NE(obstacle("/vol/libs"), "");
}

TEST_F(SpecLayerTest, FileSystemsOfTheKernelAreNot) {
  spec_.mounts = {{.source = "sysfs", .destination = "/sys", .kind = Kind::kernel}};
  EXPECT_NE(obstacle("/sys/fs/cgroup/made"), "");
}

TEST_F(SpecLayerTest, AVolumeOverTheWholeRootIsEverywhere) {
  spec_.mounts = {{.source = "/srv", .destination = "/", .kind = Kind::volume},
                  {.source = "tmpfs", .destination = "/dev", .kind = Kind::tmpfs}};
  EXPECT_NE(obstacle("/usr/lib"), "");
  EXPECT_NE(obstacle("/dev"), "") << "what lies on the way there is not known";
}

TEST_F(SpecLayerTest, ATmpfsBelowAVolumeDoesNotMakeTheVolumeOurs) {
  spec_.mounts = {{.source = "/srv", .destination = "/vol", .kind = Kind::volume},
                  {.source = "tmpfs", .destination = "/vol/cache", .kind = Kind::tmpfs}};
  EXPECT_NE(obstacle("/vol/libs"), "");
  EXPECT_NE(obstacle("/vol"), "");
}

TEST_F(SpecLayerTest, AReadOnlyPlainDirectoryMayBeOthersRootToo) {
  spec_.root_read_only = true;
  EXPECT_THAT(obstacle("/usr/lib"), HasSubstr("read-only root directory"));
}

TEST_F(SpecLayerTest, WithoutAnImageOnlySpellingCounts) {
  spec_.mounts = {{.source = "/srv", .destination = "/usr/lib", .kind = Kind::volume}};
  const SpecLayer layer(spec_, nullptr);
  EXPECT_TRUE(layer.obstacle_at(ContainerPath("/usr/lib/x86_64-linux-gnu")));
  EXPECT_FALSE(layer.obstacle_at(ContainerPath("/lib")));
}

}  // namespace
}  // namespace nvhook
