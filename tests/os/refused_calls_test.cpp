// SPDX-License-Identifier: Apache-2.0
// Tests the replacements for pidfd_open, close_range and statx where these are refused.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <initializer_list>
#include <map>
#include <memory>
#include <thread>

#include "inject/container_process.hpp"
#include "os/mount_id.hpp"
#include "os/mount_root.hpp"
#include "os/syscalls.hpp"
#include "support/private_namespaces.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_container.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::HasSubstr;

/// Returns what ContainerProcess reports about `pid` if pidfd_open always fails with `error`.
std::string pin_without_pidfd(pid_t pid, unsigned error) {
  return in_child([&]() -> std::string {
    refuse_call(SYS_pidfd_open, error);
    const ContainerProcess process(pid);
    return "pinned";
  });
}

TEST(WithoutPidfd, AContainersProcessIsPinned) {
  const TestContainer container;
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  EXPECT_EQ(pin_without_pidfd(container.pid(), ENOSYS), "pinned");
  EXPECT_EQ(pin_without_pidfd(container.pid(), EPERM), "pinned");
}

TEST(WithoutPidfd, AThreadIsRefused) {
  // A child with a second thread, which writes its thread ID.
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::thread([&] {
      const pid_t number = ::gettid();
      static_cast<void>(!::write(pipe[1], &number, sizeof number));
      ::pause();
    }).join();
    ::_exit(0);
  }
  pid_t thread = 0;
  ASSERT_EQ(::read(pipe[0], &thread, sizeof thread), static_cast<ssize_t>(sizeof thread));
  EXPECT_THAT(pin_without_pidfd(thread, ENOSYS), HasSubstr("a thread of another one"));
  EXPECT_THAT(pin_without_pidfd(child, ENOSYS), HasSubstr("no mount namespace of its own"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(WithoutPidfd, AProcessThatHasEndedIsRefused) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_NE(pin_without_pidfd(child, ENOSYS), "pinned");  // a zombie
  ::waitpid(child, nullptr, 0);
  EXPECT_NE(pin_without_pidfd(child, ENOSYS), "pinned");
}

TEST(WithoutPidfd, AProcessThatEndsAfterItWasPinnedIsNoticed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make mount namespaces: run ctest as root";
  for (const bool is_reaped : {false, true}) {
    EXPECT_THAT(in_child([&]() -> std::string {
                  auto container = std::make_unique<TestContainer>();
                  if (!container->usable()) return "has exited";
                  refuse_call(SYS_pidfd_open, ENOSYS);
                  const ContainerProcess process(container->pid());
                  ::kill(container->pid(), SIGKILL);
                  siginfo_t info{};
                  ::waitid(P_PID, static_cast<id_t>(container->pid()), &info, WEXITED | WNOWAIT);
                  if (is_reaped) container.reset();
                  process.enter_mount_namespace();
                  return "entered";
                }),
                HasSubstr("has exited"));
  }
}

TEST(WithoutCloseRange, EveryDescriptorIsClosed) {
  for (const unsigned error : std::initializer_list<unsigned>{ENOSYS, EPERM}) {
    EXPECT_EQ(in_child([&]() -> std::string {
                refuse_call(SYS_close_range, error);
                for (int count = 0; count < 300; ++count) {
                  if (::dup(0) < 0) return "no descriptors are left";
                }
                ::dup2(0, 700);
                sys::close_range(10, ~0U);
                std::string left;
                for (int fd = 10; fd < 1024; ++fd) {
                  if (::fcntl(fd, F_GETFD) >= 0) left += std::to_string(fd) + " ";
                }
                return left;
              }),
              "");
  }
}

TEST(WithoutCloseRange, EveryDescriptorIsClosedWithoutProcfsToo) {
  in_private_namespaces([] {
    require(::mount("none", "/proc", "tmpfs", 0, nullptr) == 0, "mount");
    refuse_call(SYS_close_range, ENOSYS);
    ::dup2(0, 700);
    sys::close_range(600, ~0U);
    EXPECT_EQ(::fcntl(700, F_GETFD), -1);
  });
}

TEST(WithoutStatx, MountsAreToldApart) {
  for (const unsigned error : std::initializer_list<unsigned>{ENOSYS, EPERM}) {
    in_private_namespaces([&] {
      const TemporaryDirectory tree;
      tree.write("/file");
      tree.write("/covered");
      tree.directory("/volume");
      const std::string top = tree.path().string();
      require(::mount("none", (top + "/volume").c_str(), "tmpfs", 0, nullptr) == 0, "mount");
      require(::mount((top + "/file").c_str(), (top + "/covered").c_str(), nullptr, MS_BIND,
                      nullptr) == 0,
              "mount");
      tree.write("/volume/deep/file");
      const RootDir root = *open_root(top);
      std::map<std::string, std::uint64_t> ids;
      const auto open = [&](const char* name) { return root.open(name, O_PATH); };
      const std::array<const char*, 6> names = {"/",       "/file",        "/covered",
                                                "/volume", "/volume/deep", "/volume/deep/file"};
      for (const char* name : names) ids[name] = mount_id_of(open(name).get());
      refuse_call(SYS_statx, error);
      for (const char* name : names) EXPECT_EQ(mount_id_of(open(name).get()), ids[name]) << name;
      EXPECT_TRUE(is_mount_root(open("/covered").get(), root));
      EXPECT_TRUE(is_mount_root(open("/volume").get(), root));
      EXPECT_FALSE(is_mount_root(open("/file").get(), root));
      EXPECT_FALSE(is_mount_root(open("/volume/deep").get(), root));
      EXPECT_FALSE(is_mount_root(open("/volume/deep/file").get(), root));
      const UniqueFd found = mount_root_of(open("/volume/deep/file").get(), root);
      EXPECT_TRUE(found && is_mount_root(found.get(), root));
      EXPECT_TRUE(on_same_mount(found.get(), open("/volume").get()));
      EXPECT_FALSE(on_same_mount(found.get(), open("/file").get()));
      EXPECT_FALSE(on_same_mount(-1, -1)) << "unknown is not the same";
    });
  }
}

}  // namespace
}  // namespace nvhook
