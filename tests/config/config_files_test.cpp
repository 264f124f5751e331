// SPDX-License-Identifier: Apache-2.0
// Tests the messages about configuration files that cannot be read.
#include "config/config_files.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>

#include "support/temporary_directory.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

Error failure(const test::TemporaryDirectory& host, const std::string& explicit_file) {
  const auto root = open_root(host.path().string());
  const CallerContext caller = read_caller();
  try {
    errno = ENOTTY;  // left over from an earlier call
    static_cast<void>(load_config_of(*root, explicit_file, caller));
  } catch (const Error& error) {
    return error;
  }
  throw std::runtime_error("it was read");
}

TEST(ConfigFiles, ADirectoryIsCalledOne) {
  const test::TemporaryDirectory host;
  host.write("/etc/oci-nvidia-hook/config.toml/x");
  const Error error = failure(host, "");
  EXPECT_EQ(error.code(), Code::config_unreadable);
  EXPECT_THAT(error.what(), EndsWith("/etc/oci-nvidia-hook/config.toml`: Is a directory"));
  EXPECT_EQ(error.remedy(), "make it a readable file, or remove it") << "there was no option";
}

TEST(ConfigFiles, AnOptionCanBeLeftOut) {
  const test::TemporaryDirectory host;
  const Error error = failure(host, host.path().string());
  EXPECT_THAT(error.what(), EndsWith("`: Is a directory"));
  EXPECT_THAT(error.remedy(), HasSubstr("leave the option out"));
}

TEST(ConfigFiles, WhatIsNoFileIsToldWithoutAnOldErrno) {
  const test::TemporaryDirectory host;
  EXPECT_THAT(failure(host, "/dev/null").what(), EndsWith("`: Invalid argument"));
}

}  // namespace
}  // namespace nvhook
