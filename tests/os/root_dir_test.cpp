// SPDX-License-Identifier: Apache-2.0
// Tests reading below a root while files are exchanged.
#include "os/root_dir.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

constexpr int kReads = 300'000;

/// A running container may exchange a file for a device between two lookups, and opening a device
/// has effects. A FIFO stands for the device here; inotify shows whether it was opened.
TEST(RootDir, OfAnImageOpensOnlyWhatItHasLookedAt) {
  const test::TemporaryDirectory tree;
  tree.write("/file", "text");
  const std::string file = tree.below("/file");
  const std::string fifo = tree.below("/fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const UniqueFd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), fifo.c_str(), IN_OPEN), 0);
  const auto image = open_root(tree.path(), FileOwner::image);
  std::atomic<bool> done = false;
  std::thread attacker([&] {
    while (!done) {
      ::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, fifo.c_str(), RENAME_EXCHANGE);
    }
  });
  int whole = 0;
  for (int i = 0; i < kReads; ++i) whole += image->read("/file", 100) == "text" ? 1 : 0;
  done = true;
  attacker.join();
  EXPECT_GT(whole, 0);
  EXPECT_LT(whole, kReads) << "the exchange was never seen";
  std::array<char, 4096> events{};
  EXPECT_LT(::read(watch.get(), events.data(), events.size()), 0) << "the FIFO was opened";
}

}  // namespace
}  // namespace nvhook
