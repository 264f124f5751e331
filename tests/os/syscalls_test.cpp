// SPDX-License-Identifier: Apache-2.0
// Tests how an errno becomes an Error; path_walk_test.cpp tests open_beneath.
#include "os/syscalls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "support/private_namespaces.hpp"

namespace nvhook {
namespace {

Error error_for(int error) {
  try {
    errno = error;
    throw_errno(Code::target_unusable, "open `/x`", "look at the image");
  } catch (const Error& thrown) {
    return thrown;
  }
}

TEST(ThrowErrno, SaysWhatFailedAndWhy) {
  const Error error = error_for(EACCES);
  EXPECT_EQ(error.code(), Code::target_unusable);
  EXPECT_STREQ(error.what(), "open `/x`: Permission denied");
  EXPECT_EQ(error.remedy(), "look at the image");
}

TEST(ThrowErrno, BlamesNothingElseWhereTheHostHasNoResourcesLeft) {
  for (const int lack : {EMFILE, ENFILE, ENOMEM}) {
    const Error error = error_for(lack);
    EXPECT_EQ(error.code(), Code::internal) << errno_text(lack);
    EXPECT_STREQ(error.what(), ("open `/x`: " + errno_text(lack)).c_str());
    EXPECT_EQ(error.remedy(), "free memory and file descriptors on the host");
  }
}

TEST(ThrowErrno, NamesTheCapabilitiesThatRootWasLeftWithout) {
  test::in_private_namespaces(::geteuid() == 0 ? 0 : CLONE_NEWUSER, [] {
    for (const int capability : {CAP_SYS_PTRACE, CAP_DAC_OVERRIDE}) {
      test::require(::prctl(PR_CAPBSET_DROP, capability) == 0, "drop a capability");
    }
    for (const int refused : {EACCES, EPERM}) {
      EXPECT_THAT(
          error_for(refused).remedy(),
          ::testing::HasSubstr("run the hook with CAP_DAC_OVERRIDE, CAP_SYS_PTRACE, which"));
    }
    EXPECT_EQ(error_for(ENOENT).remedy(), "look at the image");
    return std::string();
  });
}

}  // namespace
}  // namespace nvhook
