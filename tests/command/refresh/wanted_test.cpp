// SPDX-License-Identifier: Apache-2.0
// Which capabilities the files of a container tell of.
#include "command/refresh/wanted.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

std::string capabilities(const std::vector<std::string>& names) {
  std::vector<MountedFile> files;
  for (const std::string& name : names) {
    files.push_back(*as_driver_file({.target = "/usr/lib64/" + name}));
  }
  return to_string(capabilities_of(files));
}

TEST(CapabilitiesOf, FilesAreTheLeastThatBringThem) {
  EXPECT_EQ(capabilities({}), "");
  EXPECT_EQ(capabilities({"libnvidia-ml.so.535.1"}), "utility");
  EXPECT_EQ(capabilities({"libcuda.so.535.1"}), "compute") << "and not video";
  EXPECT_EQ(capabilities({"libnvcuvid.so.535.1", "libnvidia-ml.so.535.1"}), "utility,video");
  EXPECT_EQ(capabilities({"libGLX_nvidia.so.535.1"}), "graphics") << "and not display";
}

TEST(CapabilitiesOf, FilesThatSeveralBringTellNothing) {
  EXPECT_EQ(capabilities({"libnvidia-allocator.so.535.1"}), "");
}

}  // namespace
}  // namespace nvhook
