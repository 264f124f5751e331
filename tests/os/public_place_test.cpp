// SPDX-License-Identifier: Apache-2.0
// Tests paths that others can write to: owners, modes and file systems of others.
#include "os/public_place.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "inject/bind_source.hpp"
#include "support/fails_with.hpp"
#include "support/private_namespaces.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr unsigned kStranger = 4711;
const std::string kPlace = "/tmp/daemon";

void set_mode(const test::TemporaryDirectory& tree, const std::string& path, unsigned mode) {
  std::filesystem::permissions(tree.below(path), static_cast<std::filesystem::perms>(mode));
}

/// /tmp/daemon, as root makes it.
test::TemporaryDirectory usual_place() {
  test::TemporaryDirectory tree;
  tree.directory(kPlace);
  set_mode(tree, "/tmp", 01777);
  set_mode(tree, kPlace, 0755);
  return tree;
}

PlaceView look(const test::TemporaryDirectory& tree, const std::string& path,
               MadeBy made_by = MadeBy::root) {
  return look_at_place(*open_root(tree.path()), path, made_by);
}

TEST(PublicPlace, WhatRootMadeInAStickyDirectoryMayBeUsed) {
  const auto tree = usual_place();
  const PlaceView place = look(tree, kPlace);
  EXPECT_THAT(place.why_not, IsEmpty());
  ASSERT_TRUE(place.fd);
  EXPECT_TRUE(place.status.is_directory());
}

TEST(PublicPlace, WhatIsNotThereIsNoFault) {
  const PlaceView place = look(usual_place(), "/tmp/another/one");
  EXPECT_FALSE(place.fd);
  EXPECT_THAT(place.why_not, IsEmpty());
}

TEST(PublicPlace, ADirectoryThatOthersCanWriteIsNotRoots) {
  const auto tree = usual_place();
  for (const unsigned mode : {0775U, 0757U, 0777U, 01777U}) {
    set_mode(tree, kPlace, mode);
    const PlaceView place = look(tree, kPlace);
    EXPECT_FALSE(place.fd);
    EXPECT_THAT(place.why_not, HasSubstr("others than root can write `daemon`"));
    EXPECT_TRUE(look(tree, kPlace, MadeBy::anybody).fd);
  }
}

TEST(PublicPlace, ADirectoryAboveWithoutStickyBitLetsOthersExchangeIt) {
  const auto tree = usual_place();
  set_mode(tree, "/tmp", 0777);
  EXPECT_THAT(look(tree, kPlace).why_not, HasSubstr("others than root can write `tmp`"));
}

TEST(PublicPlace, LinksAreFollowedInsideTheRootAndNeverTheLast) {
  const auto tree = usual_place();
  tree.link("/run", "/../../tmp/.");
  tree.link("/tmp/link", "daemon");
  EXPECT_TRUE(look(tree, "/run/daemon").fd);
  EXPECT_TRUE(look(tree, "/run/link").status.is_symlink());
  tree.link("/tmp/round", "round");
  EXPECT_THAT(look(tree, "/tmp/round/x").why_not, HasSubstr("cannot be followed"));
}

TEST(PublicPlace, WhatBelongsToAnotherUserIsNotRoots) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const auto tree = usual_place();
  ASSERT_EQ(::chown(tree.below(kPlace).c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(look(tree, kPlace).why_not, HasSubstr("`daemon` belongs to user 4711, not to root"));
  EXPECT_THAT(look(tree, kPlace + "/control").why_not, HasSubstr("belongs to user 4711"));
  tree.link("/tmp/link", "/tmp");
  ASSERT_EQ(::lchown(tree.below("/tmp/link").c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(look(tree, "/tmp/link/daemon").why_not, HasSubstr("`link` belongs to user 4711"));
}

TEST(PublicPlace, WhatWasFoundMayBeAnothersWhenItIsMounted) {
  const auto tree = usual_place();
  const RootDir root = *open_root(tree.path());
  const BindMount mount{.source = {.root = HostRoot::driver, .path = HostPath(kPlace)},
                        .type = SourceType::directory,
                        .optional = true,
                        .in_public_place = true};
  EXPECT_TRUE(open_source(mount, root, root));
  set_mode(tree, kPlace, 0777);
  EXPECT_THAT([&] { static_cast<void>(open_source(mount, root, root)); },
              fails_with(Code::driver_file_unsafe, "others than root can write"));
  std::filesystem::remove(tree.below(kPlace));
  EXPECT_THAT([&] { static_cast<void>(open_source(mount, root, root)); },
              fails_with(Code::driver_file_unsafe, "it is gone"));
}

/// Mounts a FUSE file system that nobody serves: whoever asks it waits, until the alarm fails the
/// test.
void mount_silent_fuse(const std::string& mount_point) {
  const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) throw test::NotPossibleHere("/dev/fuse cannot be opened");
  const std::string options =
      "fd=" + std::to_string(device) + ",rootmode=40755,user_id=0,group_id=0,allow_other";
  if (::mount("silent", mount_point.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    throw test::NotPossibleHere("FUSE is refused");
  }
  ::alarm(20);
}

TEST(PublicPlace, AFileSystemThatSomebodyServesIsAskedNothing) {
  const auto tree = usual_place();
  test::in_private_namespaces([&] {
    mount_silent_fuse(tree.below(kPlace).string());
    for (const MadeBy made_by : {MadeBy::anybody, MadeBy::root}) {
      for (const std::string& path : {kPlace, kPlace + "/control"}) {
        const PlaceView place = look(tree, path, made_by);
        EXPECT_FALSE(place.fd);
        EXPECT_THAT(place.why_not, HasSubstr("`daemon` is a mount of a file system"));
        EXPECT_THAT(place.why_not, HasSubstr("fuse"));
      }
    }
  });
}

TEST(PublicPlace, ALocalFileSystemMayBeMountedThere) {
  const auto tree = usual_place();
  test::in_private_namespaces([&] {
    test::require(::mount("tmpfs", tree.below(kPlace).c_str(), "tmpfs", 0, "mode=0755") == 0,
                  "mount tmpfs");
    EXPECT_THAT(look(tree, kPlace).why_not, IsEmpty());
    EXPECT_TRUE(look(tree, kPlace).fd);
  });
}

}  // namespace
}  // namespace nvhook
