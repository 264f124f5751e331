// SPDX-License-Identifier: Apache-2.0
// Tests limits and signals of this process, and what a program inherits that it starts.
#include "os/process_setup.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>

#include "os/child_process.hpp"
#include "os/descriptor_limit.hpp"
#include "support/private_namespaces.hpp"

namespace nvhook {
namespace {

constexpr rlim_t kLow = 64;

rlimit descriptor_limit() {
  rlimit limit{};
  test::require(::getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
  return limit;
}

/// Returns the shell's output for `command`, started as the probe is.
std::string output_of(const std::string& command) {
  const UniqueFd shell(::openat(AT_FDCWD, "/bin/sh", O_PATH | O_CLOEXEC));
  return run_child({.executable = shell.get(),
                    .arguments = {"sh", "-c", command},
                    .max_output = 4096,
                    .deadline = std::chrono::seconds(60)})
      .output;
}

TEST(DescriptorLimit, IsRaisedAndGivenBackToWhatIsStarted) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    const rlim_t hard = descriptor_limit().rlim_max;
    const rlimit low{.rlim_cur = kLow, .rlim_max = hard};
    test::require(::setrlimit(RLIMIT_NOFILE, &low) == 0, "setrlimit");
    raise_descriptor_limit();
    EXPECT_EQ(descriptor_limit().rlim_cur, std::min<rlim_t>(hard, 65'536));
    EXPECT_EQ(descriptor_limit().rlim_max, hard);
    EXPECT_EQ(output_of("ulimit -Sn; ulimit -Hn"),
              std::to_string(kLow) + "\n" + std::to_string(hard) + "\n");
    return std::string();
  });
}

TEST(DescriptorLimit, ThatIsHighEnoughStays) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    const rlimit limit{.rlim_cur = kLow, .rlim_max = kLow};
    test::require(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    raise_descriptor_limit();
    EXPECT_EQ(descriptor_limit().rlim_cur, kLow);
    return std::string();
  });
}

TEST(WriteSignals, EndNoProcessOfOursAndAreAsEverInWhatIsStarted) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    ignore_write_signals();
    const rlimit limit{.rlim_cur = 1, .rlim_max = RLIM_INFINITY};
    test::require(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
    const UniqueFd file(::openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    EXPECT_EQ(::write(file.get(), "12", 2), 1);
    EXPECT_EQ(::write(file.get(), "3", 1), -1);
    EXPECT_EQ(errno, EFBIG);
    std::array<int, 2> ends{};
    test::require(::pipe2(ends.data(), O_CLOEXEC) == 0, "pipe2");
    ::close(ends[0]);
    EXPECT_EQ(::write(ends[1], "1", 1), -1);
    EXPECT_EQ(errno, EPIPE);
    EXPECT_EQ(output_of("while read -r key value; do case $key in SigIgn:) echo $value; esac; done "
                        "< /proc/self/status"),
              "0000000000000000\n");
    return std::string();
  });
}

}  // namespace
}  // namespace nvhook
