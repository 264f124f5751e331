// SPDX-License-Identifier: Apache-2.0
// Tests how an errno becomes an Error; path_walk_test.cpp tests open_beneath.
#include "os/syscalls.hpp"

#include <gtest/gtest.h>

#include <cerrno>

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

}  // namespace
}  // namespace nvhook
