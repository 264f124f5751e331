// SPDX-License-Identifier: Apache-2.0
// Tests which runtime is found, also among files that only look like one.
#include "oci/low_level_runtime.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/fails_with.hpp"
#include "support/private_namespaces.hpp"
#include "support/temporary_directory.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using test::TemporaryDirectory;

void add_program(const TemporaryDirectory& directory, const std::string& path, mode_t mode = 0755) {
  directory.write(path, "#!/bin/sh\n");
  ASSERT_EQ(::chmod((directory.path().string() + path).c_str(), mode), 0);
}

void link_to_this_program(const TemporaryDirectory& directory, const std::string& path) {
  const std::string link = directory.path().string() + path;
  ASSERT_EQ(::symlink("/proc/self/exe", link.c_str()), 0);
}

TEST(LowLevelRuntime, IsTheFirstCandidateThatIsThere) {
  const TemporaryDirectory host;
  add_program(host, "/crun-of-this-test");
  const std::string path = host.path().string();
  EXPECT_EQ(find_low_level_runtime({"no-such-runtime", "crun-of-this-test"}, path),
            path + "/crun-of-this-test");
}

TEST(LowLevelRuntime, IsFoundAmongThoseOfCrio) {
  test::in_private_namespaces([] {
    if (::access("/usr/libexec", F_OK) != 0) throw test::NotPossibleHere("no /usr/libexec");
    test::require(::mount("tmpfs", "/usr/libexec", "tmpfs", 0, nullptr) == 0, "mount a tmpfs");
    const std::string path = "/usr/libexec/crio/runc-of-this-test";
    test::require(::mkdir("/usr/libexec/crio", 0755) == 0, "make /usr/libexec/crio");
    test::require(::symlink("/bin/sh", path.c_str()) == 0, "make " + path);
    test::require(find_low_level_runtime({"runc-of-this-test"}, "/usr/bin") == path, "find it");
  });
}

TEST(LowLevelRuntime, IsTakenByItsPathAsItIs) {
  const TemporaryDirectory host;
  add_program(host, "/runtime");
  const std::string path = host.path().string() + "/runtime";
  EXPECT_EQ(find_low_level_runtime({path}, ""), path);
}

TEST(LowLevelRuntime, IsNeverThisProgram) {
  const TemporaryDirectory first;
  const TemporaryDirectory second;
  link_to_this_program(first, "/runtime-of-this-test");
  add_program(second, "/runtime-of-this-test");
  const std::string search = first.path().string() + ":" + second.path().string();
  EXPECT_EQ(find_low_level_runtime({"runtime-of-this-test"}, search),
            second.path().string() + "/runtime-of-this-test");
  EXPECT_THAT(
      [&] { (void)find_low_level_runtime({first.path().string() + "/runtime-of-this-test"}, ""); },
      fails_with(Code::runtime_not_found, "no runtime binary found"));
}

TEST(LowLevelRuntime, IsAnExecutableFile) {
  const TemporaryDirectory host;
  host.directory("/directory-of-this-test");
  add_program(host, "/text-of-this-test", 0644);
  for (const char* name : {"directory-of-this-test", "text-of-this-test"}) {
    EXPECT_THAT([&] { (void)find_low_level_runtime({name}, host.path().string()); },
                fails_with(Code::runtime_not_found, name));
  }
}

TEST(LowLevelRuntime, IsNotLookedForInTheWorkingDirectory) {
  const TemporaryDirectory host;
  add_program(host, "/runtime-of-this-test");
  ASSERT_EQ(::chdir(host.path().c_str()), 0);
  EXPECT_THAT([&] { (void)find_low_level_runtime({"runtime-of-this-test"}, ":.:"); },
              fails_with(Code::runtime_not_found, "runtime-of-this-test"));
  ASSERT_EQ(::chdir("/"), 0);
}

TEST(LowLevelRuntime, IsLookedForInTheSystemsDirectoriesToo) {
  EXPECT_TRUE(find_low_level_runtime({"sh"}, "").ends_with("/sh"));
}

}  // namespace
}  // namespace nvhook
