// SPDX-License-Identifier: Apache-2.0
// Whether a container is still there, of processes that live, end and are waited for.
#include "lease/holder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ != 0) return;
    for (;;) ::pause();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&&) = delete;
  Child& operator=(Child&&) = delete;
  ~Child() {
    end();
    ::waitpid(pid_, nullptr, 0);
  }
  /// Afterwards it is a zombie.
  void end() const {
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

class HolderTest : public ::testing::Test {
 protected:
  [[nodiscard]] LeaseHolder holder() const {
    return describe_holder(child_.pid(), "web", "0::/nowhere\n", system_);
  }

  RootDir system_ = open_root("/").value();
  Child child_;
};

TEST_F(HolderTest, IsThereWhileItsProcessLives) {
  const LeaseHolder found = holder();
  EXPECT_EQ(found.container, "web");
  EXPECT_EQ(found.cgroup, "") << "there is no such cgroup";
  EXPECT_TRUE(is_there(found, system_));
}

TEST_F(HolderTest, IsGoneWithItsProcessEvenIfNobodyWaitsForIt) {
  const LeaseHolder found = holder();
  child_.end();
  EXPECT_FALSE(is_there(found, system_));
}

TEST_F(HolderTest, IsNotALaterProcessWithItsNumber) {
  LeaseHolder earlier = holder();
  --earlier.start_ticks;
  EXPECT_FALSE(is_there(earlier, system_));
}

TEST_F(HolderTest, OfAProcessThatHasEndedIsNone) {
  child_.end();
  EXPECT_THAT([&] { static_cast<void>(holder()); }, fails_with(Code::container_gone, "has exited"));
}

TEST_F(HolderTest, InTheCgroupOfThisProcessHasNoneOfItsOwn) {
  const std::string ours = system_.read("/proc/self/cgroup", 1U << 20U).value();
  EXPECT_EQ(describe_holder(child_.pid(), "", ours, system_).cgroup, "");
}

TEST_F(HolderTest, IsNotKeptByACgroupThatIsGone) {
  LeaseHolder found = holder();
  found.cgroup = "/sys/fs/cgroup/nowhere";
  found.cgroup_inode = 4711;
  child_.end();
  EXPECT_FALSE(is_there(found, system_));
}

}  // namespace
}  // namespace nvhook
