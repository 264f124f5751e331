// SPDX-License-Identifier: Apache-2.0
// What the kernel says of single mounts agrees with what was mounted.
#include "os/mount_stack.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "os/root_dir.hpp"
#include "support/test_container.hpp"
#include "text/text.hpp"

namespace nvhook::test {
namespace {

class MountStack : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to make mount namespaces: run ctest as root";
    constexpr long kStatmount = 457;
    ::syscall(kStatmount, nullptr, nullptr, 0, 0);
    if (errno == ENOSYS) GTEST_SKIP() << "Linux before 6.8";
    for (const char* name : {"/root/libone.so", "/root/libtwo.so", "/root/below/libthree.so",
                             "/root-like/libfour.so"}) {
      host_.write(name);
    }
  }

  /// Runs `body` in a mount namespace of its own, where directories are mounted over themselves.
  [[nodiscard]] std::string in_namespace(const std::function<std::string()>& body) const {
    return in_child([&]() -> std::string {
      const bool is_made = ::unshare(CLONE_NEWNS) == 0 &&
                           ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
      if (!is_made) return "no namespace";
      bind("/root", "/root");
      return body();
    });
  }

  [[nodiscard]] std::string path(const std::string& name) const {
    return host_.below(name).string();
  }

  void bind(const std::string& source, const std::string& target) const {
    if (::mount(path(source).c_str(), path(target).c_str(), nullptr, MS_BIND, nullptr) != 0) {
      throw std::runtime_error("no mount");
    }
  }

  [[nodiscard]] std::string names_in(const std::string& directory) const {
    const auto root = open_root(path("/root"));
    const auto names = names_mounted_over(root->fd(), path(directory));
    return names ? join({names->begin(), names->end()}, " ") : "not told";
  }

  TemporaryDirectory host_ = {};
};

TEST_F(MountStack, NamesMountsOfOneDirectory) {
  EXPECT_EQ(in_namespace([&] {
              const std::string before = names_in("/root");
              bind("/root-like/libfour.so", "/root/libone.so");
              bind("/root-like/libfour.so", "/root/below/libthree.so");
              bind("/root/libtwo.so", "/root-like/libfour.so");
              return before + "|" + names_in("/root") + "|" + names_in("/root/below") + "|" +
                     names_in("/root-like");
            }),
            "|libone.so|libthree.so|");
}

TEST_F(MountStack, TellsWhetherTheLowestMountIsSeen) {
  const auto answer = [&]() -> std::string {
    const auto root = open_root(path("/root"));
    const auto same = shows_lowest_mount(root->fd(), path("/root"));
    return same ? (*same ? "same " : "other ") : "not told ";
  };
  EXPECT_EQ(in_namespace([&] {
              std::string answers = answer();
              for (const char* source : {"/root", "/root-like", "/root"}) {
                bind(source, "/root");
                answers += answer();
              }
              return answers;
            }),
            "same same other other ");
}

TEST_F(MountStack, TellsNothingOfMountsOfAnotherNamespace) {
  const TestContainer container;
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const auto root = open_root(container.view(""));
  EXPECT_EQ(shows_lowest_mount(root->fd(), container.rootfs()), std::nullopt);
  EXPECT_EQ(names_mounted_over(root->fd(), container.rootfs()), std::nullopt);
}

}  // namespace
}  // namespace nvhook::test
