// SPDX-License-Identifier: Apache-2.0
// The directory of leases, and what others do in it.
#include "lease/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support/fails_with.hpp"
#include "support/temporary_directory.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Registry : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root has a registry";
  }

  [[nodiscard]] std::string path() const { return directory_.path() / "run/leases"; }
  [[nodiscard]] std::string file(const Lease& lease) const {
    return "run/leases/" + lease_file(lease.holder);
  }
  [[nodiscard]] auto reading() const {
    return [this] { static_cast<void>(LeaseRegistry::at(path()).read()); };
  }

  test::TemporaryDirectory directory_;
  Lease lease_{.holder = {.container = "web", .pid = 4711, .start_ticks = 12},
               .since = 1,
               .devices = {{.gpu = "0000:3b:00.0"}}};
};

TEST_F(Registry, KeepsOneFileForEachContainer) {
  const LeaseRegistry registry = LeaseRegistry::at(path());
  Lease other = lease_;
  other.holder.pid = 815;
  registry.put(lease_);
  registry.put(other);
  lease_.devices = {};
  registry.put(lease_);
  EXPECT_THAT(registry.read(), ElementsAre(lease_, other));
  registry.erase(lease_.holder);
  registry.erase(lease_.holder);
  EXPECT_THAT(registry.read(), ElementsAre(other));
}

TEST_F(Registry, IsForEverybodyToReadAndForRootToWrite) {
  LeaseRegistry::at(path()).put(lease_);
  struct stat status {};
  ASSERT_EQ(::stat((directory_.path() / file(lease_)).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);
}

TEST_F(Registry, IsNotThereBeforeTheFirstLease) {
  EXPECT_FALSE(LeaseRegistry::look(path()));
  static_cast<void>(LeaseRegistry::at(path()));
  EXPECT_TRUE(LeaseRegistry::look(path()));
}

TEST_F(Registry, OneHasTheLockAtATime) {
  const LeaseRegistry registry = LeaseRegistry::at(path());
  {
    const UniqueFd lock = registry.lock();
    struct stat status {};
    ASSERT_EQ(::fstat(lock.get(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << "whoever can open it can hold it";
  }
  EXPECT_TRUE(registry.lock()) << "given back with the descriptor";
}

TEST_F(Registry, AFileThatIsNoLeaseMakesNothingFree) {
  static_cast<void>(LeaseRegistry::at(path()));
  for (const std::string& text : {std::string(), std::string("{"), lease_text(lease_).substr(0, 30),
                                  lease_text({.holder = {.pid = 1}}), std::string(100'000, ' ')}) {
    directory_.write(file(lease_), text);
    EXPECT_THAT(reading(), fails_with(Code::lease_registry_unusable, lease_file(lease_.holder)));
    EXPECT_THAT(reading(), fails_with_remedy(Code::lease_registry_unusable, "remove the file"));
  }
}

TEST_F(Registry, AnotherKindOfFileMakesNothingFree) {
  static_cast<void>(LeaseRegistry::at(path()));
  directory_.directory(file(lease_));
  EXPECT_THAT(reading(), fails_with(Code::lease_registry_unusable, "no file"));
  std::filesystem::remove(directory_.path() / file(lease_));
  directory_.link(file(lease_), "/dev/zero");
  EXPECT_THAT(reading(), fails_with(Code::lease_registry_unusable, "no file"));
}

TEST_F(Registry, AFileThatOthersMayHaveWrittenIsNotBelieved) {
  LeaseRegistry::at(path()).put(lease_);
  ASSERT_EQ(::chmod((directory_.path() / file(lease_)).c_str(), 0666), 0);
  EXPECT_THAT(reading(), fails_with(Code::lease_registry_unusable, "others than root"));
}

TEST_F(Registry, ADirectoryThatOthersCanWriteIsNotUsed) {
  static_cast<void>(LeaseRegistry::at(path()));
  ASSERT_EQ(::chmod(path().c_str(), 0777), 0);
  EXPECT_THAT(reading(), fails_with(Code::lease_registry_unusable, "writable by group or others"));
  EXPECT_THAT([&] { static_cast<void>(LeaseRegistry::look(path())); },
              fails_with(Code::lease_registry_unusable, "writable by group or others"));
}

TEST_F(Registry, WhatIsNoLeaseByItsNameDoesNotMatter) {
  const LeaseRegistry registry = LeaseRegistry::at(path());
  directory_.write("run/leases/README", "?");
  directory_.write("run/leases/.4711-12.json.0123456789abcdef", "half a le");
  EXPECT_THAT(registry.read(), IsEmpty());
  registry.sweep();
  EXPECT_FALSE(std::filesystem::exists(path() + "/.4711-12.json.0123456789abcdef"));
  EXPECT_TRUE(std::filesystem::exists(path() + "/README"));
}

}  // namespace
}  // namespace nvhook
