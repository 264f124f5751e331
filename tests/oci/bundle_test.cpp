// SPDX-License-Identifier: Apache-2.0
// Tests that config.json is replaced as a whole or not at all.
#include "oci/bundle.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <string>

#include "os/root_dir.hpp"
#include "support/fails_with.hpp"
#include "support/private_namespaces.hpp"
#include "support/temporary_directory.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using test::TemporaryDirectory;
using ::testing::ElementsAre;

std::string text_of(const TemporaryDirectory& bundle) {
  const auto found = open_bundle(bundle.path().string(), AT_FDCWD);
  return found ? found->text : "none";
}

TEST(ReplaceSpec, KeepsModeAndOwnerAndLeavesNothingBeside) {
  const TemporaryDirectory bundle;
  bundle.write("/config.json", "old");
  const std::string file = bundle.path().string() + "/config.json";
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  replace_spec(bundle.path().string(), "new");
  EXPECT_EQ(text_of(bundle), "new");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  EXPECT_THAT(open_root(bundle.path().string())->list("/"), ElementsAre("config.json"));
}

TEST(ReplaceSpec, LeavesWhoHasTheOldOneOpenWithIt) {
  const TemporaryDirectory bundle;
  bundle.write("/config.json", "old");
  const UniqueFd reader(
      ::open((bundle.path().string() + "/config.json").c_str(), O_RDONLY | O_CLOEXEC));
  replace_spec(bundle.path().string(), "new");
  std::string text(8, '\0');
  EXPECT_EQ(::read(reader.get(), text.data(), text.size()), 3);
  EXPECT_STREQ(text.c_str(), "old");
}

TEST(ReplaceSpec, LosesNothingWhereItCannotWrite) {
  test::in_private_namespaces([] {
    const TemporaryDirectory bundle;
    bundle.write("/config.json", "old");
    const std::string path = bundle.path().string();
    test::require(::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0, "bind");
    test::require(
        ::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0,
        "make it read-only");
    EXPECT_THAT([&] { replace_spec(path, "new"); },
                fails_with(Code::spec_not_writable, "Read-only file system"));
    EXPECT_EQ(text_of(bundle), "old");
    test::require(::umount2(path.c_str(), MNT_DETACH) == 0, "umount");
  });
}

TEST(ReplaceSpec, LosesNothingOnAFullDisk) {
  test::in_private_namespaces([] {
    const TemporaryDirectory bundle;
    const std::string path = bundle.path().string();
    test::require(::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=64k") == 0, "mount a tmpfs");
    bundle.write("/config.json", "old");
    const std::string more_than_fits(1U << 20U, ' ');
    EXPECT_THAT([&] { replace_spec(path, more_than_fits); },
                fails_with(Code::spec_not_writable, "No space left on device"));
    EXPECT_EQ(text_of(bundle), "old");
    EXPECT_THAT(open_root(path)->list("/"), ElementsAre("config.json"));
    test::require(::umount2(path.c_str(), MNT_DETACH) == 0, "umount");
  });
}

TEST(ReplaceSpec, LeavesOneOfBothWholeWhereverItIsKilled) {
  test::in_private_namespaces([] {
    const TemporaryDirectory bundle;
    const std::string older(10'000, 'o');
    const std::string newer(20'000, 'n');
    std::set<std::string> seen;
    bool was_killed = true;
    for (int step = 0; was_killed; ++step) {
      bundle.write("/config.json", older);
      was_killed =
          test::is_killed_after(step, [&] { replace_spec(bundle.path().string(), newer); });
      seen.insert(text_of(bundle));
      ASSERT_LT(step, 10000);
    }
    EXPECT_THAT(seen, ElementsAre(newer, older));
  });
}

TEST(OpenBundle, TellsNothingOfADirectoryWithoutSpec) {
  const TemporaryDirectory bundle;
  EXPECT_FALSE(open_bundle(bundle.path().string(), AT_FDCWD).has_value());
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace nvhook
