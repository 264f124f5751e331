// SPDX-License-Identifier: Apache-2.0
// Where a hook finds itself, given the pid of a process inside, outside or beside the container.
#include "inject/container_stage.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "inject/container_process.hpp"
#include "support/read_count.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_container.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using test::TemporaryDirectory;
using test::TestContainer;

TEST(HookPlace, TheNumbersOfTheProcessInsideSayInside) {
  EXPECT_EQ(find_location(0, *open_root("/")), HookLocation::inside);
  EXPECT_EQ(find_location(1, *open_root("/")), HookLocation::inside);
}

TEST(HookPlace, AProcessWithOurMountNamespaceIsNoContainerToEnter) {
  EXPECT_EQ(find_location(::getpid(), *open_root("/")), HookLocation::same_mount_namespace);
}

TEST(HookPlace, AProcessWithAMountNamespaceOfItsOwnIsOutside) {
  const TestContainer container;
  if (!container.usable()) GTEST_SKIP() << "cannot make a mount namespace: run ctest as root";
  EXPECT_EQ(find_location(container.pid(), *open_root("/")), HookLocation::outside);
}

TEST(HookPlace, AProcessThatHasItsOwnRootAlreadySaysThatTheStageIsTooLate) {
  const TestContainer container({}, [](const std::string& rootfs) {
    if (::chroot(rootfs.c_str()) != 0) throw std::runtime_error("chroot");
  });
  if (!container.usable()) GTEST_SKIP() << "cannot make a mount namespace: run ctest as root";
  try {
    const ContainerProcess process(container.pid());
    static_cast<void>(process.open_rootfs(container.rootfs()));
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::wrong_stage) << error.what();
  }
}

TEST(HookPlace, AProcfsThatKnowsUsByAnotherNumberSaysInside) {
  const TemporaryDirectory system;
  system.link("/proc/self", std::to_string(::getpid() + 1));
  EXPECT_EQ(find_location(::getpid(), *open_root(system.path().string())), HookLocation::inside);
}

TEST(StandaloneProcess, ReadsItsCgroupOnlyForThoseWhoAsk) {
  const long reads = test::reads_of([] { static_cast<void>(ContainerProcess::standalone()); });
  if (reads >= 0) {
    EXPECT_EQ(reads, 0);
  }
  const ContainerProcess process = ContainerProcess::standalone();
  EXPECT_FALSE(process.cgroup_text().empty());
}

TEST(DriverByHook, IsNotWhatAnImageBringsAsFiles) {
  const TemporaryDirectory image;
  image.write("/proc/driver/nvidia/params", "ModifyDeviceFiles: 0\n");
  image.write("/dev/nvidiactl");
  EXPECT_FALSE(has_driver_by_hook(*open_root(image.path().string())));
}

}  // namespace
}  // namespace nvhook
