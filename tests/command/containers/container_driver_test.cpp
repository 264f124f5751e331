// SPDX-License-Identifier: Apache-2.0
// Tests the mount table of a process, and which of its mounts are recognised as the driver's.
#include "command/containers/container_driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(MountTable, IsReadByLibmount) {
  EXPECT_THAT(
      parse_mount_table(
          "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
          "23 22 8:1 /usr/lib/libcuda.so.1//deleted /usr/lib64/libcuda.so.1 ro,nosuid "
          "- ext4 /dev/sda1 rw\n"
          "24 22 0:5 /nvidia0 /a\\040b rw shared:2 - devtmpfs udev rw\n"),
      ElementsAre(MountEntry{.target = "/", .source = "/", .filesystem = "ext4"},
                  MountEntry{.target = "/usr/lib64/libcuda.so.1",
                             .source = "/usr/lib/libcuda.so.1",
                             .filesystem = "ext4",
                             .is_deleted = true},
                  MountEntry{.target = "/a b", .source = "/nvidia0", .filesystem = "devtmpfs"}));
}

TEST(MountTable, ALineThatIsNoneIsPassedOver) {
  EXPECT_THAT(parse_mount_table(""), IsEmpty());
  EXPECT_THAT(parse_mount_table("22 1 8:1 / / rw - ext4 /dev/sda1 rw\nnonsense\n"),
              testing::SizeIs(1));
}

std::string named(const std::string& target) {
  const auto file = as_driver_file({.target = target});
  if (!file) return "";
  return std::string(file->component->name) + (file->version.empty() ? "" : " " + file->version);
}

TEST(DriverFiles, AreToldByWhereTheyAreMounted) {
  EXPECT_EQ(named("/usr/lib/x86_64-linux-gnu/libcuda.so.535.1"), "libcuda.so 535.1");
  EXPECT_EQ(named("/usr/lib64/libnvidia-egl-gbm.so.1.1.0"), "libnvidia-egl-gbm.so");
  EXPECT_EQ(named("/usr/lib64/libnvidia-new.so.535.1"), "libnvidia-* 535.1");
  EXPECT_EQ(named("/usr/lib64/libcuda.so.1"), "libcuda.so");
  EXPECT_EQ(named("/usr/bin/nvidia-smi"), "nvidia-smi");
  EXPECT_EQ(named("/lib/firmware/nvidia/535.1/gsp_ga10x.bin"), "gsp 535.1");
  EXPECT_EQ(named("/run/nvidia-persistenced/socket"), "/var/run/nvidia-persistenced/socket");
  EXPECT_EQ(named("/etc/vulkan/icd.d/nvidia_icd.json"), "vulkan/icd.d/nvidia_icd*.json");
  EXPECT_EQ(named("/usr/lib/wsl/drivers/nv_dispi/libnvidia-new.so.1"), "*.so*");
  EXPECT_EQ(named("/usr/lib64/libnvidia-nvvm.so.4.0.0"), "libnvidia-nvvm.so") << "its own version";
  EXPECT_EQ(named("/usr/share/nvidia/nvidia-application-profiles-535.1-rc"),
            "nvidia/nvidia-application-profiles-$VERSION-rc 535.1");
  EXPECT_EQ(named("/usr/lib/xorg/modules/extensions/libglxserver_nvidia.so.535.1"),
            "libglxserver_nvidia.so.$VERSION 535.1");
  EXPECT_EQ(named("/usr/lib64/xorg/modules/extensions/libglxserver_nvidia.so"),
            "libglxserver_nvidia.so.$VERSION");
}

TEST(DriverFiles, OthersAreNot) {
  for (const char* target :
       {"/", "/usr/lib64/libc.so.6", "/data", "/dev/nvidia0", "/run/secrets", "/proc/driver/nvidia",
        "/usr/lib64/libcuda.so", "/lib/firmware/nvidia"}) {
    EXPECT_EQ(named(target), "") << target;
  }
}

}  // namespace
}  // namespace nvhook
